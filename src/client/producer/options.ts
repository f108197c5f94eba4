import type { KafkaError } from '../../base/errors/index.ts'
import type { Logger, LogLevel } from '../observer/logger.ts'
import type { PartitionerFunction, PartitionerName } from '../partitioners/partitioner.ts'
import type { ProducerRecord } from '../record/record.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import type { SerializerInput } from '../record/serializers.ts'
import type { BootstrapServer } from './options/bootstrap-servers.ts'
import type { AnyTopic, RecordOf } from './types.ts'

export type { BootstrapServer } from './options/bootstrap-servers.ts'
export { defaultBatchSize } from './options/option-table.ts'
export { resolveOptions } from './options/resolve-options.ts'

export type CompressionType = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** 0: nobody answers. 1: the leader has it. −1 or `'all'`: every in-sync replica has it. */
export type Acks = 0 | 1 | -1 | 'all' | '0' | '1' | '-1'

/** One record on its way, as its interceptors see it: the same object each time, so that what is known of it can be tied to it. */
export interface SentRecord {
  /** Whose record it is. */
  readonly clientId: string
  /** Empty until it is known, and where the record names none. */
  readonly topic: string
  /** undefined until one is chosen. */
  readonly partition: number | undefined
  /** Time since `send` was called. Unit: milliseconds. */
  readonly elapsedMs: number
}

/**
 * Sees every record on its way. One that throws is reported by the `error` event and harms nothing. With an interceptor each record goes
 * the longer of two ways, with an object of its own. Source: ProducerInterceptor.java.
 */
export interface ProducerInterceptor<Topics = AnyTopic> {
  /** Called in `send`, before serializers and partitioner; what it returns is sent instead. */
  onSend?(record: RecordOf<Topics>, sent: SentRecord): ProducerRecord<unknown, unknown>
  /** Called when the record was acknowledged or failed, before its callback. `metadata` is there exactly where `error` is null. Be quick. */
  onAcknowledgement?(error: KafkaError | null, metadata: RecordMetadata | undefined, sent: SentRecord): void
  /** Called when a producer has closed, with all results told. An interceptor may belong to several producers. */
  close?(): void
}

/**
 * All options of a producer: Kafka's names in camelCase, Kafka's meaning, range and default unless the option says otherwise.
 * They are checked together when the producer is made; all wrong ones are reported by one `ConfigError`, before any socket is opened.
 */
export interface ProducerOptions<Topics = AnyTopic> {
  /**
   * Where to find the cluster: `'host:port,host:port'` or an array of `'host:port'`. One broker that answers is enough, the
   * others are learnt from it. The port is required, an IPv6 address stands in brackets (`[::1]:9092`), duplicates are dropped.
   *
   * @default none, required
   * @throws ConfigError where the list is empty, or an entry has no port, a port outside 1 to 65535, or a host that cannot be one
   * @source Kafka `bootstrap.servers`
   */
  bootstrapServers: string | readonly string[]

  /**
   * The name by which brokers know this producer in their logs, metrics and quotas.
   *
   * @default `producer-<n>`, counted from 1 in this process
   * @throws ConfigError where it is not a string, or longer than 32767 bytes
   * @source Kafka `client.id`
   */
  clientId?: string

  /**
   * Which of a name's addresses are tried: all of them, in turn.
   *
   * @default use_all_dns_ips
   * @throws ConfigError for `resolve_canonical_bootstrap_servers_only`, which serves Kerberos and is not spoken yet
   * @source Kafka `client.dns.lookup`
   */
  clientDnsLookup?: 'use_all_dns_ips'

  /**
   * Whether connections are encrypted and authenticated. This version speaks PLAINTEXT only.
   *
   * @default PLAINTEXT
   * @throws ConfigError for SSL, SASL_PLAINTEXT and SASL_SSL, which are not spoken yet
   * @source Kafka `security.protocol`
   */
  securityProtocol?: 'PLAINTEXT'

  /**
   * Who must have a record before it counts as acknowledged: `'all'` (or −1) every in-sync replica, 1 the leader alone, 0 nobody:
   * then no answer comes and the offset stays unknown. Only `'all'` goes together with `enableIdempotence`.
   *
   * @default all
   * @throws ConfigError for other values, and for 0 and 1 while `enableIdempotence` is on
   * @source Kafka `acks`
   */
  acks?: Acks

