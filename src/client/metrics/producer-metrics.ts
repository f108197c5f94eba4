import type { Outcome } from '../../base/errors/index.ts'
import type { Histogram } from './histogram.ts'
import type { ProducerMeters } from './meters.ts'
import {
  type BrokerMetricName,
  brokerHistograms,
  brokerMetrics,
  type HistogramName,
  type MetricDefinition,
  type MetricType,
  type MetricUnit,
  type ProducerGauges,
  type ProducerMetricName,
  type ProducerSource,
  producerHistograms,
  producerMetrics,
  type TopicMetricName,
  topicMetrics,
} from './metric-table.ts'

/** One metric as Kafka names them: a name in a group, with tags. Source: org.apache.kafka.common.MetricName. */
interface MetricIdentity {
  readonly name: string
  /** `producer-metrics`, `producer-topic-metrics`, `producer-node-metrics`, `app-info`, `kafka-metrics-count`, or `ottla-…` for what Kafka lacks. */
  readonly group: string
  readonly tags: Readonly<Record<string, string>>
  readonly unit: MetricUnit
  readonly description: string
}

export interface NumberMetric extends MetricIdentity {
  readonly type: MetricType
  /** NaN where nothing has been measured, as in Kafka. */
  readonly value: number
}

export interface HistogramMetric extends MetricIdentity {
  readonly type: 'histogram'
  readonly value: Histogram
}

export type Metric = NumberMetric | HistogramMetric

/** Records that have their result, by what it was. */
export interface OutcomeCount {
  readonly outcome: 'acknowledged' | Outcome
  /** The code of their error; `NONE` for those acknowledged. */
  readonly code: string
  readonly records: number
}

export interface RetryCount {
  /** The code of the error that was met: Kafka's name, or one of a connection (`CONNECTION_CLOSED`, `REQUEST_TIMEOUT`, …), or `HANDED_OVER`: the thread was blocked. */
  readonly cause: string
  readonly records: number
}

/** What a producer has measured, at the moment of `metrics()`: the numbers of the whole by name, and the rest by what it belongs to. */
export type ProducerMetrics = Readonly<Record<ProducerMetricName, number>> & {
  /** By topic; those not used for `metadataMaxIdleMs` are left out. */
  readonly topics: Readonly<Record<string, Readonly<Record<TopicMetricName, number>>>>
  /** By broker id; those not used for `metadataMaxIdleMs` are left out. */
  readonly brokers: Readonly<Record<number, Readonly<Record<BrokerMetricName, number>>>>
  readonly outcomes: readonly OutcomeCount[]
  readonly retries: readonly RetryCount[]
  readonly histograms: Readonly<Record<HistogramName, Histogram>>
  /** All of it, one by one, with group, tags, unit and description. */
  [Symbol.iterator](): Iterator<Metric>
}

export interface MetricSources extends ProducerGauges {
  readonly meters: ProducerMeters
  readonly clientId: string
  readonly version: string
  /** Monotonic milliseconds. */
  readonly now: number
  /** Topics and brokers unused for longer are left out. */
  readonly maxIdleMs: number
}

const kafkaGroups = { producer: 'producer-metrics', topic: 'producer-topic-metrics', broker: 'producer-node-metrics' }
const ownGroups = {
  producer: 'ottla-producer-metrics',
  topic: 'ottla-producer-topic-metrics',
  broker: 'ottla-producer-node-metrics',
}
type Level = keyof typeof kafkaGroups

