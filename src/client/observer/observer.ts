import type { KafkaError } from '../../base/errors/index.ts'
import type { SendTrace } from './send-trace.ts'

/** A batch, as whoever watches sees it: it is the same object from its first sending to its result, and only valid during a call. */
export interface ObservedBatch {
  readonly topic: string
  readonly partition: number
  /** Records in it, without those taken back. */
  readonly writtenCount: number
  /** Attempts so far, the present one included. */
  readonly attempts: number
  /** Monotonic time of the earliest `send` in it. */
  readonly createdAt: number
  /** −1 until it is acknowledged, and with `acks=0`. */
  readonly baseOffset: bigint
  /** Bytes before compression. */
  readonly length: number
  /** What went wrong last, while it is under way. */
  readonly lastError: KafkaError | undefined
  /** Who is told of each record, in their order: where it is an object, the record may be traced. */
  readonly listeners: readonly (ObservedListener | ((...result: never) => unknown) | true | undefined)[]
}

export interface ObservedListener {
  readonly trace?: SendTrace | undefined
}

/** A Produce request: the same object when it leaves and when it ends. */
export interface ObservedRequest {
  readonly batches: readonly ObservedBatch[]
  readonly brokerId: number
  /** `host:port (ip)` of the broker. */
  readonly remote: string
  /** Bytes of its body. */
  readonly bytes: number
  /** Monotonic time when it left. */
  readonly sentAt: number
}

/**
 * Whoever watches a producer, and changes nothing: what is logged, and what is published to `node:diagnostics_channel`. Called in
 * the midst of the work: nothing of the user's may run, nothing may throw, and what is to be kept must be copied.
 */
export interface ProducerObserver {
  /** A connection for records stands. */
  connected(brokerId: number, remote: string): void
  /** A connection for records was lost with something in flight, or could not be made; it is tried again. */
  connectionFailed(brokerId: number, error: KafkaError): void
  /** Nobody could be asked for metadata, or the answer was an error; it is asked for again. */
  metadataFailed(error: KafkaError): void
  /** A broker has answered with metadata. */
  metadataLearnt(): void
  /** Somebody else leads a partition now; −1: nobody does. `from` is −1 where nothing was known before. */
  leaderChanged(topic: string, partition: number, from: number, to: number): void
  requestSent(request: ObservedRequest): void
  /** With `acks=0`: it is written to the socket. */
  requestAnswered(request: ObservedRequest, latencyMs: number): void
  requestFailed(request: ObservedRequest, error: KafkaError): void
  throttled(brokerId: number, throttleMs: number): void
  /** It goes back into its queue; undefined: because the thread is blocked, and nothing went wrong. `backOffMs`: 0 where it may go at once. */
  batchRetried(batch: ObservedBatch, error: KafkaError | undefined, backOffMs: number): void
  /** The broker finds it too large; its parts take its place. */
  batchSplit(batch: ObservedBatch, parts: readonly ObservedBatch[]): void
  batchAcknowledged(batch: ObservedBatch): void
  batchFailed(batch: ObservedBatch, error: KafkaError): void
  /** A record failed that was in no batch. */
  recordFailed(topic: string, error: KafkaError): void
  /** What records are numbered under now. */
  identified(producerId: bigint, producerEpoch: number): void
  /** A call that begins or ends a transaction has ended. */
  transactionCall(name: string, tookMs: number, error: KafkaError | undefined): void
  /** An error that belongs to no record: the event `error` tells it as well. */
  reported(error: KafkaError): void
  closed(): void
}

/** Tells all of them, one after another. */
export class Observers implements ProducerObserver {
  readonly #all: readonly ProducerObserver[]

  constructor(all: readonly ProducerObserver[]) {
    this.#all = all
  }

  connected(brokerId: number, remote: string): void {
    for (const one of this.#all) one.connected(brokerId, remote)
  }

  connectionFailed(brokerId: number, error: KafkaError): void {
    for (const one of this.#all) one.connectionFailed(brokerId, error)
  }

  metadataFailed(error: KafkaError): void {
    for (const one of this.#all) one.metadataFailed(error)
  }

  metadataLearnt(): void {
    for (const one of this.#all) one.metadataLearnt()
  }

  leaderChanged(topic: string, partition: number, from: number, to: number): void {
    for (const one of this.#all) one.leaderChanged(topic, partition, from, to)
  }

  requestSent(request: ObservedRequest): void {
    for (const one of this.#all) one.requestSent(request)
  }

  requestAnswered(request: ObservedRequest, latencyMs: number): void {
    for (const one of this.#all) one.requestAnswered(request, latencyMs)
  }

  requestFailed(request: ObservedRequest, error: KafkaError): void {
    for (const one of this.#all) one.requestFailed(request, error)
  }

  throttled(brokerId: number, throttleMs: number): void {
    for (const one of this.#all) one.throttled(brokerId, throttleMs)
  }

  batchRetried(batch: ObservedBatch, error: KafkaError | undefined, backOffMs: number): void {
    for (const one of this.#all) one.batchRetried(batch, error, backOffMs)
  }

  batchSplit(batch: ObservedBatch, parts: readonly ObservedBatch[]): void {
    for (const one of this.#all) one.batchSplit(batch, parts)
  }

  batchAcknowledged(batch: ObservedBatch): void {
    for (const one of this.#all) one.batchAcknowledged(batch)
  }

  batchFailed(batch: ObservedBatch, error: KafkaError): void {
    for (const one of this.#all) one.batchFailed(batch, error)
  }

  recordFailed(topic: string, error: KafkaError): void {
    for (const one of this.#all) one.recordFailed(topic, error)
  }

  identified(producerId: bigint, producerEpoch: number): void {
    for (const one of this.#all) one.identified(producerId, producerEpoch)
  }

  transactionCall(name: string, tookMs: number, error: KafkaError | undefined): void {
    for (const one of this.#all) one.transactionCall(name, tookMs, error)
  }

  reported(error: KafkaError): void {
    for (const one of this.#all) one.reported(error)
  }

  closed(): void {
    for (const one of this.#all) one.closed()
  }
}