  /**
   * Has the broker recognise what it already wrote, so that a retry neither doubles nor reorders records. Never switched off in
   * silence: settings that rule it out are an error.
   *
   * @default true
   * @throws ConfigError together with `acks` 0 or 1, `retries` 0, or `maxInFlightRequestsPerConnection` above 5
   * @source Kafka `enable.idempotence`; KIP-98
   */
  enableIdempotence?: boolean

  /**
   * How often a batch may be sent again. Better left alone: `deliveryTimeoutMs` is the bound that means something.
   *
   * @default 2147483647
   * @throws ConfigError outside 0 to 2147483647, and for 0 while `enableIdempotence` is on
   * @source Kafka `retries`
   */
  retries?: number

  /**
   * Requests that may be unanswered at one broker at a time. Without idempotence a retry may overtake where it is above 1.
   *
   * @default 5
   * @throws ConfigError below 1, and above 5 while `enableIdempotence` is on
   * @source Kafka `max.in.flight.requests.per.connection`
   */
  maxInFlightRequestsPerConnection?: number

  /**
   * The longest time from `send` to its result, waiting, sending and retrying included. A record not acknowledged by then fails
   * with `DeliveryTimeoutError`. Left out, it is raised to `lingerMs` + `requestTimeoutMs` where these need more.
   *
   * @unit milliseconds
   * @default 120000
   * @throws ConfigError outside 0 to 2147483647, and below `lingerMs` + `requestTimeoutMs`
   * @source Kafka `delivery.timeout.ms`; KIP-91
   */
  deliveryTimeoutMs?: number

  /**
   * The longest wait for the answer to one request; also how long the leader waits for its followers. After it the connection is
   * closed and the request counts as failed.
   *
   * @unit milliseconds
   * @default 30000
   * @throws ConfigError outside 0 to 2147483647
   * @source Kafka `request.timeout.ms`
   */
  requestTimeoutMs?: number

  /**
   * The name under which this producer writes transactions; brokers fence an older producer of the same name. It must stay the same
   * over restarts, and be used by one producer at a time. With it, records are sent in transactions only.
   *
   * @default none: no transactions
   * @throws ConfigError where it is empty, longer than 32767 bytes, or `enableIdempotence` is off
   * @source Kafka `transactional.id`; KIP-98
   */
  transactionalId?: string

  /**
   * How long a transaction may stay open: the cluster aborts it then. At most the broker's `transaction.max.timeout.ms`, 15 minutes by
   * default. `deliveryTimeoutMs` is not above it: whichever of the two was not given follows the other.
   *
   * @unit milliseconds
   * @default 60000
   * @throws ConfigError outside 1 to 2147483647, and below `deliveryTimeoutMs` where both are given
   * @source Kafka `transaction.timeout.ms`
   */
  transactionTimeoutMs?: number

  /**
   * The longest a record waits for company while its broker is busy. With nothing in flight to that broker a batch leaves at the
   * end of the current turn of the event loop, so that an awaited send costs one round trip; see `lingerWhenIdle`. A full batch,
   * `flush` and `close` end the wait early. Values above 2147483647 are taken for that.
   *
   * @unit milliseconds
   * @default 5
   * @throws ConfigError below 0
   * @source Kafka `linger.ms`
   */
  lingerMs?: number

  /**
   * true: a batch waits `lingerMs` although its broker has nothing to do, as Java's producer has it.
   *
   * @default false
   * @throws ConfigError where it is not a boolean
   * @source ottla
   */
  lingerWhenIdle?: boolean

  /**
   * The upper bound of a batch. Memory grows with what is in it, nothing is reserved. A record larger than this travels in a batch of
   * its own; 0 sends every record alone.
   *
   * @unit bytes
   * @default 131072
   * @throws ConfigError outside 0 to 2147483647
   * @source Kafka `batch.size`
   */
  batchSize?: number

  /**
   * Memory for records that were not acknowledged yet, their overhead counted. When it is full, sends wait in line up to `maxBlockMs`;
   * the line is bounded by the same amount once more.
   *
   * @unit bytes
   * @default 33554432
   * @throws ConfigError outside 0 to 9007199254740991
   * @source Kafka `buffer.memory`
   */
  bufferMemory?: number

