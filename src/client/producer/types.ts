import type { KafkaError } from '../../base/errors/index.ts'
import type { ProducerMetrics } from '../metrics/producer-metrics.ts'
import type { Bytes, Headers, ProducerRecord } from '../record/record.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'

/** A result to come: a promise that can also be waited for with the thread blocked, as Java's `Future.get()`. */
export interface Future<T> extends Promise<T> {
  /**
   * Blocks this thread until the result is there. No callback, promise or timer of the thread runs meanwhile; what settled in the
   * meantime is told when it goes on.
   *
   * @param options `timeoutMs`: the longest wait, in milliseconds; by default that of the thing itself (`deliveryTimeoutMs` of a record).
   * `signal`: ends the wait where it is aborted already; one that a timer or callback of this thread would abort cannot be, while it is blocked.
   * @throws what the promise would reject with; `TimeoutError` where `timeoutMs` is over and `AbortedError` where the signal is aborted, both with
   * `outcome: 'unknown'` for a record, which goes on, and its future with it; `KafkaError` with code `BLOCKING_REFUSED` where the wait could
   * never end, and `COURIER_FAILED` where no worker thread can be started
   * @source java.util.concurrent.Future.get
   */
  get(options?: { timeoutMs?: number; signal?: AbortSignal }): T
  /** Whether the result (or the error) is there. */
  readonly settled: boolean
}

/**
 * Called once, error first, in the order of the sends of a partition. `metadata` is there exactly where `error` is null. (A union
 * of both cases would say so to the compiler, but refuses callbacks that take the error alone.)
 */
export type SendCallback = (error: KafkaError | null, metadata?: RecordMetadata) => void

export interface SendOptions {
  /** Takes the record back while it is not on the wire; after that it only ends the wait, and the outcome is `unknown`. */
  signal?: AbortSignal
}

export interface WaitOptions {
  /** Unit: milliseconds. */
  timeoutMs?: number
  signal?: AbortSignal
}

/** The key and value types of each topic: `createProducer<{ orders: { key: string; value: Order } }>`. */
export interface TopicTypes {
  readonly [topic: string]: { readonly key?: unknown; readonly value?: unknown }
}

/** Without types of one's own every topic takes strings and bytes. */
export interface AnyTopic {
  readonly [topic: string]: { readonly key: Bytes; readonly value: Bytes }
}

/** The record that a producer with these topic types takes: a union over its topics. */
export type RecordOf<Topics> = {
  [T in keyof Topics & string]: Topics[T] extends { readonly key?: infer K; readonly value?: infer V }
    ? ProducerRecord<K, V, T>
    : never
}[keyof Topics & string]

export interface PartitionInfo {
  readonly topic: string
  readonly partition: number
  /** The broker id of the leader; −1 while there is none. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
}

/** A record that failed while nobody watched it, as the `undelivered` event gives it. */
export interface Undelivered {
  readonly error: KafkaError
  readonly topic: string
  /** −1 where none was chosen yet. */
  readonly partition: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: Headers
  readonly timestamp: number
}

export interface ProducerEvents {
  /** A record failed, and neither a callback nor anybody's `await` learnt of it. */
  undelivered: [Undelivered]
  /** Something went wrong that belongs to no record: a throwing callback or interceptor, a broker that refuses us. Never thrown. */
  error: [KafkaError]
}

export type ProducerState = 'open' | 'closing' | 'closed'

export interface WritableOptions<Topics> {
  /** The topic of chunks that are not records: strings and bytes become values. */
  topic?: keyof Topics & string
}

/** A Kafka producer. Made by `createProducer`; connects on first use. */
export interface Producer<Topics = AnyTopic> {
  // The callback comes first: tried after `options`, it would lose the types of its parameters where the record is a variable.
  /** Sends a record, tells the callback, and makes no future. */
  send(record: RecordOf<Topics>, callback: SendCallback): void
  send(record: RecordOf<Topics>, options: SendOptions, callback: SendCallback): void
  /** Sends a record; returns at once. Looking at the future is optional: see the `undelivered` event. */
  send(record: RecordOf<Topics>, options?: SendOptions): Future<RecordMetadata>
  /** Sends many; rejects with `SendAllError`, which tells the result of each, unless all were acknowledged. */
  sendAll(records: Iterable<RecordOf<Topics>>, options?: SendOptions): Future<RecordMetadata[]>
  /** A stream of records, or of values for one topic, with back-pressure; ends when all of them are acknowledged. */
  writable(options?: WritableOptions<Topics>): import('node:stream').Writable
  /** Whether a loop that sends should go on; if not, `await room()` first. */
  readonly hasRoom: boolean
  /** Resolves when there is room: buffer memory is free and the event loop has had its turn. */
  room(options?: { signal?: AbortSignal }): Promise<void>
  /** Settles everything sent before the call. Rejects with `TimeoutError` at its deadline. */
  flush(options?: WaitOptions): Future<void>
  /** Refuses new records, flushes, and closes every connection. At the deadline each record still open fails with its outcome. */
  close(options?: { timeoutMs?: number }): Future<void>
  [Symbol.asyncDispose](): Promise<void>
  partitionsFor(topic: keyof Topics & string): Future<PartitionInfo[]>
  /** Optional: fails early where no broker can be reached. */
  connect(options?: WaitOptions): Future<void>
  /**
   * What has been measured, by Kafka's own names: the producer's numbers directly (`metrics()['record-send-rate']`), those of topics and
   * brokers below them. Nothing is computed unless this is called.
   *
   * @source java.util.Map Producer.metrics()
   */
  metrics(): ProducerMetrics
  /**
   * The id that a broker has given this producer for its telemetry (KIP-714), the same as long as it lives: 22 characters, as Kafka writes
   * ids. Connects where nothing is connected yet.
   *
   * @param options `timeoutMs`: the longest wait, in milliseconds; by default `maxBlockMs`
   * @throws (rejects with) `KafkaError` with code `TELEMETRY_DISABLED` where `enableMetricsPush` is false, `UnsupportedVersionError` where
   * the brokers take no metrics, `TimeoutError`, `ClosedError`
   * @source Producer.clientInstanceId
   */
  clientInstanceId(options?: WaitOptions): Future<string>
  readonly state: ProducerState
  on<E extends keyof ProducerEvents>(event: E, listener: (...args: ProducerEvents[E]) => void): this
  once<E extends keyof ProducerEvents>(event: E, listener: (...args: ProducerEvents[E]) => void): this
  off<E extends keyof ProducerEvents>(event: E, listener: (...args: ProducerEvents[E]) => void): this
}
