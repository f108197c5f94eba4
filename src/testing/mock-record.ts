import type { KafkaError } from '../base/errors/index.ts'
import { invariant } from '../base/invariant.ts'
import type { RecordListener } from '../client/accumulator/batch.ts'
import type { Blocker } from '../client/accumulator/blocker.ts'
import type { SendTrace } from '../client/observer/send-trace.ts'
import type { ResultSource } from '../client/producer/future.ts'
import type { InterceptedRecord } from '../client/producer/intercepted-record.ts'
import type { SerializedRecord, TakenRecord } from '../client/producer/record-intake.ts'
import type { SettledWaiter } from '../client/producer/settled-waiter.ts'
import type { SendCallback } from '../client/producer/types.ts'
import type { HeaderPair } from '../client/record/headers.ts'
import type { ProducerRecord } from '../client/record/record.ts'
import { type AcknowledgedBatch, BatchRecordMetadata, type RecordMetadata } from '../client/record/record-metadata.ts'

/** serializing: its serializer has not answered. waiting: for one before it. open: sent, and to be completed. */
type MockRecordState = 'serializing' | 'waiting' | 'open' | 'settled'

const moves: Record<MockRecordState, readonly MockRecordState[]> = {
  serializing: ['waiting', 'settled'],
  waiting: ['open', 'settled'],
  open: ['settled'],
  settled: [],
}

const bytesOf = (value: string | Uint8Array | null): Buffer | null => (value === null ? null : Buffer.from(value))

/** One send of a mock producer, from the call to its result. It stands where a batch stands in the real one. */
export class MockRecord implements ResultSource, AcknowledgedBatch {
  readonly blocker: Blocker
  readonly topic: string
  /** As it was given, with bytes of our own: the caller's may change. */
  readonly given: ProducerRecord<unknown, unknown>
  /** A callback, or `sendAll`, or nobody. */
  readonly #listener: SendCallback | RecordListener | undefined
  readonly #intercepted: InterceptedRecord | undefined
  readonly #taken: TakenRecord
  #state: MockRecordState = 'serializing'
  #serialized: SerializedRecord | undefined
  #result: { readonly error: KafkaError } | { readonly metadata: RecordMetadata } | undefined
  #promise: Promise<void> | undefined
  #resolve: (() => void) | undefined
  /** −1 until one is chosen. */
  partition: number
  /** Given by the broker; −1 until it is acknowledged, and with `acks: 0`. */
  baseOffset = -1n
  /** Its offset in the log, which the broker does not tell with `acks: 0`. */
  position = -1n
  readonly logAppendTimeMs = -1
  timestamp: number
  watched: boolean
  /** Whether it was sent in a transaction. */
  readonly isTransactional: boolean
  /** Flushes that wait for it. */
  readonly waiters: SettledWaiter[] = []
  /** Where its life is published; undefined where nobody listens. */
  trace: SendTrace | undefined
  /** Called once when it is settled. */
  onSettled: (() => void) | undefined

  constructor(
    given: unknown,
    taken: TakenRecord,
    listener: SendCallback | RecordListener | undefined,
    intercepted: InterceptedRecord | undefined,
    blocker: Blocker,
    isTransactional: boolean,
  ) {
    this.blocker = blocker
    this.isTransactional = isTransactional
    this.topic = taken.topic
    this.given = copyOf(given as ProducerRecord<unknown, unknown>)
    this.partition = taken.partition ?? -1
    this.timestamp = taken.timestamp ?? -1
    this.watched = typeof listener === 'object' ? listener.watched : listener !== undefined
    this.#taken = taken
    this.#listener = listener
    this.#intercepted = intercepted
  }

  get state(): MockRecordState {
    return this.#state
  }

