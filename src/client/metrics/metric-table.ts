import { eventLoopDelay } from './event-loop-delay.ts'
import { addHistograms, type Histogram, timeBounds } from './histogram.ts'
import type { BrokerMeter, ProducerMeters, TopicMeter } from './meters.ts'
import type { SampledStat } from './sampled-stat.ts'

/** A counter only grows; a gauge is what it says now, or over the last windows. */
export type MetricType = 'counter' | 'gauge'
export type MetricUnit =
  | 'records'
  | 'batches'
  | 'requests'
  | 'bytes'
  | 'milliseconds'
  | 'nanoseconds'
  | 'seconds'
  | 'ratio'
  | 'count'

export interface MetricDefinition<Source> {
  readonly type: MetricType
  readonly unit: MetricUnit
  readonly description: string
  /** Kafka's producer has it under this name, or it is ottla's own. */
  readonly origin: 'kafka' | 'ottla'
  read(source: Source, now: number): number
}

/** What a producer tells of itself beside its meters. */
export interface ProducerGauges {
  readonly bufferTotalBytes: number
  readonly bufferFreeBytes: number
  readonly requestsInFlight: number
  /** Records that wait for their batch, and those of them that wait for memory. */
  readonly waitingRecords: number
  readonly waitingForMemory: number
  /** undefined: it was never obtained. */
  readonly metadataAgeMs: number | undefined
}

export interface ProducerSource extends ProducerGauges {
  readonly meters: ProducerMeters
}

type Read<Source> = (source: Source, now: number) => number

const define =
  (type: MetricType, origin: 'kafka' | 'ottla') =>
  <Source>(unit: MetricUnit, description: string, read: Read<Source>): MetricDefinition<Source> => ({
    type,
    unit,
    description,
    origin,
    read,
  })

const gauge = define('gauge', 'kafka')
const counter = define('counter', 'kafka')
const ownGauge = define('gauge', 'ottla')
const ownCounter = define('counter', 'ottla')

const nanoseconds = (ms: number) => Math.round(ms * 1e6)
const producer = (read: (meters: ProducerMeters, now: number) => number): Read<ProducerSource> => {
  return (source, now) => read(source.meters, now)
}

const average = (unit: MetricUnit, description: string, stat: (meters: ProducerMeters) => SampledStat) =>
  gauge(
    unit,
    description,
    producer((meters, now) => stat(meters).average(now)),
  )
const maximum = (unit: MetricUnit, description: string, stat: (meters: ProducerMeters) => SampledStat) =>
  gauge(
    unit,
    description,
    producer((meters, now) => stat(meters).maximum(now)),
  )
const rate = (unit: MetricUnit, description: string, stat: (meters: ProducerMeters) => SampledStat) =>
  gauge(
    unit,
    description,
    producer((meters, now) => stat(meters).rate(now)),
  )
const eventRate = (unit: MetricUnit, description: string, stat: (meters: ProducerMeters) => SampledStat) =>
  gauge(
    unit,
    description,
    producer((meters, now) => stat(meters).eventRate(now)),
  )
const total = (unit: MetricUnit, description: string, read: (meters: ProducerMeters) => number) =>
  counter(unit, description, producer(read))
const timeIn = (description: string, ms: (meters: ProducerMeters) => number) =>
  counter(
    'nanoseconds',
    description,
    producer(meters => nanoseconds(ms(meters))),
  )
const own = (unit: MetricUnit, description: string, read: (meters: ProducerMeters) => number) =>
  ownCounter(unit, description, producer(read))

