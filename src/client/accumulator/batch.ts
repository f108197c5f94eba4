import type { KafkaError, Outcome } from '../../base/errors/index.ts'
import { invariant } from '../../base/invariant.ts'
import * as layout from '../../wire/protocol/records/batch-layout.ts'
import { stampBatch } from '../../wire/protocol/records/record-batch.ts'
import {
  sizeOfVarint,
  sizeOfVarlong,
  writeInt64,
  writeVarint,
  writeVarlong,
} from '../../wire/protocol/records/varint.ts'
import type { SendTrace } from '../observer/send-trace.ts'
import { type AcknowledgedBatch, BatchRecordMetadata, type RecordMetadata } from '../record/record-metadata.ts'
import type { Blocker } from './blocker.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { writeUtf8 } from './write-utf8.ts'

/**
 * A batch: records of one partition that share a fate.
 *
 *     open ──► compressing ──► sealed ◄──► in-flight ──► settled
 *       └───────────────────────┘ └──────────────────────┘
 *
 * open         takes records; the newest batch of its partition.
 * compressing  content fixed; a thread of the pool compresses it.
 * sealed       content fixed for good, waits to be sent. Stamped (identity and sequence) when first sent, and again only
 *              when every attempt so far was certainly not appended.
 * in-flight    one request carries it. A retry goes back to sealed.
 * settled      every record has its result. What comes later for it is dropped.
 */
export type BatchState = 'open' | 'compressing' | 'sealed' | 'in-flight' | 'settled'

const moves: Record<BatchState, readonly BatchState[]> = {
  open: ['compressing', 'sealed', 'settled'],
  compressing: ['sealed', 'settled'],
  sealed: ['in-flight', 'open', 'settled'], // open: a record is taken back before the batch was ever sent
  'in-flight': ['sealed', 'settled'],
  settled: [],
}

/** Whoever wants the result of one record, but is no plain callback. */
export interface RecordListener {
  /** Whether somebody will see the result; if not, a failure goes to the `undelivered` event. */
  readonly watched: boolean
  /** Where its life is published; undefined where nobody listens. */
  readonly trace?: SendTrace | undefined
  /** The result is there. Nobody is told yet. */
  settled(error: KafkaError | null, metadata: RecordMetadata | undefined): void
  /** Tells whoever wanted to be told. Throws what a callback throws, and gives what it returned: a promise may still reject. */
  tell(): unknown
}

/** `true` marks a record whose future somebody has looked at; `undefined` one that nobody watches. */
export type Listener =
  | ((...result: [error: null, metadata: RecordMetadata] | [error: KafkaError, metadata?: undefined]) => unknown)
  | RecordListener
  | true
  | undefined

/** Who waits for a group of batches (flush). */
export interface BatchWaiter {
  batchSettled(): void
  /** A batch it waits for was split: one more to come. */
  batchAdded(): void
}

/** Identity and place in the sequence of a batch that was sent. */
export interface Stamp {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
}

export class Batch implements AcknowledgedBatch {
  readonly queue: PartitionQueue
  state: BatchState = 'open'
  /** Monotonic time of the earliest `send` in it, and when it must have settled. */
  readonly createdAt: number
  readonly deadline: number

  /** Header and plain records, while the batch may still change; undefined once `wire` holds something else. */
  plain: Buffer | undefined
  /** Bytes of `plain` in use. */
  length: number = layout.batchHeaderSize
  /** What goes on the wire: fixed from `sealed` on, apart from identity, sequence and CRC. */
  wire: Buffer | undefined
  codec = 0
  count = 0
  /** Encoded size of the largest record. */
  largestRecordBytes = 0
  baseTimestamp = 0
  maxTimestamp = 0

