import { KafkaError, type OptionProblem } from '../base/errors/index.ts'
import type { CollectedFamily, Collection } from './collection.ts'
import { type Family, type FamilyType, families } from './families.ts'
import { type CollectionOptions, collectionOf, type MeasuredProducers, refuse } from './options.ts'

/** What is needed of a `Registry` of prom-client, 14 or 15. The package itself is not. */
export interface MetricRegistry {
  /** prom-client asks for one of its own classes, and lives with less. */
  registerMetric(metric: never): void
  getSingleMetric(name: string): unknown
  removeSingleMetric(name: string): void
}

/**
 * Puts the metrics of one or more producers into a registry of `prom-client`, among what the program measures itself. They are read when
 * the registry is. Returns a function that takes them out again.
 *
 * Default labels of the registry, its JSON, its OpenMetrics text and `AggregatorRegistry` (a cluster of processes) work as with metrics of
 * prom-client's own. `resetMetrics()` leaves these as they are: they belong to the producers.
 *
 * @throws ConfigError for a wrong option
 * @throws KafkaError `METRICS_REGISTERED` where the registry has metrics of these names: give all producers to one call
 */
export function registerMetrics(
  registry: MetricRegistry,
  producers: MeasuredProducers,
  options: CollectionOptions = {},
): () => void {
  const problems: OptionProblem[] = []
  const collection = collectionOf(producers, options, problems)
  refuse(problems)
  const taken = families.find(({ name }) => registry.getSingleMetric(name) !== undefined)
  if (taken !== undefined) {
    const text = `the registry has a metric ${taken.name} already; give all producers to one call of registerMetrics`
    throw new KafkaError('METRICS_REGISTERED', text)
  }
  const reading = new Reading(collection)
  const registered = families.map(family => new RegisteredFamily(family, reading))
  for (const metric of registered) registry.registerMetric(metric as never)
  return () => {
    // A registry that was cleared meanwhile may have others under the same names.
    for (const metric of registered)
      if (registry.getSingleMetric(metric.family.name) === metric) registry.removeSingleMetric(metric.family.name)
  }
}

/** A registry asks every metric for itself, all in one go: the producers are read once for all of them. */
class Reading {
  readonly #collection: Collection
  #now: Map<Family, CollectedFamily> | undefined

  constructor(collection: Collection) {
    this.#collection = collection
  }

  of(family: Family): CollectedFamily {
    if (this.#now === undefined) {
      this.#now = new Map(this.#collection.read().map(collected => [collected.family, collected]))
      queueMicrotask(() => {
        this.#now = undefined
      })
    }
    return this.#now.get(family)!
  }
}

/** Takes the place of a prom-client metric in its registry. */
class RegisteredFamily {
  readonly family: Family
  readonly #reading: Reading
  /** A registry that speaks OpenMetrics cuts `_total` off. */
  name: string
  readonly help: string
  readonly type: FamilyType
  /** How prom-client puts the metrics of several processes together. */
  readonly aggregator: 'sum' | 'max'

  constructor(family: Family, reading: Reading) {
    this.family = family
    this.#reading = reading
    this.name = family.name
    this.help = family.help
    this.type = family.type
    this.aggregator = family.together === 'largest' ? 'max' : 'sum'
  }

  async get() {
    const values = this.#reading.of(this.family).samples.map(({ name, labels, value }) => ({
      labels,
      value,
      ...(this.type === 'histogram' && { metricName: name }),
    }))
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values }
  }

  /** The numbers are the producers' own. */
  reset(): void {}
}
