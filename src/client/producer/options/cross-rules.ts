import type { OptionProblem } from '../../../base/errors/index.ts'
import type { ResolvedOptions } from '../options.ts'
import { int32Max } from './option-kinds.ts'
import type { OptionName } from './option-table.ts'

export type MutableOptions = { -readonly [name in keyof ResolvedOptions]: ResolvedOptions[name] }

/**
 * What options mean to each other. Changes values that were not given, and reports what was given and cannot be.
 * Source: ProducerConfig.java (postProcessParsedConfig), KafkaProducer.configureDeliveryTimeout, CommonClientConfigs.java.
 */
export function applyCrossRules(options: MutableOptions, given: ReadonlySet<OptionName>): OptionProblem[] {
  // Java clamps its long to an int, and takes a batch of 0 bytes for one of 1.
  options.lingerMs = Math.min(options.lingerMs, int32Max)
  options.batchSize = Math.max(options.batchSize, 1)
  // An exponential back-off whose first step is above its last is a constant one.
  if (given.has('reconnectBackoffMs') && !given.has('reconnectBackoffMaxMs')) {
    options.reconnectBackoffMaxMs = options.reconnectBackoffMs
  }
  options.reconnectBackoffMs = Math.min(options.reconnectBackoffMs, options.reconnectBackoffMaxMs)
  options.retryBackoffMs = Math.min(options.retryBackoffMs, options.retryBackoffMaxMs)
  options.socketConnectionSetupTimeoutMs = Math.min(
    options.socketConnectionSetupTimeoutMs,
    options.socketConnectionSetupTimeoutMaxMs,
  )
  // Queue lengths and availability steer the built-in sticky choice alone.
  if (options.partitioner !== 'murmur2') options.partitionerAdaptivePartitioningEnable = false
  return [...deliveryTimeout(options, given), ...idempotence(options, given)]
}

function deliveryTimeout(options: MutableOptions, given: ReadonlySet<OptionName>): OptionProblem[] {
  const { deliveryTimeoutMs, lingerMs, requestTimeoutMs } = options
  const least = Math.min(lingerMs + requestTimeoutMs, int32Max)
  if (deliveryTimeoutMs >= least) return []
  if (!given.has('deliveryTimeoutMs')) {
    options.deliveryTimeoutMs = least
    return []
  }
  return [
    {
      option: 'deliveryTimeoutMs',
      message:
        `deliveryTimeoutMs is ${deliveryTimeoutMs}; allowed: at least lingerMs + requestTimeoutMs ` +
        `(${lingerMs} + ${requestTimeoutMs} = ${least})`,
    },
  ]
}

function idempotence(options: MutableOptions, given: ReadonlySet<OptionName>): OptionProblem[] {
  if (!options.enableIdempotence) return []
  const origin = given.has('enableIdempotence')
    ? 'enableIdempotence: true'
    : 'enableIdempotence, which is on by default'
  const problem = (option: OptionName, right: string): OptionProblem => ({
    option,
    message: `${option} is ${options[option]}, which rules out ${origin}; allowed: ${right}, or enableIdempotence: false`,
  })
  return [
    ...(options.acks === -1 ? [] : [problem('acks', "acks: 'all'")]),
    ...(options.retries > 0 ? [] : [problem('retries', 'retries of 1 and more')]),
    ...(options.maxInFlightRequestsPerConnection <= 5
      ? []
      : [problem('maxInFlightRequestsPerConnection', 'maxInFlightRequestsPerConnection from 1 to 5')]),
  ]
}