  // One entry a record. Arrays of plain values: no object per record is made while sending.
  listeners: Listener[] = []
  /** Some of `listeners` are objects: they learn their results before anybody is called. */
  hasRecordListeners = false
  readonly timestamps: number[] = []
  readonly keySizes: number[] = []
  readonly valueSizes: number[] = []
  /** Indexes of records that were taken back before the batch was first sent. */
  takenBack: Set<number> | undefined
  /** Those of `takenBack` whose bytes are no longer there. */
  dropped: ReadonlySet<number> = none

  stamp: Stamp | undefined
  attempts = 0
  /** The request that carries it now. An answer to any other, from before a hand-over, says nothing any more. */
  carriedBy: object | undefined
  /**
   * Where it stands among everything sent for its partition: how many records were sent before it for the first time; −1
   * until it is sent itself. Retries, and parts of a split batch, keep this order.
   */
  sendOrder = -1
  /** What is known over all attempts that have ended. */
  outcome: Outcome = 'not-written'
  /** Leader and epoch of the last attempt with an unknown outcome. */
  doubtfulLeader = -1
  doubtfulLeaderEpoch = -1
  lastError: KafkaError | undefined
  /** Requests whose socket may still read `wire`. */
  references = 0
  /** What the memory budget lent for it. */
  reservedBytes = 0
  waiters: BatchWaiter[] | undefined

  // The list of live batches (see live-batches.ts).
  previousLive: Batch | undefined
  nextLive: Batch | undefined

  // The result.
  error: KafkaError | undefined
  errors: Map<number, KafkaError> | undefined
  baseOffset = -1n
  logAppendTimeMs = -1
  /** Failed records that nobody had looked at when the batch settled; whoever looks in the same turn still counts. */
  unwatchedFailures: Set<number> | undefined
  /** Where the records went when the batch was split: batch and index by index here. */
  parts: { batch: Batch; index: number }[] | undefined
  #whenSettled: Promise<Batch> | undefined
  #resolve: ((batch: Batch) => void) | undefined

  constructor(queue: PartitionQueue, buffer: Buffer | undefined, createdAt: number, deadline: number) {
    this.queue = queue
    this.plain = buffer
    this.createdAt = createdAt
    this.deadline = deadline
  }

  move(to: BatchState): void {
    invariant(moves[this.state].includes(to), `a batch may go from ${this.state} to ${to}`)
    this.state = to
  }

  get topic(): string {
    return this.queue.topic
  }

  get partition(): number {
    return this.queue.partition
  }

  /** Bytes of the sealed records over those before compression. The header counts in neither. Source: MemoryRecordsBuilder.close. */
  get compressionRatio(): number {
    return (this.wire!.length - layout.batchHeaderSize) / (this.length - layout.batchHeaderSize)
  }