  /**
   * How long a send may wait for buffer memory and for the topic to become known, together. The wait is asynchronous: the call itself
   * returns at once. Bounds `partitionsFor` and `connect` as well.
   *
   * @unit milliseconds
   * @default 60000
   * @throws ConfigError outside 0 to 9007199254740991
   * @source Kafka `max.block.ms`
   */
  maxBlockMs?: number

  /**
   * The upper bound of a request, and of one record before compression. Brokers have a bound of their own (`message.max.bytes`).
   *
   * @unit bytes
   * @default 1048576
   * @throws ConfigError outside 0 to 2147483647
   * @source Kafka `max.request.size`
   */
  maxRequestSize?: number

  /**
   * The codec that whole batches are compressed with. All work without set-up.
   *
   * @default none
   * @throws ConfigError for other names
   * @source Kafka `compression.type`
   */
  compressionType?: CompressionType

  /**
   * How hard gzip tries; −1 is its own default.
   *
   * @default -1
   * @throws ConfigError unless −1 or 1 to 9
   * @source Kafka `compression.gzip.level`; KIP-390
   */
  compressionGzipLevel?: number

  /**
   * How hard lz4 tries. 9 is the fast compressor, any other value the thorough one, as in Java.
   *
   * @default 9
   * @throws ConfigError outside 1 to 17
   * @source Kafka `compression.lz4.level`; KIP-390
   */
  compressionLz4Level?: number

  /**
   * How hard zstd tries; below zero it trades size for speed.
   *
   * @default 3
   * @throws ConfigError outside −131072 to 22
   * @source Kafka `compression.zstd.level`; KIP-390
   */
  compressionZstdLevel?: number

  /**
   * Who chooses a record's partition. `'murmur2'`: keys as every Java program does, without a key the sticky choice of KIP-794.
   * `'crc32'`: as librdkafka. `'roundRobin'`, `'random'`, or a function.
   *
   * @default murmur2
   * @throws ConfigError for other names
   * @source ottla, in place of Kafka `partitioner.class`
   */
  partitioner?: PartitionerName | PartitionerFunction

  /**
   * Gives records without a key to partitions with a short queue more often. Counts for the built-in sticky choice only.
   *
   * @default true
   * @throws ConfigError where it is not a boolean
   * @source Kafka `partitioner.adaptive.partitioning.enable`; KIP-794
   */
  partitionerAdaptivePartitioningEnable?: boolean

  /**
   * Leaves out partitions whose broker has not taken data for this long; 0 leaves out none. Needs
   * `partitionerAdaptivePartitioningEnable`.
   *
   * @unit milliseconds
   * @default 0
   * @throws ConfigError outside 0 to 9007199254740991
   * @source Kafka `partitioner.availability.timeout.ms`; KIP-794
   */
  partitionerAvailabilityTimeoutMs?: number

  /**
   * Treats records with a key as those without one when choosing a partition.
   *
   * @default false
   * @throws ConfigError where it is not a boolean
   * @source Kafka `partitioner.ignore.keys`; KIP-794
   */
  partitionerIgnoreKeys?: boolean

  /**
   * Makes bytes of keys: `'string'`, `'bytes'`, `'json'`, `'int32'`, `'int64'`, `'double'`, `'uuid'`, a function, or an object with a
   * `serialize` method.
   *
   * @default none: strings become UTF-8, bytes stay as they are
   * @throws ConfigError for other names and types
   * @source Kafka `key.serializer`, without class names
   */
  keySerializer?: SerializerInput

  /**
   * Makes bytes of values, as `keySerializer` does of keys.
   *
   * @default none: strings become UTF-8, bytes stay as they are
   * @throws ConfigError for other names and types
   * @source Kafka `value.serializer`, without class names
   */
  valueSerializer?: SerializerInput

  /**
   * Objects with `onSend` and `onAcknowledgement`, called in this order; `close` is called at the end.
   *
   * @default none
   * @throws ConfigError where it is no array of such objects
   * @source ottla, in place of Kafka `interceptor.classes`
   */
  interceptors?: readonly ProducerInterceptor<Topics>[]

