import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

/**
 * Tells a client which metrics to push, and how often. Announced only where the broker was started with `telemetry`, as Kafka does
 * only with a plug-in that receives them. Source: KafkaApis.handleGetTelemetrySubscriptionsRequest, ClientMetricsManager.
 */
export const getTelemetrySubscriptionsHandler = handler('GetTelemetrySubscriptions', apis.getTelemetrySubscriptions, {
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return refused(injected.code)
    const answer = call.cluster.telemetry?.subscriptionOf(call) ?? 'UNKNOWN_SERVER_ERROR'
    return typeof answer === 'string' ? refused(errorNumber(answer)) : answer
  },
})

const refused = (errorCode: number) => ({
  errorCode,
  ...{ clientInstanceId: 'AAAAAAAAAAAAAAAAAAAAAA', subscriptionId: 0, acceptedCompressionTypes: [], pushIntervalMs: 0 },
  ...{ telemetryMaxBytes: 0, deltaTemporality: false, requestedMetrics: [] },
})