  /**
   * Encodes a record straight into the batch. False where it does not fit into `limitBytes` any more (the first record
   * of a batch always fits). The key is `key[0..keyLength)`, −1 for none; `headers` is an encoded header section.
   */
  append(
    key: Uint8Array,
    keyLength: number,
    value: string | Uint8Array | null,
    headers: Uint8Array | undefined,
    timestamp: number,
    listener: Listener,
    limitBytes: number,
    pool: BufferPool,
  ): boolean {
    if (this.count === 0) this.baseTimestamp = this.maxTimestamp = timestamp
    // A string is taken for ASCII; where it is not, its true length shows while it is written.
    const guess = value === null ? -1 : value.length
    let valueLength = this.#write(key, keyLength, value, guess, headers, timestamp, limitBytes, pool)
    if (valueLength === lengthDiffers)
      valueLength = this.#write(
        key,
        keyLength,
        value,
        Buffer.byteLength(value as string),
        headers,
        timestamp,
        limitBytes,
        pool,
      )
    if (valueLength === doesNotFit) return false
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
    this.count++
    this.listeners.push(listener)
    if (typeof listener === 'object') this.hasRecordListeners = true
    this.timestamps.push(timestamp)
    this.keySizes.push(keyLength)
    this.valueSizes.push(valueLength)
    return true
  }

  /** Writes behind what is there; returns the value's length in bytes, or why nothing was added. */
  #write(
    key: Uint8Array,
    keyLength: number,
    value: string | Uint8Array | null,
    valueLength: number,
    headers: Uint8Array | undefined,
    timestamp: number,
    limitBytes: number,
    pool: BufferPool,
  ): number {
    const delta = timestamp - this.baseTimestamp
    const bodyLength =
      1 +
      sizeOfVarlong(delta) +
      sizeOfVarint(this.count) +
      sizeOfVarint(keyLength) +
      Math.max(keyLength, 0) +
      sizeOfVarint(valueLength) +
      Math.max(valueLength, 0) +
      (headers === undefined ? 1 : headers.length)
    const end = this.length + sizeOfVarint(bodyLength) + bodyLength
    if (end > limitBytes && this.count > 0) return doesNotFit
    let buffer = this.plain!
    if (end + longestCharacter > buffer.length) buffer = this.#grow(end + longestCharacter, pool)

    let at = writeVarint(buffer, this.length, bodyLength)
    buffer[at++] = 0
    at = writeVarlong(buffer, at, delta)
    at = writeVarint(buffer, at, this.count)
    at = writeVarint(buffer, at, keyLength)
    if (keyLength > 0) {
      if (keyLength <= 32) for (let index = 0; index < keyLength; index++) buffer[at + index] = key[index]!
      else buffer.set(key.length === keyLength ? key : key.subarray(0, keyLength), at)
      at += keyLength
    }
    at = writeVarint(buffer, at, valueLength)
    if (typeof value === 'string') {
      // There is room for one character beyond the guess, so a string that is longer than guessed always ends behind it.
      const valueEnd = writeUtf8(buffer, value, at, buffer.length)
      if (valueEnd !== at + valueLength) return lengthDiffers
      at = valueEnd
    } else if (value !== null) {
      buffer.set(value, at)
      at += valueLength
    }
    if (headers === undefined) buffer[at++] = 0
    else {
      buffer.set(headers, at)
      at += headers.length
    }
    if (at - this.length > this.largestRecordBytes) this.largestRecordBytes = at - this.length
    this.length = at
    return valueLength
  }

  #grow(bytes: number, pool: BufferPool): Buffer {
    const old = this.plain!
    const grown = pool.take(bytes)
    old.copy(grown, 0, 0, this.length)
    pool.give(old)
    this.plain = grown
    return grown
  }

  /** Writes everything of the header but identity and CRC, which `stampWith` adds. */
  writeHeader(bytes: Buffer, codec: number, isTransactional = false): void {
    const written = this.count - (this.takenBack?.size ?? 0)
    writeInt64(bytes, layout.baseOffsetAt, 0)
    bytes.writeInt32BE(bytes.length - layout.logOverhead, layout.batchLengthAt)
    bytes.writeInt32BE(layout.noPartitionLeaderEpoch, layout.partitionLeaderEpochAt)
    bytes.writeInt8(layout.currentMagic, layout.magicAt)
    bytes.writeInt16BE(isTransactional ? codec | layout.transactionalBit : codec, layout.attributesAt)
    bytes.writeInt32BE(written - 1, layout.lastOffsetDeltaAt)
    writeInt64(bytes, layout.baseTimestampAt, this.baseTimestamp)
    writeInt64(bytes, layout.maxTimestampAt, this.maxTimestamp)
    bytes.writeInt32BE(written, layout.recordCountAt)
    this.codec = codec
  }

  /** Writes identity and sequence into the bytes; a batch that a socket may still read is copied first. */
  stampWith(stamp: Stamp): void {
    invariant(this.state === 'sealed' && this.wire !== undefined, 'only a sealed batch is stamped')
    invariant(
      this.outcome === 'not-written' || this.stamp === undefined || this.canBeStampedAgain,
      'a doubtful batch keeps its stamp',
    )
    this.leaveBytesBehind()
    stampBatch(this.wire, 0, stamp)
    this.stamp = stamp
  }

  /** Goes on with a copy of its bytes; what sockets still read is theirs, and is not pooled again. */
  leaveBytesBehind(): void {
    if (this.references === 0) return
    if (this.isSettled) this.wire = undefined
    else {
      const copy = Buffer.allocUnsafeSlow(this.wire!.length)
      this.wire!.copy(copy)
      this.wire = copy
    }
    this.plain = undefined
    this.references = 0
  }

  /** Without idempotence: no identity, no sequence; the CRC is due all the same. */
  writeWithoutIdentity(): void {
    invariant(this.state === 'sealed' && this.wire !== undefined, 'only a sealed batch is finished')
    const { noProducerId, noProducerEpoch, noSequence } = layout
    stampBatch(this.wire, 0, { producerId: noProducerId, producerEpoch: noProducerEpoch, baseSequence: noSequence })
  }

  /** Whether no copy under the present stamp can be in the log, or still get there. */
  get canBeStampedAgain(): boolean {
    if (this.outcome === 'not-written') return true
    const { leaderEpoch, leader } = this.queue
    // A copy on its way to a leader that has been replaced is refused there.
    return this.doubtfulLeaderEpoch >= 0 && leaderEpoch >= 0
      ? leaderEpoch > this.doubtfulLeaderEpoch
      : leader !== this.doubtfulLeader
  }

  /** Records written: those taken back are not. */
  get writtenCount(): number {
    return this.count - (this.takenBack?.size ?? 0)
  }

  // ---- the result, as futures and metadata read it

  get isSettled(): boolean {
    return this.state === 'settled'
  }

  /** Whether this record's result is there: that of a split batch is its part's. */
  isSettledAt(index: number): boolean {
    if (this.parts === undefined) return this.isSettled
    const part = this.parts[index]!
    return part.batch.isSettledAt(part.index)
  }

  get blocker(): Blocker | undefined {
    return this.queue.blocker
  }

  errorAt(index: number): KafkaError | undefined {
    if (this.parts !== undefined) {
      const part = this.parts[index]!
      return part.batch.errorAt(part.index)
    }
    return this.errors?.get(index) ?? this.error
  }

  metadataAt(index: number): RecordMetadata {
    if (this.parts !== undefined) {
      const part = this.parts[index]!
      return part.batch.metadataAt(part.index)
    }
    return new BatchRecordMetadata(this, index)
  }

  timestampAt(index: number): number {
    return this.timestamps[index]!
  }

  keySizeAt(index: number): number {
    return this.keySizes[index]!
  }

  valueSizeAt(index: number): number {
    return this.valueSizes[index]!
  }

  offsetDeltaAt(index: number): number {
    if (this.takenBack === undefined) return index
    let delta = index
    for (const taken of this.takenBack) if (taken < index) delta--
    return delta
  }

  /** Somebody looks at this record's future: its failure is theirs now, not the `undelivered` event's. */
  watch(index: number): void {
    if (this.unwatchedFailures !== undefined) this.unwatchedFailures.delete(index)
    if (this.parts !== undefined) {
      const part = this.parts[index]!
      part.batch.watch(part.index)
    } else if (!this.isSettled && this.listeners[index] === undefined) this.listeners[index] = true
  }

  /** One promise for the whole batch, made when first asked for. It never rejects: errors are read per record. */
  whenSettled(): Promise<Batch> {
    this.#whenSettled ??= this.isSettled
      ? Promise.resolve(this)
      : new Promise(resolve => {
          this.#resolve = resolve
        })
    return this.#whenSettled
  }

  /** Called once, after the last callback of the batch has run. */
  announceSettled(): void {
    this.#resolve?.(this)
    this.#resolve = undefined
  }
}

const none: ReadonlySet<number> = new Set()
/** Bytes of the longest UTF-8 sequence. */
const longestCharacter = 4
const doesNotFit = -2
const lengthDiffers = -3