/** Reads everything now; nothing of it was computed before. `instead`: numbers that a test wants to see. */
export function readMetrics(
  sources: MetricSources,
  instead: Partial<Record<ProducerMetricName, number>> = {},
): ProducerMetrics {
  const { meters, now, maxIdleMs } = sources
  const isUsed = ({ lastUsedAt }: { lastUsedAt: number }) => now - lastUsedAt <= maxIdleMs
  const topics = [...meters.topics.values()].filter(isUsed)
  const brokers = [...meters.brokers.values()].filter(({ traffic }) => isUsed(traffic))
  const metrics = {
    ...numbers<ProducerSource, ProducerMetricName>(producerMetrics, sources, now),
    ...instead,
    topics: Object.fromEntries(topics.map(meter => [meter.topic, numbers(topicMetrics, meter, now)])),
    brokers: Object.fromEntries(brokers.map(meter => [meter.brokerId, numbers(brokerMetrics, meter, now)])),
    outcomes: outcomesOf(meters),
    retries: [...meters.retryCauses].map(([cause, records]) => ({ cause, records })),
    histograms: Object.fromEntries(
      Object.entries(producerHistograms).map(([name, { read }]) => [name, read(meters)]),
    ) as Record<HistogramName, Histogram>,
  }
  const listed = function* (): Generator<Metric> {
    const client = { 'client-id': sources.clientId }
    const numberOf = (
      level: Level,
      name: string,
      { type, unit, description, origin }: MetricDefinition<never>,
      tags: MetricIdentity['tags'],
      value: number,
    ): NumberMetric => {
      return {
        name,
        group: (origin === 'kafka' ? kafkaGroups : ownGroups)[level],
        tags,
        type,
        unit,
        description,
        value,
      }
    }
    for (const [name, definition] of Object.entries(producerMetrics))
      yield numberOf('producer', name, definition, client, metrics[name as ProducerMetricName])
    for (const { outcome, code, records } of metrics.outcomes)
      yield {
        ...ownCount('record-outcome-total', 'Records that have their result, by outcome and code of the error'),
        tags: { ...client, outcome, code },
        value: records,
      }
    for (const { cause, records } of metrics.retries)
      yield {
        ...ownCount('record-retry-cause-total', 'Records put back to be sent again, by the code of what went wrong'),
        tags: { ...client, cause },
        value: records,
      }
    for (const [name, { unit, description }] of Object.entries(producerHistograms)) {
      const value = metrics.histograms[name as HistogramName]
      yield { name, group: ownGroups.producer, tags: client, type: 'histogram', unit, description, value }
    }
    for (const { topic } of topics) {
      const tags = { ...client, topic }
      const values = metrics.topics[topic]!
      for (const [name, definition] of Object.entries(topicMetrics))
        yield numberOf('topic', name, definition, tags, values[name as TopicMetricName])
    }
    for (const meter of brokers) {
      const tags = { ...client, 'node-id': `node-${meter.brokerId}` }
      const values = metrics.brokers[meter.brokerId]!
      for (const [name, definition] of Object.entries(brokerMetrics))
        yield numberOf('broker', name, definition, tags, values[name as BrokerMetricName])
      for (const [name, { unit, description, read }] of Object.entries(brokerHistograms))
        yield { name, group: ownGroups.broker, tags, type: 'histogram', unit, description, value: read(meter) }
    }
    yield {
      ...{ name: 'version', group: 'app-info', tags: { ...client, version: sources.version } },
      ...{ type: 'gauge', unit: 'count', description: 'Always 1; the version of ottla is in the tag' },
      value: 1,
    }
    yield {
      ...{ name: 'start-time-ms', group: 'app-info', tags: client },
      ...{ type: 'gauge', unit: 'milliseconds', description: 'When the producer was made, since 1970' },
      value: meters.startedAtMs,
    }
  }
  const counted = function* (): Generator<Metric> {
    let count = 1
    for (const metric of listed()) {
      count++
      yield metric
    }
    yield {
      ...{ name: 'count', group: 'kafka-metrics-count', tags: { 'client-id': sources.clientId } },
      ...{ type: 'gauge', unit: 'count', description: 'How many metrics there are, this one included' },
      value: count,
    }
  }
  // Not enumerable: whoever prints or compares metrics wants the numbers.
  Object.defineProperty(metrics, Symbol.iterator, { value: counted })
  return metrics as unknown as ProducerMetrics
}

const ownCount = (name: string, description: string) =>
  ({ name, group: ownGroups.producer, type: 'counter', unit: 'records', description }) as const

function numbers<Source, Name extends string>(
  table: Record<Name, MetricDefinition<Source>>,
  source: Source,
  now: number,
): Record<Name, number> {
  const read: Partial<Record<Name, number>> = {}
  for (const name in table) read[name] = table[name].read(source, now)
  return read as Record<Name, number>
}

function outcomesOf({ acknowledgedRecords, failures }: ProducerMeters): OutcomeCount[] {
  const outcomes: OutcomeCount[] = [{ outcome: 'acknowledged', code: 'NONE', records: acknowledgedRecords }]
  for (const [outcome, byCode] of failures)
    for (const [code, records] of byCode) outcomes.push({ outcome, code, records })
  return outcomes
}
