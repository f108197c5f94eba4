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
  const transactions = transactionTimeout(options, given)
  return [...deliveryTimeout(options, given), ...idempotence(options, given), ...transactions]
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

/** A broker at its defaults lets no transaction live longer (`transaction.max.timeout.ms`). */
const longestTransactionMs = 900_000

/** A record that is awaited for longer than its transaction lives is lost to it: whichever was not given follows. */
function transactionTimeout(options: MutableOptions, given: ReadonlySet<OptionName>): OptionProblem[] {
  const { transactionalId, enableIdempotence, deliveryTimeoutMs, transactionTimeoutMs } = options
  if (transactionalId === undefined) return []
  const problems: OptionProblem[] = []
  if (!enableIdempotence)
    problems.push({
      option: 'enableIdempotence',
      message: 'enableIdempotence is false, which rules out transactionalId; allowed: true, or no transactionalId',
    })
  if (deliveryTimeoutMs <= transactionTimeoutMs) return problems
  if (!given.has('deliveryTimeoutMs')) {
    options.deliveryTimeoutMs = transactionTimeoutMs // raised again where lingerMs + requestTimeoutMs are more
    return problems
  }
  if (!given.has('transactionTimeoutMs'))
    options.transactionTimeoutMs = Math.min(deliveryTimeoutMs, longestTransactionMs)
  if (deliveryTimeoutMs > options.transactionTimeoutMs)
    problems.push({
      option: 'deliveryTimeoutMs',
      message: `deliveryTimeoutMs is ${deliveryTimeoutMs}; allowed with transactionalId: at most transactionTimeoutMs (${options.transactionTimeoutMs}), since a record that is awaited longer outlives its transaction`,
    })
  return problems
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
