// @ts-check
// Recording rules, alerts and their thresholds. Rules keep every label of the producer that Prometheus adds (`without`), so that
// a namespace or a pod stays in an alert.
import { countSinceBirth } from './queries.mjs'

/** Over which the rules look back. Shorter than four intervals of scraping it must not be. */
const window = '5m'

/** What an alert compares with. Change them here, or in the file: each stands in one expression alone. */
export const thresholds = {
  retriedShare: 0.05,
  deliverySeconds: 5,
  bufferShare: 0.9,
  memoryWaitShare: 0.1,
  throttledShare: 0.1,
  closedConnectionsPerSecond: 0.1,
  metadataAgeSeconds: 900,
  eventLoopDelaySeconds: 0.25,
  abortedShare: 0.5,
}

/**
 * @typedef {{ record: string, expr: string, labels?: Readonly<Record<string, string>> }} Recording
 * @typedef {{ alert: string, when: string, expr: string, for: string, severity: 'critical' | 'warning', summary: string, description: string }} Alert
 */

const percent = (/** @type {number} */ part) => `${part * 100} %`
const info = 'kafka_producer_info'
const rate = (/** @type {string} */ name, /** @type {string} */ without) =>
  `sum without (${without}) (rate(kafka_producer_${name}[${window}]))`
const total = (/** @type {string} */ name) => `rate(kafka_producer_${name}[${window}])`
/** In a division by 0 there is nothing to tell. */
const share = (/** @type {string} */ part, /** @type {string} */ whole) => `${part}\n  / (${whole} > 0)`
/** How many failed, per outcome. @param {string} [where] */
const failed = (where = 'outcome!="acknowledged"') =>
  `sum without (code) (\n  ${countSinceBirth(`kafka_producer_record_outcomes_total{${where}}`, window, info, 'outcome, code')}\n)`

const durations = [
  { name: 'delivery_duration_seconds', without: '' },
  { name: 'queue_duration_seconds', without: '' },
  { name: 'request_duration_seconds', without: 'broker' },
]
const means = ['batch_size_bytes', 'batch_fill_ratio', 'request_records', 'queue_duration_seconds']

/** @param {number} quantile @param {string} name @param {string} without */
const quantileOf = (quantile, name, without) => {
  const buckets = `rate(kafka_producer_${name}_bucket[${window}])`
  return `histogram_quantile(${quantile}, ${without === '' ? buckets : `sum without (${without}) (${buckets})`})`
}

/** @type {Recording[]} */
export const recordings = [
  { record: 'client_id:kafka_producer_records_sent:rate5m', expr: rate('records_sent_total', 'topic') },
  {
    record: 'client_id:kafka_producer_records_acknowledged:rate5m',
    expr: rate('record_outcomes_total{outcome="acknowledged"}', 'outcome, code'),
  },
  { record: 'client_id_outcome:kafka_producer_records_failed:increase5m', expr: failed() },
  {
    record: 'client_id:kafka_producer_records_retried:ratio_rate5m',
    expr: share(rate('records_retried_total', 'topic'), rate('records_sent_total', 'topic')),
  },
  { record: 'client_id:kafka_producer_sent_bytes:rate5m', expr: rate('sent_bytes_total', 'topic') },
  {
    record: 'client_id:kafka_producer_compression:ratio_rate5m',
    expr: share(rate('sent_bytes_total', 'topic'), rate('uncompressed_bytes_total', 'topic')),
  },
  ...durations.flatMap(({ name, without }) =>
    [0.5, 0.95, 0.99].map(quantile => ({
      record: `client_id:kafka_producer_${name}:quantile_rate5m`,
      labels: { quantile: String(quantile) },
      expr: quantileOf(quantile, name, without),
    })),
  ),
  {
    record: 'client_id_broker:kafka_producer_request_duration_seconds:quantile_rate5m',
    labels: { quantile: '0.99' },
    expr: quantileOf(0.99, 'request_duration_seconds', ''),
  },
  ...means.map(name => ({
    record: `client_id:kafka_producer_${name}:mean_rate5m`,
    expr: share(total(`${name}_sum`), total(`${name}_count`)),
  })),
  {
    record: 'client_id:kafka_producer_request_duration_seconds:mean_rate5m',
    expr: share(rate('request_duration_seconds_sum', 'broker'), rate('request_duration_seconds_count', 'broker')),
  },
  {
    record: 'client_id:kafka_producer_buffer_used:ratio',
    expr: '1 - kafka_producer_buffer_available_bytes / kafka_producer_buffer_limit_bytes',
  },
  { record: 'client_id:kafka_producer_throttled:ratio_rate5m', expr: total('throttle_seconds_total') },
  { record: 'client_id:kafka_producer_memory_wait:ratio_rate5m', expr: total('memory_wait_seconds_total') },
]