  /** Its partition is chosen. */
  placedIn(partition: number): void {
    this.partition = partition
    if (this.#intercepted !== undefined) this.#intercepted.partition = partition
  }

  move(next: MockRecordState): void {
    invariant(moves[this.#state].includes(next), 'a record moves forward')
    this.#state = next
  }

  /** The partition that the caller asked for. */
  get askedPartition(): number | undefined {
    return this.#taken.partition
  }

  serialized(result: SerializedRecord): void {
    this.#serialized = result
    this.move('waiting')
  }

  get bytes(): SerializedRecord {
    invariant(this.#serialized !== undefined, 'a record that is looked at was serialized')
    return this.#serialized
  }

  get key(): Buffer | null {
    return bytesOf(this.bytes.key)
  }

  get value(): Buffer | null {
    return bytesOf(this.bytes.value)
  }

  /** Values as bytes, as whoever reads the record back gets them. */
  get headers(): (readonly [name: string, value: Buffer | null])[] {
    return this.bytes.pairs.map(([name, value]) => [name, bytesOf(value)] as const)
  }

  /** What a report of its failure may show: also where the serializer never answered. */
  get known(): { key: unknown; value: unknown; pairs: readonly HeaderPair[] } {
    return this.#serialized === undefined ? this.#taken : { ...this.#serialized, pairs: this.headers }
  }

  // ---- the result

  /** Whether it was acknowledged. */
  get isAcknowledged(): boolean {
    return this.#result !== undefined && 'metadata' in this.#result
  }

  /** The result is there; whoever has a promise or a callback is told by `tell`. */
  settle(error: KafkaError | null, offset: bigint): void {
    this.move('settled')
    this.baseOffset = offset
    this.#result = error === null ? { metadata: new BatchRecordMetadata(this, 0) } : { error }
    const metadata = error === null ? this.metadataAt() : undefined
    this.trace?.settled(error, metadata)
    if (typeof this.#listener === 'object') this.#listener.settled(error, metadata)
    this.onSettled?.()
    for (const waiter of this.waiters) waiter.batchSettled()
  }

  /** Interceptors first, then the callback, then those who await. Throws what the callback throws, after the rest. */
  tell(): unknown {
    try {
      return this.trace === undefined ? this.#call() : this.trace.tell(() => this.#call())
    } finally {
      this.#resolve?.()
    }
  }

  #call(): unknown {
    const error = this.errorAt()
    const result: Parameters<SendCallback> = error === undefined ? [null, this.metadataAt()] : [error]
    this.#intercepted?.observe(result[0], result[1])
    return typeof this.#listener === 'function' ? this.#listener(...result) : this.#listener?.tell()
  }

  isSettledAt(): boolean {
    return this.#result !== undefined
  }

  errorAt(): KafkaError | undefined {
    return this.#result !== undefined && 'error' in this.#result ? this.#result.error : undefined
  }

  metadataAt(): RecordMetadata {
    invariant(this.#result !== undefined && 'metadata' in this.#result, 'metadata are of an acknowledged record')
    return this.#result.metadata
  }

  whenSettled(): Promise<void> {
    if (this.#promise !== undefined) return this.#promise
    if (this.#result !== undefined) return Promise.resolve()
    this.#promise = new Promise(resolve => {
      this.#resolve = resolve
    })
    return this.#promise
  }

  watch(): void {
    this.watched = true
  }

  timestampAt(): number {
    return this.timestamp
  }

  keySizeAt(): number {
    return this.key?.length ?? -1
  }

  valueSizeAt(): number {
    return this.value?.length ?? -1
  }

  offsetDeltaAt(): number {
    return 0
  }
}

const fields = ['topic', 'key', 'value', 'partition', 'headers', 'timestamp'] as const

/** Field by field, since a class may have getters; values of the caller's own types stay theirs. */
function copyOf(record: ProducerRecord<unknown, unknown>): ProducerRecord<unknown, unknown> {
  const copy: Record<string, unknown> = {}
  // An interceptor may have made a record of something else.
  if (typeof record !== 'object' || record === null) return record
  for (const field of fields) if (field in record) copy[field] = ownBytes(record[field])
  return copy as unknown as ProducerRecord<unknown, unknown>
}

const ownBytes = (value: unknown): unknown =>
  value instanceof Uint8Array ? Uint8Array.prototype.slice.call(value) : value
