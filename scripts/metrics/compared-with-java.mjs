// @ts-check
// How the numbers of `metrics()` compare with those of Kafka's own producer: what is missing, what means something else, and how far
// apart the others may be under the same load. test/interop/metrics-as-java.test.ts holds both producers to it; docs/metrics.md shows it.

/**
 * @typedef {object} Missing
 * @property {string} group
 * @property {readonly string[]} names as Kafka's producer has them without TLS and SASL
 * @property {string} because
 */

/**
 * Metrics of Kafka's producer that ottla does not have.
 * @type {readonly Missing[]}
 */
export const missing = [
  {
    group: 'producer-metrics',
    names: [
      ...['select-rate', 'select-total', 'io-ratio', 'io-time-ns-avg', 'io-time-ns-total'],
      ...['io-wait-ratio', 'io-wait-time-ns-avg', 'io-wait-time-ns-total'],
    ],
    because: 'there is no selector and no sender thread; how busy the thread is, `event-loop-delay-*` tells',
  },
  {
    group: 'producer-metrics',
    names: [
      ...['successful-authentication-rate', 'successful-authentication-total'],
      ...['failed-authentication-rate', 'failed-authentication-total'],
      ...['successful-reauthentication-rate', 'successful-reauthentication-total'],
      ...['failed-reauthentication-rate', 'failed-reauthentication-total'],
      ...['successful-authentication-no-reauth-total', 'reauthentication-latency-avg', 'reauthentication-latency-max'],
    ],
    because: 'there is no authentication yet, so there is nothing to count',
  },
  { group: 'app-info', names: ['commit-id'], because: 'the version says which build it is' },
]

/**
 * @typedef {object} Different
 * @property {string} metrics
 * @property {string} java
 * @property {string} ottla
 */

/**
 * Metrics with Kafka's names that do not mean quite the same, on purpose.
 * @type {readonly Different[]}
 */
export const different = [
  {
    metrics: '`record-size-avg`, `-max`',
    java: 'an upper bound of the size that a batch with this one record could have',
    ottla: 'the bytes that the record takes in its batch: 61 to 82 less',
  },
  {
    metrics: '`record-queue-time-avg`, `-max`',
    java: 'from the moment at which the batch was made; `send()` may have blocked before',
    ottla: 'from `send()`, with the wait for topic and memory',
  },
  {
    metrics: '`produce-throttle-time-avg`, `-max`',
    java: 'over the answers to requests of every kind',
    ottla: 'over the answers to Produce requests',
  },
  { metrics: '`requests-in-flight`', java: 'requests of every kind', ottla: 'Produce requests' },
  {
    metrics: '`record-error-rate`, `-total`',
    java: 'records of a batch that runs out of time can be counted twice',
    ottla: 'each record once',
  },
  {
    metrics: '`record-error-rate`, `-total` of a topic',
    java: 'without the records that `send()` itself refused',
    ottla: 'with them, where the topic was known: the sum over the topics is that of the producer',
  },
  {
    metrics: '`waiting-threads`, `bufferpool-wait-ratio`, `-time-ns-total`',
    java: 'threads that are blocked for want of memory, and their time added up',
    ottla: 'sends that wait for memory, and the time in which any of them did, so that the ratio is 1 at most',
  },
  {
    metrics: '`buffer-exhausted-rate`, `-total`',
    java: 'sends that found no memory within `max.block.ms`',
    ottla: 'those, and sends that were refused at once since the line of those who wait was full',
  },
  {
    metrics: '`metadata-wait-time-ns-total`',
    java: 'time in which `send()` and `partitionsFor()` blocked, added up',
    ottla: 'time in which any record waited for its topic',
  },
  {
    metrics: '`flush-time-ns-total`, `txn-*-time-ns-total`',
    java: 'time in which the call blocked',
    ottla: 'time until its future settled',
  },
  {
    metrics: '`txn-prepare-time-ns-total`',
    java: 'time in `prepareTransaction()`',
    ottla: '0: there is no two-phase commit',
  },
  {
    metrics: '`network-io-rate`, `-total`',
    java: 'reads and writes of sockets',
    ottla: 'requests and responses, each once however many reads and writes it took',
  },
  {
    metrics: '`connection-*`, `request-*`, `response-*` of the producer',
    java: 'with the connections to bootstrap servers, of which there may be several',
    ottla: 'with the one connection for questions, to a bootstrap server at first',
  },
  {
    metrics: '`producer-node-metrics`',
    java: 'also of bootstrap servers, as `node--1`, `node--2` and so on',
    ottla: 'of brokers whose id is known, and without the connection for questions',
  },
  {
    metrics: '`producer-topic-metrics`, `producer-node-metrics`',
    java: 'kept for as long as the producer lives',
    ottla: 'left out when not used for `metadataMaxIdleMs`, and back with their totals when used again',
  },
  {
    metrics: '`version` of `app-info`',
    java: 'text',
    ottla: 'always 1, with the version in the tag `version`: every value is a number',
  },
  { metrics: 'times in milliseconds', java: 'whole numbers, under their averages', ottla: 'with fractions' },
]

