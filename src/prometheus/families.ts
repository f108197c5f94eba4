import type { Metric } from '../client/metrics/producer-metrics.ts'

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary'

/** A metric of `metrics()` that feeds a family, and what labels it has there. */
export interface FamilySource {
  readonly group: string
  readonly metric: string
  /** Labels that are the same for all of this metric. */
  readonly labels?: Readonly<Record<string, string>>
}

/** A family of time series: one name, one type, one line of help. */
export interface Family {
  readonly name: string
  readonly type: FamilyType
  readonly help: string
  readonly sources: readonly FamilySource[]
  /** Labels that are taken from the tags of the metric, beside `client_id`, which all have. */
  readonly labels?: readonly MetricLabel[]
  /** The metric is divided by it, bounds of buckets included: Prometheus has seconds alone. */
  readonly divisor?: number
  /** What two producers of one client id have together: the sum, unless it says otherwise. */
  readonly together?: 'largest'
}

/** The tag of a metric that a label is read from; `broker` is the number alone. */
const tagOf = {
  topic: 'topic',
  broker: 'node-id',
  outcome: 'outcome',
  code: 'code',
  cause: 'cause',
  version: 'version',
} as const

export type MetricLabel = keyof typeof tagOf

/** The labels that a metric has in the family. */
export function labelsOf(family: Family, source: FamilySource, { tags }: Metric): Record<string, string> {
  const labels: Record<string, string> = { client_id: tags['client-id'] ?? '' }
  for (const label of family.labels ?? []) {
    const value = tags[tagOf[label]] ?? ''
    labels[label] = label === 'broker' ? value.replace(/^node-/, '') : value
  }
  return { ...labels, ...source.labels }
}

const milliseconds = 1e3
const nanoseconds = 1e9

const ofProducer = (metric: string): FamilySource[] => [{ group: 'producer-metrics', metric }]
const ofProducerOnly = (metric: string): FamilySource[] => [{ group: 'ottla-producer-metrics', metric }]
const ofTopic = (metric: string): FamilySource[] => [{ group: 'producer-topic-metrics', metric }]
const ofTopicOnly = (metric: string): FamilySource[] => [{ group: 'ottla-producer-topic-metrics', metric }]
const ofBroker = (metric: string): FamilySource[] => [{ group: 'producer-node-metrics', metric }]
const ofBrokerOnly = (metric: string): FamilySource[] => [{ group: 'ottla-producer-node-metrics', metric }]

/**
 * Everything that Prometheus is told of a producer. Names follow https://prometheus.io/docs/practices/naming: base units, `_total`
 * on what only grows. Rates, averages and maxima over windows are not among it: Prometheus computes its own from the rest.
 */