/** Of the producer as a whole. Source of names and meanings: SenderMetricsRegistry, BufferPool, KafkaProducerMetrics and Selector of Kafka. */
export const producerMetrics = {
  'batch-size-avg': average('bytes', 'Bytes of a batch as sent', meters => meters.batchBytes),
  'batch-size-max': maximum('bytes', 'Bytes of the largest batch as sent', meters => meters.batchBytes),
  'compression-rate-avg': average(
    'ratio',
    'Size of the records of a batch after compression, over their size before',
    meters => meters.compressionRate,
  ),
  'record-queue-time-avg': average(
    'milliseconds',
    'Time from the first record of a batch until the batch leaves',
    meters => meters.queueTime,
  ),
  'record-queue-time-max': maximum(
    'milliseconds',
    'Longest time from the first record of a batch until the batch leaves',
    meters => meters.queueTime,
  ),
  'request-latency-avg': average('milliseconds', 'Time from a Produce request to its answer', meters => meters.latency),
  'request-latency-max': maximum(
    'milliseconds',
    'Longest time from a Produce request to its answer',
    meters => meters.latency,
  ),
  'produce-throttle-time-avg': average(
    'milliseconds',
    'Throttling that brokers asked for, over all answers',
    meters => meters.throttle,
  ),
  'produce-throttle-time-max': maximum(
    'milliseconds',
    'Longest throttling that a broker asked for',
    meters => meters.throttle,
  ),
  'record-send-rate': rate('records', 'Records sent a second', meters => meters.recordsSent),
  'record-send-total': total('records', 'Records sent, each attempt counted', meters => meters.recordsSent.total),
  'records-per-request-avg': average('records', 'Records in a Produce request', meters => meters.recordsPerRequest),
  'record-retry-rate': rate('records', 'Records put back to be sent again, a second', meters => meters.retries),
  'record-retry-total': total('records', 'Records put back to be sent again', meters => meters.retries.total),
  'record-error-rate': rate('records', 'Records that failed, a second', meters => meters.errors),
  'record-error-total': total('records', 'Records that failed', meters => meters.errors.total),
  'record-size-avg': average(
    'bytes',
    'Encoded size of the largest record of a batch, average over the batches',
    meters => meters.largestRecord,
  ),
  'record-size-max': maximum('bytes', 'Encoded size of the largest record', meters => meters.largestRecord),
  'requests-in-flight': gauge<ProducerSource>(
    'requests',
    'Produce requests without an answer yet',
    source => source.requestsInFlight,
  ),
  'metadata-age': gauge<ProducerSource>(
    'seconds',
    'Age of what is known of the cluster',
    source => (source.metadataAgeMs ?? Number.NaN) / 1000,
  ),
  'batch-split-rate': rate(
    'batches',
    'Batches split because a broker found them too large, a second',
    meters => meters.splits,
  ),
  'batch-split-total': total(
    'batches',
    'Batches split because a broker found them too large',
    meters => meters.splits.total,
  ),
  'waiting-threads': gauge<ProducerSource>('records', 'Sends that wait for memory', source => source.waitingForMemory),
  'buffer-total-bytes': gauge<ProducerSource>(
    'bytes',
    'The most memory that records may take (bufferMemory)',
    source => source.bufferTotalBytes,
  ),
  'buffer-available-bytes': gauge<ProducerSource>('bytes', 'Memory that no record takes', source =>
    Math.max(0, source.bufferFreeBytes),
  ),
  'bufferpool-wait-ratio': gauge<ProducerSource>(
    'ratio',
    'Part of the time in which sends waited for memory',
    ({ meters }, now) => meters.memoryWait.share(now),
  ),
  'bufferpool-wait-time-ns-total': timeIn('Time in which sends waited for memory', meters => meters.memoryWait.totalMs),
  'buffer-exhausted-rate': rate(
    'records',
    'Sends that failed for want of memory, a second',
    meters => meters.bufferExhausted,
  ),
  'buffer-exhausted-total': total(
    'records',
    'Sends that failed for want of memory',
    meters => meters.bufferExhausted.total,
  ),
  'flush-time-ns-total': timeIn('Time in flush()', meters => meters.flushMs),
  'txn-init-time-ns-total': timeIn('Time in initTransactions()', meters => meters.transactionMs.init),
  'txn-begin-time-ns-total': timeIn('Time in beginTransaction()', meters => meters.transactionMs.begin),
  'txn-send-offsets-time-ns-total': timeIn(
    'Time in sendOffsetsToTransaction()',
    meters => meters.transactionMs.sendOffsets,
  ),
  'txn-prepare-time-ns-total': timeIn(
    'Time in preparing transactions; 0, since there is no two-phase commit',
    meters => meters.transactionMs.prepare,
  ),
  'txn-commit-time-ns-total': timeIn('Time in commitTransaction()', meters => meters.transactionMs.commit),
  'txn-abort-time-ns-total': timeIn('Time in abortTransaction()', meters => meters.transactionMs.abort),
  'metadata-wait-time-ns-total': timeIn(
    'Time in which sends waited for their topic to become known',
    meters => meters.metadataWait.totalMs,
  ),

  'connection-creation-rate': eventRate(
    'count',
    'Connections made, a second',
    meters => meters.traffic.connectionsOpened,
  ),
  'connection-creation-total': total('count', 'Connections made', meters => meters.traffic.connectionsOpened.total),
  'connection-close-rate': eventRate(
    'count',
    'Connections that ended, a second',
    meters => meters.traffic.connectionsClosed,
  ),
  'connection-close-total': total('count', 'Connections that ended', meters => meters.traffic.connectionsClosed.total),
  'connection-count': gauge<ProducerSource>(
    'count',
    'Connections that stand',
    ({ meters: { traffic } }) => traffic.connectionsOpened.total - traffic.connectionsClosed.total,
  ),
  'request-rate': eventRate('requests', 'Requests of any kind sent, a second', meters => meters.traffic.outgoingBytes),
  'request-total': total('requests', 'Requests of any kind sent', meters => meters.traffic.outgoingBytes.events),
  'request-size-avg': average('bytes', 'Bytes of a request', meters => meters.traffic.outgoingBytes),
  'request-size-max': maximum('bytes', 'Bytes of the largest request', meters => meters.traffic.outgoingBytes),
  'outgoing-byte-rate': rate('bytes', 'Bytes sent a second', meters => meters.traffic.outgoingBytes),
  'outgoing-byte-total': total('bytes', 'Bytes sent', meters => meters.traffic.outgoingBytes.total),
  'response-rate': eventRate('requests', 'Responses received a second', meters => meters.traffic.incomingBytes),
  'response-total': total('requests', 'Responses received', meters => meters.traffic.incomingBytes.events),
  'incoming-byte-rate': rate('bytes', 'Bytes received a second', meters => meters.traffic.incomingBytes),
  'incoming-byte-total': total('bytes', 'Bytes received', meters => meters.traffic.incomingBytes.total),
  'network-io-rate': gauge<ProducerSource>(
    'count',
    'Requests and responses a second',
    ({ meters: { traffic } }, now) => traffic.outgoingBytes.eventRate(now) + traffic.incomingBytes.eventRate(now),
  ),
  'network-io-total': total(
    'count',
    'Requests and responses',
    ({ traffic }) => traffic.outgoingBytes.events + traffic.incomingBytes.events,
  ),

  'record-acknowledged-total': own('records', 'Records that were acknowledged', meters => meters.acknowledgedRecords),
  'record-undelivered-total': own(
    'records',
    'Records that failed while nobody looked at their result',
    meters => meters.undelivered,
  ),
  'uncompressed-byte-total': own(
    'bytes',
    'Bytes of the batches sent, before compression',
    meters => meters.uncompressedBytes,
  ),
  'batch-send-total': own('batches', 'Batches sent, each attempt counted', meters => meters.batchBytes.events),
  'batch-byte-total': own('bytes', 'Bytes of the batches sent, as sent', meters => meters.batchBytes.total),
  'produce-request-total': own('requests', 'Produce requests sent', meters => meters.recordsPerRequest.events),
  'produce-throttle-time-ms-total': own(
    'milliseconds',
    'Throttling that brokers asked for, all together',
    meters => meters.throttle.total,
  ),
  'error-event-total': own(
    'count',
    "Errors that belong to no record, as the event 'error' tells them",
    meters => meters.reportedErrors,
  ),
  'thread-blocked-time-ns-total': own('nanoseconds', 'Time in which get() blocked the thread', meters =>
    nanoseconds(meters.blockedMs),
  ),
  'txn-committed-total': own('count', 'Transactions committed', meters => meters.transactionsEnded.committed),
  'txn-aborted-total': own('count', 'Transactions aborted', meters => meters.transactionsEnded.aborted),
  'txn-end-failed-total': own(
    'count',
    'Calls that should have ended a transaction, and failed',
    meters => meters.transactionsEnded.failed,
  ),
  'waiting-records': ownGauge<ProducerSource>(
    'records',
    'Records that wait for a serializer, for memory or for their topic',
    source => source.waitingRecords,
  ),
  'event-loop-delay-p50': ownGauge<ProducerSource>(
    'milliseconds',
    'How late timers of this thread ran, median of the last 30 to 60 seconds',
    () => eventLoopDelay().p50,
  ),
  'event-loop-delay-p99': ownGauge<ProducerSource>(
    'milliseconds',
    'The same, 99th percentile',
    () => eventLoopDelay().p99,
  ),
  'event-loop-delay-max': ownGauge<ProducerSource>('milliseconds', 'The same, the longest', () => eventLoopDelay().max),
} as const satisfies Record<string, MetricDefinition<ProducerSource>>