/**
 * How far ottla's number may be from Java's. `ratio`: the larger one is at most so much more than the smaller, 0.1 for a tenth, or they are
 * at most `orApart` apart. `less`: ottla's is less, by so much. `positive`: both are above 0. `number`: both have it, and it is a number.
 * @typedef {{ kind: 'equal' } | { kind: 'ratio', bound: number, orApart?: number } | { kind: 'less', from: number, to: number }
 *   | { kind: 'positive' } | { kind: 'number' }} Tolerance
 *
 * @typedef {object} ToleranceRow
 * @property {readonly string[]} names of metrics of the producer, of topics and of nodes alike
 * @property {Tolerance} tolerance
 * @property {Tolerance} [compressed] where it is another under a load that is compressed
 * @property {string} because
 */

/**
 * Under a steady load: three topics of two partitions on three brokers, 200 records of 1000 bytes a second, `linger.ms` 50, windows of two seconds.
 * @type {readonly ToleranceRow[]}
 */
export const tolerances = [
  {
    names: [
      ...['record-send-total', 'record-error-total', 'record-retry-total', 'record-error-rate', 'record-retry-rate'],
      ...['batch-split-rate', 'batch-split-total', 'buffer-total-bytes', 'buffer-exhausted-rate'],
      ...['buffer-exhausted-total', 'bufferpool-wait-ratio', 'bufferpool-wait-time-ns-total', 'waiting-threads'],
      ...['requests-in-flight', 'produce-throttle-time-avg', 'produce-throttle-time-max'],
      ...['txn-init-time-ns-total', 'txn-begin-time-ns-total', 'txn-send-offsets-time-ns-total'],
      ...['txn-prepare-time-ns-total', 'txn-commit-time-ns-total', 'txn-abort-time-ns-total'],
      ...['connection-close-rate', 'connection-close-total'],
    ],
    tolerance: { kind: 'equal' },
    because: 'the load says what they are',
  },
  {
    names: ['buffer-available-bytes'],
    tolerance: { kind: 'ratio', bound: 0.05 },
    because: 'when a record has its result, its memory may be on its way back',
  },
  {
    names: ['record-send-rate'],
    tolerance: { kind: 'ratio', bound: 0.25 },
    because: 'windows begin and end at other moments, and batches on their way count in the next',
  },
  {
    names: ['byte-rate', 'outgoing-byte-rate'],
    tolerance: { kind: 'ratio', bound: 0.25 },
    compressed: { kind: 'ratio', bound: 0.5 },
    because:
      'the same, and headers of batches and requests, which weigh more than the records where these are compressed well',
  },
  {
    names: ['byte-total', 'outgoing-byte-total'],
    tolerance: { kind: 'ratio', bound: 0.05 },
    compressed: { kind: 'ratio', bound: 0.5 },
    because: 'the same records with another number of headers around them',
  },
  {
    names: ['compression-rate', 'compression-rate-avg'],
    tolerance: { kind: 'ratio', bound: 0.1 },
    because: 'other encoders of the same codec, and other batches; not compressed, both are 1',
  },
  {
    names: [
      ...['batch-size-avg', 'records-per-request-avg', 'request-size-avg', 'record-queue-time-avg', 'request-rate'],
      ...['request-total', 'response-rate', 'response-total', 'incoming-byte-rate', 'incoming-byte-total'],
      ...['network-io-rate', 'network-io-total'],
    ],
    tolerance: { kind: 'ratio', bound: 1 },
    because: 'which records meet in a batch, and which batches in a request, is decided by milliseconds',
  },
  {
    names: ['batch-size-max', 'request-size-max'],
    tolerance: { kind: 'positive' },
    because: 'a single pause makes the largest',
  },
  {
    names: ['record-size-avg', 'record-size-max'],
    tolerance: { kind: 'less', from: 61, to: 82 },
    because: "Java's is an upper bound: a batch header of 61 bytes, and up to 21 for the lengths in a record",
  },
  {
    names: ['connection-creation-total', 'connection-count', 'connection-creation-rate'],
    tolerance: { kind: 'ratio', bound: 0, orApart: 3 },
    because: 'a connection to each leader in both; to how many bootstrap servers is chance in Java',
  },
  {
    names: [
      'request-latency-avg',
      'request-latency-max',
      'record-queue-time-max',
      'flush-time-ns-total',
      'metadata-wait-time-ns-total',
    ],
    tolerance: { kind: 'positive' },
    because: 'each producer measures its own moments of a machine that does other things as well',
  },
  {
    names: ['metadata-age', 'start-time-ms', 'count'],
    tolerance: { kind: 'number' },
    because: 'they say when something was done, or how many metrics there are',
  },
]
