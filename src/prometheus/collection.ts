import type { Histogram } from '../client/metrics/histogram.ts'
import type { Metric, NumberMetric, ProducerMetrics } from '../client/metrics/producer-metrics.ts'
import { type Family, type FamilySource, families, labelsOf } from './families.ts'
import { otherTopics, TopicLimit } from './topic-limit.ts'

/** What metrics are read from: a producer, a transactional one, or `MockProducer`. */
export interface MeasuredProducer {
  metrics(): ProducerMetrics
}

/** One number with its labels. */
export interface Sample {
  /** The name of the family; in a histogram with `_bucket`, `_sum` or `_count` behind it. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface CollectedFamily {
  readonly family: Family
  readonly samples: readonly Sample[]
}

/** The samples of one family that share their labels, while they are added up. */
interface Point {
  readonly labels: Readonly<Record<string, string>>
  value: number | Histogram
}

interface Feed {
  readonly family: Family
  readonly source: FamilySource
}

/** By group and name of the metric. */
const feeds = new Map<string, Map<string, Feed[]>>()
for (const family of families)
  for (const source of family.sources) {
    const ofGroup = feeds.get(source.group) ?? new Map<string, Feed[]>()
    feeds.set(source.group, ofGroup.set(source.metric, [...(ofGroup.get(source.metric) ?? []), { family, source }]))
  }

const feedsOf = ({ group, name }: Metric): readonly Feed[] | undefined => feeds.get(group)?.get(name)

/**
 * Reads producers family by family. Where two have the same client id, they are told of as one, as Kafka's quotas see them: counters,
 * histograms and most gauges are added, of ages and delays the largest counts.
 */
export class Collection {
  readonly #producers: () => Iterable<MeasuredProducer>
  readonly #maxTopics: number
  readonly #limits = new WeakMap<MeasuredProducer, TopicLimit>()

  /** `producers` is asked at each reading. */
  constructor(producers: () => Iterable<MeasuredProducer>, maxTopics: number) {
    this.#producers = producers
    this.#maxTopics = maxTopics
  }

  /** What there is now, in the order of the table. A number that has not been measured yet is left out. */
  read(): CollectedFamily[] {
    const points = new Map<Family, Map<string, Point>>(families.map(family => [family, new Map()]))
    for (const producer of new Set(this.#producers()))
      for (const metric of this.#limited(producer))
        for (const { family, source } of feedsOf(metric) ?? [])
          addPoint(points.get(family)!, family, labelsOf(family, source, metric), metric.value)
    return [...points].map(([family, byLabels]) => ({
      family,
      samples: [...byLabels.values()].flatMap(point => samplesOf(family, point)),
    }))
  }

  /** The metrics of a producer that are told of, with those of topics beyond the limit counted together. */
  *#limited(producer: MeasuredProducer): Generator<Metric> {
    const metrics = producer.metrics()
    let limit = this.#limits.get(producer)
    if (limit === undefined) {
      limit = new TopicLimit(this.#maxTopics)
      this.#limits.set(producer, limit)
    }
    limit.see(Object.keys(metrics.topics))
    const examples = new Map<string, NumberMetric>()
    for (const metric of metrics) {
      if (feedsOf(metric) === undefined) continue
      const { topic } = metric.tags
      if (topic === undefined || metric.type === 'histogram') yield metric
      else {
        examples.set(metric.name, metric)
        if (limit.count(metric.name, topic, metric.value)) yield metric
      }
    }
    for (const [name, value] of limit.others()) {
      const example = examples.get(name)
      if (example !== undefined) yield { ...example, tags: { ...example.tags, topic: otherTopics }, value }
    }
  }
}

function addPoint(
  byLabels: Map<string, Point>,
  family: Family,
  labels: Readonly<Record<string, string>>,
  given: number | Histogram,
): void {
  if (Number.isNaN(given)) return
  const value = scaled(given, family.divisor ?? 1)
  const key = JSON.stringify(Object.values(labels))
  const point = byLabels.get(key)
  if (point === undefined) byLabels.set(key, { labels, value })
  else if (typeof value !== 'number') point.value = added(point.value as Histogram, value)
  else if (family.together === 'largest') point.value = Math.max(point.value as number, value)
  else point.value = (point.value as number) + value
}

function scaled(value: number | Histogram, divisor: number): number | Histogram {
  if (typeof value === 'number') return value / divisor
  return {
    buckets: value.buckets.map(({ le, count }) => ({ le: le / divisor, count })),
    sum: value.sum / divisor,
    count: value.count,
  }
}

/** All histograms of a family have the same bounds. */
function added(one: Histogram, other: Histogram): Histogram {
  return {
    buckets: one.buckets.map(({ le, count }, index) => ({ le, count: count + other.buckets[index]!.count })),
    sum: one.sum + other.sum,
    count: one.count + other.count,
  }
}

function samplesOf({ name }: Family, { labels, value }: Point): Sample[] {
  if (typeof value === 'number') return [{ name, labels, value }]
  return [
    ...value.buckets.map(({ le, count }) => ({
      name: `${name}_bucket`,
      labels: { ...labels, le: String(le) },
      value: count,
    })),
    { name: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: value.count },
    { name: `${name}_sum`, labels, value: value.sum },
    { name: `${name}_count`, labels, value: value.count },
  ]
}
