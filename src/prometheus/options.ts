import { ConfigError, type OptionProblem } from '../base/errors/index.ts'
import { Collection, type MeasuredProducer } from './collection.ts'

export interface CollectionOptions {
  /**
   * How many topics of a producer have a label of their own. The topics after them are counted together, as `topic="(other)"`; a topic
   * that was idle for `metadataMaxIdleMs` makes room. 0: all are counted together.
   *
   * @default 200
   * @throws ConfigError where it is not a whole number from 0
   */
  maxTopics?: number
}

/** One producer, or several. An iterable is read anew at each scrape: whoever adds to the Set, or takes out of it, is seen in the next. */
export type MeasuredProducers = MeasuredProducer | Iterable<MeasuredProducer>

/** What is wrong is added to `problems`, so that all of it is told together. */
export function collectionOf(
  producers: MeasuredProducers,
  { maxTopics = 200 }: CollectionOptions,
  problems: OptionProblem[],
): Collection {
  if (!Number.isSafeInteger(maxTopics) || maxTopics < 0)
    problems.push({ option: 'maxTopics', message: `maxTopics is a whole number from 0, not ${String(maxTopics)}` })
  const isOne = isProducer(producers)
  if (!isOne && typeof (producers as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] !== 'function')
    problems.push({ option: 'producers', message: 'producers is a producer, or an iterable of producers' })
  else if (!isOne && (producers[Symbol.iterator]() as unknown) === producers)
    problems.push({
      option: 'producers',
      message: 'producers is an iterator, which is used up by the first scrape: give the Set itself, or an array',
    })
  return new Collection(() => (isOne ? [producers] : producers), maxTopics)
}

function isProducer(given: MeasuredProducers): given is MeasuredProducer {
  return typeof (given as Partial<MeasuredProducer> | null | undefined)?.metrics === 'function'
}

export function refuse(problems: readonly OptionProblem[]): void {
  if (problems.length > 0) throw new ConfigError(problems)
}