/** Of the records of one topic: tag `topic`. */
export const topicMetrics = {
  'record-send-rate': gauge<TopicMeter>('records', 'Records sent a second', (meter, now) =>
    meter.recordsSent.rate(now),
  ),
  'record-send-total': counter<TopicMeter>(
    'records',
    'Records sent, each attempt counted',
    meter => meter.recordsSent.total,
  ),
  'byte-rate': gauge<TopicMeter>('bytes', 'Bytes of batches sent a second', (meter, now) => meter.bytes.rate(now)),
  'byte-total': counter<TopicMeter>('bytes', 'Bytes of batches sent', meter => meter.bytes.total),
  'compression-rate': gauge<TopicMeter>(
    'ratio',
    'Size of the records of a batch after compression, over their size before',
    (meter, now) => meter.compressionRate.average(now),
  ),
  'record-retry-rate': gauge<TopicMeter>('records', 'Records put back to be sent again, a second', (meter, now) =>
    meter.retries.rate(now),
  ),
  'record-retry-total': counter<TopicMeter>(
    'records',
    'Records put back to be sent again',
    meter => meter.retries.total,
  ),
  'record-error-rate': gauge<TopicMeter>('records', 'Records that failed, a second', (meter, now) =>
    meter.errors.rate(now),
  ),
  'record-error-total': counter<TopicMeter>('records', 'Records that failed', meter => meter.errors.total),
  'record-acknowledged-total': ownCounter<TopicMeter>(
    'records',
    'Records that were acknowledged',
    meter => meter.acknowledged,
  ),
  'uncompressed-byte-total': ownCounter<TopicMeter>(
    'bytes',
    'Bytes of the batches sent, before compression',
    meter => meter.uncompressedBytes,
  ),
} as const satisfies Record<string, MetricDefinition<TopicMeter>>