  /**
   * The wait before a failed request is repeated, doubled with each failure in a row up to `retryBackoffMaxMs`, ±20 %. Above
   * `retryBackoffMaxMs` that one is used, without growth.
   *
   * @unit milliseconds
   * @default 100
   * @throws ConfigError outside 0 to 9007199254740991
   * @source Kafka `retry.backoff.ms`; KIP-580
   */
  retryBackoffMs?: number

  /**
   * The longest wait before a failed request is repeated.
   *
   * @unit milliseconds
   * @default 1000
   * @throws ConfigError outside 0 to 9007199254740991
   * @source Kafka `retry.backoff.max.ms`; KIP-580
   */
  retryBackoffMaxMs?: number

  /**
   * The wait before a broker is connected to again, doubled with each failure in a row up to `reconnectBackoffMaxMs`, ±20 %.
   *
   * @unit milliseconds
   * @default 50
   * @throws ConfigError outside 0 to 9007199254740991
   * @source Kafka `reconnect.backoff.ms`; KIP-144
   */
  reconnectBackoffMs?: number

  /**
   * The longest wait before a broker is connected to again. Left out while `reconnectBackoffMs` is given, it equals that one: the wait
   * does not grow.
   *
   * @unit milliseconds
   * @default 1000
   * @throws ConfigError outside 0 to 9007199254740991
   * @source Kafka `reconnect.backoff.max.ms`; KIP-144
   */
  reconnectBackoffMaxMs?: number

  /**
   * How long a connection may take to come about, doubled with each failure in a row up to `socketConnectionSetupTimeoutMaxMs`, ±20 %.
   *
   * @unit milliseconds
   * @default 10000
   * @throws ConfigError outside 1 to 9007199254740991
   * @source Kafka `socket.connection.setup.timeout.ms`; KIP-601
   */
  socketConnectionSetupTimeoutMs?: number

  /**
   * The longest a connection may take to come about after failures. Below `socketConnectionSetupTimeoutMs` it is used alone, without growth.
   *
   * @unit milliseconds
   * @default 30000
   * @throws ConfigError outside 1 to 9007199254740991
   * @source Kafka `socket.connection.setup.timeout.max.ms`; KIP-601
   */
  socketConnectionSetupTimeoutMaxMs?: number

  /**
   * Closes a connection that was not used for this long, below the ten minutes after which brokers do. −1: never.
   *
   * @unit milliseconds
   * @default 540000
   * @throws ConfigError outside −1 to 9007199254740991
   * @source Kafka `connections.max.idle.ms`
   */
  connectionsMaxIdleMs?: number

  /**
   * The size of the operating system's send buffer. Node cannot set it, so that only −1, the system's choice, is taken.
   *
   * @unit bytes
   * @default -1
   * @throws ConfigError for other values than −1
   * @source Kafka `send.buffer.bytes`
   */
  sendBufferBytes?: -1

  /**
   * The size of the operating system's receive buffer. Node cannot set it, so that only −1, the system's choice, is taken.
   *
   * @unit bytes
   * @default -1
   * @throws ConfigError for other values than −1
   * @source Kafka `receive.buffer.bytes`
   */
  receiveBufferBytes?: -1

  /**
   * Asks for metadata again after this long, although nothing went wrong, to learn of new partitions and brokers.
   *
   * @unit milliseconds
   * @default 300000
   * @throws ConfigError outside 0 to 9007199254740991
   * @source Kafka `metadata.max.age.ms`
   */
  metadataMaxAgeMs?: number

  /**
   * Forgets a topic that nothing was sent to for this long.
   *
   * @unit milliseconds
   * @default 300000
   * @throws ConfigError outside 5000 to 9007199254740991
   * @source Kafka `metadata.max.idle.ms`; KIP-526
   */
  metadataMaxIdleMs?: number

  /**
   * What to do when no known broker can be reached: start again from `bootstrapServers`, or keep trying the known ones.
   *
   * @default rebootstrap
   * @throws ConfigError for other values than `rebootstrap` and `none`
   * @source Kafka `metadata.recovery.strategy`; KIP-899
   */
  metadataRecoveryStrategy?: 'rebootstrap' | 'none'

