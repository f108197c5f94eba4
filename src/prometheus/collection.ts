import type { Histogram } from '../client/metrics/histogram.ts'
import type { Metric, ProducerMetrics } from '../client/metrics/producer-metrics.ts'
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

const keyOf = (group: string, metric: string) => `${group} ${metric}`

const feeds = new Map<string, Feed[]>()
for (const family of families)
  for (const source of family.sources) {
    const key = keyOf(source.group, source.metric)
    feeds.set(key, [...(feeds.get(key) ?? []), { family, source }])
  }

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
        for (const { family, source } of feeds.get(keyOf(metric.group, metric.name)) ?? [])
          addPoint(points.get(family)!, family, labelsOf(family, source, metric), metric.value)
    return [...points].map(([family, byLabels]) => ({
      family,
      samples: [...byLabels.values()].flatMap(point => samplesOf(family, point)),
    }))
  }

  /** The metrics of a producer, with those of topics beyond the limit counted together. */
  *#limited(producer: MeasuredProducer): Generator<Metric> {
    const metrics = producer.metrics()
    let limit = this.#limits.get(producer)
    if (limit === undefined) {
      limit = new TopicLimit(this.#maxTopics)
      this.#limits.set(producer, limit)
    }
    limit.see(Object.keys(metrics.topics))
    const examples = new Map<string, Metric>()
    for (const metric of metrics) {
      const { topic } = metric.tags
      if (topic === undefined) yield metric
      else if (metric.type === 'counter') {
        const key = keyOf(metric.group, metric.name)
        examples.set(key, metric)
        if (limit.count(key, topic, metric.value)) yield metric
      }
    }
    for (const [key, value] of limit.others()) {
      const metric = examples.get(key)
      if (metric?.type === 'counter') yield { ...metric, tags: { ...metric.tags, topic: otherTopics }, value }
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