/** Of the requests to one broker: tag `node-id`. */
export const brokerMetrics = {
  'request-rate': gauge<BrokerMeter>('requests', 'Requests sent a second', ({ traffic }, now) =>
    traffic.outgoingBytes.eventRate(now),
  ),
  'request-total': counter<BrokerMeter>('requests', 'Requests sent', ({ traffic }) => traffic.outgoingBytes.events),
  'request-size-avg': gauge<BrokerMeter>('bytes', 'Bytes of a request', ({ traffic }, now) =>
    traffic.outgoingBytes.average(now),
  ),
  'request-size-max': gauge<BrokerMeter>('bytes', 'Bytes of the largest request', ({ traffic }, now) =>
    traffic.outgoingBytes.maximum(now),
  ),
  'outgoing-byte-rate': gauge<BrokerMeter>('bytes', 'Bytes sent a second', ({ traffic }, now) =>
    traffic.outgoingBytes.rate(now),
  ),
  'outgoing-byte-total': counter<BrokerMeter>('bytes', 'Bytes sent', ({ traffic }) => traffic.outgoingBytes.total),
  'response-rate': gauge<BrokerMeter>('requests', 'Responses received a second', ({ traffic }, now) =>
    traffic.incomingBytes.eventRate(now),
  ),
  'response-total': counter<BrokerMeter>(
    'requests',
    'Responses received',
    ({ traffic }) => traffic.incomingBytes.events,
  ),
  'incoming-byte-rate': gauge<BrokerMeter>('bytes', 'Bytes received a second', ({ traffic }, now) =>
    traffic.incomingBytes.rate(now),
  ),
  'incoming-byte-total': counter<BrokerMeter>('bytes', 'Bytes received', ({ traffic }) => traffic.incomingBytes.total),
  'request-latency-avg': gauge<BrokerMeter>(
    'milliseconds',
    'Time from a Produce request to its answer',
    ({ latency }, now) => latency.average(now),
  ),
  'request-latency-max': gauge<BrokerMeter>(
    'milliseconds',
    'Longest time from a Produce request to its answer',
    ({ latency }, now) => latency.maximum(now),
  ),
} as const satisfies Record<string, MetricDefinition<BrokerMeter>>