export const families: readonly Family[] = [
  {
    name: 'kafka_producer_records_sent_total',
    type: 'counter',
    help: 'Records sent, each attempt counted.',
    labels: ['topic'],
    sources: ofTopic('record-send-total'),
  },
  {
    name: 'kafka_producer_records_acknowledged_total',
    type: 'counter',
    help: 'Records that were acknowledged.',
    labels: ['topic'],
    sources: ofTopicOnly('record-acknowledged-total'),
  },
  {
    name: 'kafka_producer_records_failed_total',
    type: 'counter',
    help: 'Records that failed, of topics that are known.',
    labels: ['topic'],
    sources: ofTopic('record-error-total'),
  },
  {
    name: 'kafka_producer_records_retried_total',
    type: 'counter',
    help: 'Records put back to be sent again.',
    labels: ['topic'],
    sources: ofTopic('record-retry-total'),
  },
  {
    name: 'kafka_producer_sent_bytes_total',
    type: 'counter',
    help: 'Bytes of the batches sent, as sent, each attempt counted.',
    labels: ['topic'],
    sources: ofTopic('byte-total'),
  },
  {
    name: 'kafka_producer_uncompressed_bytes_total',
    type: 'counter',
    help: 'Bytes of the batches sent, before compression, each attempt counted.',
    labels: ['topic'],
    sources: ofTopicOnly('uncompressed-byte-total'),
  },
  {
    name: 'kafka_producer_record_outcomes_total',
    type: 'counter',
    help: 'Records that have their result, by outcome (acknowledged, not-written, unknown) and code of the error (NONE).',
    labels: ['outcome', 'code'],
    sources: ofProducerOnly('record-outcome-total'),
  },
  {
    name: 'kafka_producer_record_retries_total',
    type: 'counter',
    help: 'Records put back to be sent again, by the code of what went wrong.',
    labels: ['cause'],
    sources: ofProducerOnly('record-retry-cause-total'),
  },
  {
    name: 'kafka_producer_records_undelivered_total',
    type: 'counter',
    help: 'Records that failed while nobody looked at their result.',
    sources: ofProducerOnly('record-undelivered-total'),
  },
  {
    name: 'kafka_producer_batches_sent_total',
    type: 'counter',
    help: 'Batches sent, each attempt counted.',
    sources: ofProducerOnly('batch-send-total'),
  },
  {
    name: 'kafka_producer_batch_splits_total',
    type: 'counter',
    help: 'Batches split because a broker found them too large.',
    sources: ofProducer('batch-split-total'),
  },
  {
    name: 'kafka_producer_produce_requests_total',
    type: 'counter',
    help: 'Produce requests sent.',
    sources: ofProducerOnly('produce-request-total'),
  },
  {
    name: 'kafka_producer_requests_total',
    type: 'counter',
    help: 'Requests of any kind sent to a broker.',
    labels: ['broker'],
    sources: ofBroker('request-total'),
  },
  {
    name: 'kafka_producer_responses_total',
    type: 'counter',
    help: 'Responses received from a broker.',
    labels: ['broker'],
    sources: ofBroker('response-total'),
  },
  {
    name: 'kafka_producer_outgoing_bytes_total',
    type: 'counter',
    help: 'Bytes sent to a broker.',
    labels: ['broker'],
    sources: ofBroker('outgoing-byte-total'),
  },
  {
    name: 'kafka_producer_incoming_bytes_total',
    type: 'counter',
    help: 'Bytes received from a broker.',
    labels: ['broker'],
    sources: ofBroker('incoming-byte-total'),
  },
  {
    name: 'kafka_producer_connections',
    type: 'gauge',
    help: 'Connections that stand.',
    sources: ofProducer('connection-count'),
  },
  {
    name: 'kafka_producer_connections_created_total',
    type: 'counter',
    help: 'Connections made.',
    sources: ofProducer('connection-creation-total'),
  },
  {
    name: 'kafka_producer_connections_closed_total',
    type: 'counter',
    help: 'Connections that ended.',
    sources: ofProducer('connection-close-total'),
  },
  {
    name: 'kafka_producer_requests_in_flight',
    type: 'gauge',
    help: 'Produce requests without an answer yet.',
    sources: ofProducer('requests-in-flight'),
  },
  {
    name: 'kafka_producer_buffer_limit_bytes',
    type: 'gauge',
    help: 'The most memory that records may take (bufferMemory).',
    sources: ofProducer('buffer-total-bytes'),
  },
  {
    name: 'kafka_producer_buffer_available_bytes',
    type: 'gauge',
    help: 'Memory that no record takes.',
    sources: ofProducer('buffer-available-bytes'),
  },
  {
    name: 'kafka_producer_waiting_records',
    type: 'gauge',
    help: 'Records that wait for a serializer, for memory or for their topic.',
    sources: ofProducerOnly('waiting-records'),
  },
  {
    name: 'kafka_producer_memory_waiting_records',
    type: 'gauge',
    help: 'Records that wait for memory.',
    sources: ofProducer('waiting-threads'),
  },
  {
    name: 'kafka_producer_buffer_exhausted_total',
    type: 'counter',
    help: 'Records that failed for want of memory.',
    sources: ofProducer('buffer-exhausted-total'),
  },
  {
    name: 'kafka_producer_memory_wait_seconds_total',
    type: 'counter',
    help: 'Time in which records waited for memory.',
    sources: ofProducer('bufferpool-wait-time-ns-total'),
    divisor: nanoseconds,
  },
  {
    name: 'kafka_producer_metadata_wait_seconds_total',
    type: 'counter',
    help: 'Time in which records waited for their topic to become known.',
    sources: ofProducer('metadata-wait-time-ns-total'),
    divisor: nanoseconds,
  },
  {
    name: 'kafka_producer_flush_seconds_total',
    type: 'counter',
    help: 'Time in flush().',
    sources: ofProducer('flush-time-ns-total'),
    divisor: nanoseconds,
  },
  {
    name: 'kafka_producer_thread_blocked_seconds_total',
    type: 'counter',
    help: 'Time in which get() blocked the thread.',
    sources: ofProducerOnly('thread-blocked-time-ns-total'),
    divisor: nanoseconds,
  },
  {
    name: 'kafka_producer_throttle_seconds_total',
    type: 'counter',
    help: 'Throttling that brokers asked for.',
    sources: ofProducerOnly('produce-throttle-time-ms-total'),
    divisor: milliseconds,
  },
  {
    name: 'kafka_producer_transaction_seconds_total',
    type: 'counter',
    help: 'Time in the calls of transactions, by operation (init, begin, send_offsets, prepare, commit, abort).',
    sources: [
      { group: 'producer-metrics', metric: 'txn-init-time-ns-total', labels: { operation: 'init' } },
      { group: 'producer-metrics', metric: 'txn-begin-time-ns-total', labels: { operation: 'begin' } },
      { group: 'producer-metrics', metric: 'txn-send-offsets-time-ns-total', labels: { operation: 'send_offsets' } },
      { group: 'producer-metrics', metric: 'txn-prepare-time-ns-total', labels: { operation: 'prepare' } },
      { group: 'producer-metrics', metric: 'txn-commit-time-ns-total', labels: { operation: 'commit' } },
      { group: 'producer-metrics', metric: 'txn-abort-time-ns-total', labels: { operation: 'abort' } },
    ],
    divisor: nanoseconds,
  },
  {
    name: 'kafka_producer_transactions_total',
    type: 'counter',
    help: 'Transactions that ended, by result (committed, aborted, or failed: the call that should have ended it).',
    sources: [
      { group: 'ottla-producer-metrics', metric: 'txn-committed-total', labels: { result: 'committed' } },
      { group: 'ottla-producer-metrics', metric: 'txn-aborted-total', labels: { result: 'aborted' } },
      { group: 'ottla-producer-metrics', metric: 'txn-end-failed-total', labels: { result: 'failed' } },
    ],
  },
  {
    name: 'kafka_producer_errors_total',
    type: 'counter',
    help: 'Errors that belong to no record, as the event error tells them.',
    sources: ofProducerOnly('error-event-total'),
  },
  {
    name: 'kafka_producer_metadata_age_seconds',
    type: 'gauge',
    help: 'Age of what is known of the cluster.',
    sources: ofProducer('metadata-age'),
    together: 'largest',
  },
  {
    // Quantiles belong to a summary; one without sum and count is allowed, and there is nothing to add up here.
    name: 'kafka_producer_event_loop_delay_seconds',
    type: 'summary',
    help: "How late timers of the producer's thread ran, over the last 30 to 60 seconds; quantile 1 is the longest.",
    sources: [
      { group: 'ottla-producer-metrics', metric: 'event-loop-delay-p50', labels: { quantile: '0.5' } },
      { group: 'ottla-producer-metrics', metric: 'event-loop-delay-p99', labels: { quantile: '0.99' } },
      { group: 'ottla-producer-metrics', metric: 'event-loop-delay-max', labels: { quantile: '1' } },
    ],
    divisor: milliseconds,
    together: 'largest',
  },
  {
    name: 'kafka_producer_queue_duration_seconds',
    type: 'histogram',
    help: 'Time from the first record of a batch until the batch leaves, a value for each batch sent.',
    sources: ofProducerOnly('record-queue-time'),
    divisor: milliseconds,
  },
  {
    name: 'kafka_producer_request_duration_seconds',
    type: 'histogram',
    help: 'Time from a Produce request to its answer, a value for each answer.',
    labels: ['broker'],
    sources: ofBrokerOnly('request-latency'),
    divisor: milliseconds,
  },
  {
    name: 'kafka_producer_delivery_duration_seconds',
    type: 'histogram',
    help: 'Time from send() to the acknowledgement, a value for each record: that of the first record of its batch.',
    sources: ofProducerOnly('record-delivery-time'),
    divisor: milliseconds,
  },
  {
    name: 'kafka_producer_batch_size_bytes',
    type: 'histogram',
    help: 'Bytes of a batch as sent.',
    sources: ofProducerOnly('batch-size'),
  },
  {
    name: 'kafka_producer_batch_fill_ratio',
    type: 'histogram',
    help: 'Bytes of a batch before compression, over batchSize.',
    sources: ofProducerOnly('batch-fill-ratio'),
  },
  {
    name: 'kafka_producer_request_records',
    type: 'histogram',
    help: 'Records in a Produce request.',
    sources: ofProducerOnly('records-per-request'),
  },
  {
    name: 'kafka_producer_info',
    type: 'gauge',
    help: 'Always 1; the version of ottla is in the label.',
    labels: ['version'],
    sources: [{ group: 'app-info', metric: 'version' }],
    together: 'largest',
  },
  {
    name: 'kafka_producer_start_time_seconds',
    type: 'gauge',
    help: 'When the producer was made, in seconds since 1970.',
    sources: [{ group: 'app-info', metric: 'start-time-ms' }],
    divisor: milliseconds,
    together: 'largest',
  },
]