const who = 'Producer {{ $labels.client_id }} ({{ $labels.instance }})'

/** @type {Alert[]} */
export const alerts = [
  {
    alert: 'KafkaProducerRecordsFailing',
    when: 'records failed, and are certainly not in the log',
    expr: `${failed('outcome="not-written"')} > 0`,
    for: '1m',
    severity: 'critical',
    summary: `${who}: records fail and are not written`,
    description:
      '{{ $value | humanize }} records failed in 5 minutes, and are not in the log. The panel "Failed records, by outcome and code" names the error. What the program does not send again is lost.',
  },
  {
    alert: 'KafkaProducerOutcomeUnknown',
    when: 'records failed that may be in the log',
    expr: `${failed('outcome="unknown"')} > 0`,
    for: '1m',
    severity: 'critical',
    summary: `${who}: records may be written or not`,
    description:
      '{{ $value | humanize }} records failed in 5 minutes after their answers were lost. They may be in the log; sending them again may write them twice. Look at the brokers and the network between, then compare with the topic.',
  },
  {
    alert: 'KafkaProducerUndelivered',
    when: 'records failed while nobody looked at their result',
    expr: `increase(kafka_producer_records_undelivered_total[${window}]) > 0`,
    for: '1m',
    severity: 'critical',
    summary: `${who}: records fail that nobody looks after`,
    description:
      '{{ $value | humanize }} records failed in 5 minutes whose result the program did not look at. They are told by the event undelivered alone: take them from there, or await the sends.',
  },
  {
    alert: 'KafkaProducerStalled',
    when: 'nothing was acknowledged, though records wait or are sent',
    expr: [
      `${rate('record_outcomes_total{outcome="acknowledged"}', 'outcome, code')} == 0`,
      'and (kafka_producer_requests_in_flight > 0',
      '  or kafka_producer_waiting_records > 0',
      '  or kafka_producer_buffer_available_bytes < kafka_producer_buffer_limit_bytes)',
    ].join('\n'),
    for: '2m',
    severity: 'critical',
    summary: `${who}: nothing is acknowledged, although records are under way`,
    description:
      'No record was acknowledged for 5 minutes, while some wait or are sent. Can the brokers be reached, have the partitions leaders, and enough replicas in sync?',
  },
  {
    alert: 'KafkaProducerRetriesHigh',
    when: `${percent(thresholds.retriedShare)} of the records sent are put back to be sent again`,
    expr: `client_id:kafka_producer_records_retried:ratio_rate5m > ${thresholds.retriedShare}`,
    for: '10m',
    severity: 'warning',
    summary: `${who}: many records are sent again`,
    description:
      '{{ $value | humanizePercentage }} of the records sent are put back to be sent again, for longer than a leader takes to move. The panel "Retried records, by cause" names the error.',
  },
  {
    alert: 'KafkaProducerDeliverySlow',
    when: `1 record of 100 takes more than ${thresholds.deliverySeconds} s to be acknowledged`,
    expr: `client_id:kafka_producer_delivery_duration_seconds:quantile_rate5m{quantile="0.99"} > ${thresholds.deliverySeconds}`,
    for: '5m',
    severity: 'warning',
    summary: `${who}: records are acknowledged late`,
    description:
      '1 of 100 records takes more than {{ $value | humanizeDuration }} to be acknowledged. The panel "Where the time goes" tells whether it is the producer (queue) or the broker (request); beyond deliveryTimeoutMs records fail.',
  },
  {
    alert: 'KafkaProducerBufferNearlyFull',
    when: `${percent(thresholds.bufferShare)} of bufferMemory is taken`,
    expr: `client_id:kafka_producer_buffer_used:ratio > ${thresholds.bufferShare}`,
    for: '5m',
    severity: 'warning',
    summary: `${who}: its buffer is nearly full`,
    description:
      '{{ $value | humanizePercentage }} of bufferMemory is taken: more is sent than brokers take. Pause while hasRoom is false, send less, or find out why the brokers are slow; more bufferMemory only helps against bursts.',
  },
  {
    alert: 'KafkaProducerWaitingForMemory',
    when: `some record waits for memory in ${percent(thresholds.memoryWaitShare)} of the time`,
    expr: `client_id:kafka_producer_memory_wait:ratio_rate5m > ${thresholds.memoryWaitShare}`,
    for: '2m',
    severity: 'warning',
    summary: `${who}: sends wait for memory`,
    description:
      'In {{ $value | humanizePercentage }} of the time some record waited for memory. After maxBlockMs they fail with BUFFER_EXHAUSTED. Pause while hasRoom is false.',
  },
  {
    alert: 'KafkaProducerThrottled',
    when: `brokers ask for pauses of ${thresholds.throttledShare} s a second, because of quotas`,
    expr: `client_id:kafka_producer_throttled:ratio_rate5m > ${thresholds.throttledShare}`,
    for: '5m',
    severity: 'warning',
    summary: `${who}: brokers throttle it`,
    description:
      'Brokers ask for {{ $value | humanize }} s of pauses a second: the client is over its quota. Send less, compress, or have producer_byte_rate or request_percentage raised.',
  },
  {
    alert: 'KafkaProducerConnectionsFlapping',
    when: `connections end more often than ${thresholds.closedConnectionsPerSecond * 60} times a minute`,
    expr: `rate(kafka_producer_connections_closed_total[${window}]) > ${thresholds.closedConnectionsPerSecond}`,
    for: '5m',
    severity: 'warning',
    summary: `${who}: connections break again and again`,
    description:
      '{{ $value | humanize }} connections end a second. A broker that restarts, a proxy or firewall that cuts them, or requestTimeoutMs that is shorter than what brokers take.',
  },
  {
    alert: 'KafkaProducerMetadataStale',
    when: `what is known of the cluster is ${thresholds.metadataAgeSeconds / 60} minutes old`,
    expr: `kafka_producer_metadata_age_seconds > ${thresholds.metadataAgeSeconds}`,
    for: '1m',
    severity: 'warning',
    summary: `${who}: has not heard of the cluster for long`,
    description:
      'What is known of the cluster is {{ $value | humanizeDuration }} old, three times the default of metadataMaxAgeMs: no broker answers, or the bootstrap servers are wrong by now.',
  },
  {
    alert: 'KafkaProducerEventLoopBlocked',
    when: `1 timer of 100 runs ${thresholds.eventLoopDelaySeconds * 1000} ms late`,
    expr: `kafka_producer_event_loop_delay_seconds{quantile="0.99"} > ${thresholds.eventLoopDelaySeconds}`,
    for: '5m',
    severity: 'warning',
    summary: `${who}: its thread is busy with something else`,
    description:
      'Timers run {{ $value | humanizeDuration }} late. Answers are read late and records sent late. Take a CPU profile; move the work to a worker thread, or the producer.',
  },
  {
    alert: 'KafkaProducerTransactionsFailing',
    when: `${percent(thresholds.abortedShare)} of the calls that should end a transaction abort it, or fail`,
    expr: [
      `sum without (result) (rate(kafka_producer_transactions_total{result!="committed"}[${window}]))`,
      `  / (sum without (result) (rate(kafka_producer_transactions_total[${window}])) > 0)`,
      `  > ${thresholds.abortedShare}`,
    ].join('\n'),
    for: '5m',
    severity: 'critical',
    summary: `${who}: many transactions are not committed`,
    description:
      '{{ $value | humanizePercentage }} of the calls that should end a transaction abort it, or fail. Is another producer fencing this one by the same transactionalId, or do records in them fail?',
  },
]

export const groups = [
  { name: 'ottla-producers', rules: recordings },
  { name: 'ottla-producer-alerts', rules: alerts },
]
