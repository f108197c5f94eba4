import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { handler, injectedError } from '../call.ts'

/**
 * Takes a client's metrics; what came is told by `broker.telemetry()`. A fault "after" refuses what was taken. Source:
 * KafkaApis.handlePushTelemetryRequest, ClientMetricsManager.
 */
export const pushTelemetryHandler = handler('PushTelemetry', apis.pushTelemetry, {
  // The log would keep the metrics twice.
  summary: ({ metrics, ...rest }) => ({ ...rest, metricsSizeInBytes: metrics.length }),
  handle(call) {
    const before = injectedError(call, 'before')
    if (before) return { errorCode: before.code }
    const refusal = call.cluster.telemetry?.push(call)
    const after = injectedError(call, 'after')
    if (after) return { errorCode: after.code }
    return { errorCode: refusal === null ? 0 : errorNumber(refusal ?? 'UNKNOWN_SERVER_ERROR') }
  },
})
