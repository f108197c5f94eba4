import { ConfigError, type OptionProblem } from '../base/errors/index.ts'
import type { Clock } from '../base/time/clock.ts'
import { type ProducerOptions, type ResolvedOptions, resolveOptions } from '../client/producer/options.ts'
import type { AnyTopic } from '../client/producer/types.ts'

/**
 * What a mock producer takes: all options of the real one, checked in the same way, and some of its own. Of the producer's,
 * serializers, partitioner, interceptors, `acks` and the limits on sizes have their effect; those about delivery have nothing to do,
 * nothing is logged, and transactions work with and without `transactionalId`.
 */
export interface MockProducerOptions<Topics = AnyTopic> extends Partial<ProducerOptions<Topics>> {
  /** Whether each record is acknowledged at once. If not, `completeNext`, `errorNext` and `flush` do it. Default: true. */
  autoComplete?: boolean
  /**
   * How many partitions topics have: `{ orders: 6 }`. A topic that is not named has one, and takes records for whatever
   * partition they name. Default: none is named.
   */
  topics?: { readonly [topic: string]: number }
  /** Where the records' timestamps and the time-outs of `flush` and `close` come from. Default: the system's clock. */
  clock?: Clock
  /** Of the partitions of records without a key, which a partitioner chooses at random: the same in each run. Default: 1. */
  seed?: number
}

interface OwnOptions {
  readonly autoComplete: boolean
  readonly topics: { readonly [topic: string]: number }
  readonly clock: Clock | undefined
  readonly seed: number
}

/** @throws ConfigError with every wrong option, the producer's included */
export function resolveMockOptions(given: MockProducerOptions<never>): { own: OwnOptions; options: ResolvedOptions } {
  const { autoComplete = true, topics = {}, clock, seed = 1, ...rest } = given
  const problems: OptionProblem[] = []
  const wrong = (option: string, message: string) => problems.push({ option, message: `${option} ${message}` })
  if (typeof autoComplete !== 'boolean') wrong('autoComplete', 'is neither true nor false')
  if (!Number.isFinite(seed)) wrong('seed', 'is not a number')
  if (clock !== undefined && typeof clock.now !== 'function') wrong('clock', 'is not a Clock')
  if (typeof topics !== 'object' || topics === null)
    wrong('topics', 'is not an object with the number of partitions of each topic')
  else
    for (const [topic, partitions] of Object.entries(topics))
      if (!(Number.isInteger(partitions) && partitions >= 1 && partitions <= 10_000))
        wrong(`topics.${topic}`, `is ${String(partitions)}; allowed: 1 to 10000 partitions`)
  let options: ResolvedOptions | undefined
  try {
    // A producer must be told where its cluster is; a mock has none.
    options = resolveOptions({ bootstrapServers: 'mock:9092', ...rest })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
  }
  if (options === undefined || problems.length > 0) throw new ConfigError(problems)
  return { own: { autoComplete, topics, clock, seed }, options }
}