export interface HistogramDefinition<Source> {
  readonly unit: MetricUnit
  readonly description: string
  read(source: Source): Histogram
}

/** Of the producer as a whole, since it was made. */
export const producerHistograms = {
  'record-queue-time': {
    unit: 'milliseconds',
    description: 'Time from the first record of a batch until the batch leaves, a value for each batch sent',
    read: meters => meters.queueTimes.read(),
  },
  'request-latency': {
    unit: 'milliseconds',
    description: 'Time from a Produce request to its answer, a value for each answer',
    read: meters =>
      addHistograms(
        [...meters.brokers.values()].map(({ latencies }) => latencies.read()),
        timeBounds,
      ),
  },
  'record-delivery-time': {
    unit: 'milliseconds',
    description:
      'Time from send() to the acknowledgement, a value for each record: that of the first record of its batch',
    read: meters => meters.deliveryTimes.read(),
  },
  'batch-size': {
    unit: 'bytes',
    description: 'Bytes of a batch as sent',
    read: meters => meters.batchSizes.read(),
  },
  'batch-fill-ratio': {
    unit: 'ratio',
    description: 'Bytes of a batch before compression, over batchSize',
    read: meters => meters.batchFills.read(),
  },
  'records-per-request': {
    unit: 'records',
    description: 'Records in a Produce request',
    read: meters => meters.requestRecords.read(),
  },
} as const satisfies Record<string, HistogramDefinition<ProducerMeters>>

/** Of the requests to one broker. */
export const brokerHistograms = {
  'request-latency': {
    unit: 'milliseconds',
    description: 'Time from a Produce request to its answer, a value for each answer',
    read: meter => meter.latencies.read(),
  },
} as const satisfies Record<string, HistogramDefinition<BrokerMeter>>

export type ProducerMetricName = keyof typeof producerMetrics
export type TopicMetricName = keyof typeof topicMetrics
export type BrokerMetricName = keyof typeof brokerMetrics
export type HistogramName = keyof typeof producerHistograms