  /**
   * Starts again from `bootstrapServers` when no metadata came for this long.
   *
   * @unit milliseconds
   * @default 300000
   * @throws ConfigError outside 0 to 9007199254740991
   * @source Kafka `metadata.recovery.rebootstrap.trigger.ms`; KIP-1102
   */
  metadataRecoveryRebootstrapTriggerMs?: number

  /**
   * Delivers what is under way when the process ends: by returning, by `process.exit()`, by an uncaught exception, or by SIGTERM,
   * SIGINT or SIGHUP where nobody else listens to them. The thread is blocked meanwhile. What could not be delivered is reported on
   * standard error by count and topic. Nothing helps against SIGKILL, nor in a worker thread that is ended from outside, as by the end
   * of its process.
   *
   * @default false
   * @throws ConfigError where it is not a boolean
   * @source ottla
   */
  flushOnExit?: boolean

  /**
   * How long `flushOnExit` may hold up the end of the process.
   *
   * @unit milliseconds
   * @default 10000
   * @throws ConfigError outside 0 to 2147483647
   * @source ottla
   */
  flushOnExitTimeoutMs?: number

  /**
   * Pushes metrics to brokers that ask for them, as often as they say. Where they do not, it costs nothing.
   *
   * @default true
   * @throws ConfigError for other values than true and false
   * @source Kafka `enable.metrics.push`; KIP-714
   */
  enableMetricsPush?: boolean

  /**
   * Over how many windows rates and averages are taken.
   *
   * @default 2
   * @throws ConfigError outside 1 to 2147483647
   * @source Kafka `metrics.num.samples`
   */
  metricsNumSamples?: number

  /**
   * How long one window of rates and averages is.
   *
   * @unit milliseconds
   * @default 30000
   * @throws ConfigError outside 0 to 9007199254740991
   * @source Kafka `metrics.sample.window.ms`
   */
  metricsSampleWindowMs?: number

  /**
   * Which metrics are kept: with DEBUG and TRACE also those that cost something.
   *
   * @default INFO
   * @throws ConfigError for other values than INFO, DEBUG and TRACE
   * @source Kafka `metrics.recording.level`
   */
  metricsRecordingLevel?: 'INFO' | 'DEBUG' | 'TRACE'

  /**
   * Is told what the producer does: connections, retries, failures. `console`, a pino or winston logger, or an object of your own with
   * `log(level, message, fields)`. What repeats is told now and then, with how often; keys, values and headers never are. It is called
   * outside of the producer's work, in order; one that fails harms nothing, and is reported by the `error` event, once.
   *
   * @default none: nothing is logged
   * @throws ConfigError where it has neither debug, info, warn and error nor log
   * @source ottla; docs/logging.md
   */
  logger?: Logger

  /**
   * The least that a line must be to be given to `logger`; with `debug` each request is told. A logger's own level counts besides.
   *
   * @default info
   * @throws ConfigError for other values than debug, info, warn, error and silent
   * @source ottla
   */
  logLevel?: LogLevel | 'silent'
}

type Transformed =
  | 'transactionalId'
  | 'bootstrapServers'
  | 'acks'
  | 'keySerializer'
  | 'valueSerializer'
  | 'interceptors'
  | 'logger'

/** Every option with its value: checked, defaults filled in, cross rules applied, frozen. */
export interface ResolvedOptions extends Readonly<Required<Omit<ProducerOptions, Transformed>>> {
  readonly bootstrapServers: readonly BootstrapServer[]
  readonly acks: 0 | 1 | -1
  /** undefined: no transactions. */
  readonly transactionalId: string | undefined
  /** undefined: strings and bytes only. */
  readonly keySerializer: SerializerInput | undefined
  readonly valueSerializer: SerializerInput | undefined
  readonly interceptors: readonly ResolvedInterceptor[]
  /** undefined: nothing is logged. */
  readonly logger: Logger | undefined
}

/** An interceptor once the topics' types have done their work. */
export interface ResolvedInterceptor {
  onSend?(record: ProducerRecord<unknown, unknown>, sent: SentRecord): ProducerRecord<unknown, unknown>
  onAcknowledgement?(error: KafkaError | null, metadata: RecordMetadata | undefined, sent: SentRecord): void
  close?(): void
}
