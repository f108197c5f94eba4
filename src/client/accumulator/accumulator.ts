import { KafkaError } from '../../base/errors/index.ts'
import { invariant } from '../../base/invariant.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { Codec } from '../../wire/compression/index.ts'
import { batchHeaderSize } from '../../wire/protocol/records/batch-layout.ts'
import { Batch, type Listener } from './batch.ts'
import { BufferPool } from './buffer-pool.ts'
import type { Deliveries } from './deliveries.ts'
import { LiveBatches } from './live-batches.ts'
import { MemoryBudget, recordOverheadBytes } from './memory-budget.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { rewriteRecords } from './rewrite-records.ts'
import { UserCalls } from './user-calls.ts'

/** Room behind a full batch, so that a string's guess may be a little off without a larger buffer. */
const slackBytes = 64

/** From here on gzip and zstd go to a thread of the pool: a hop costs 30–100 µs, the compression more. */
const compressAsideFromBytes = 8 * 1024

export interface AccumulatorOptions {
  readonly batchSize: number
  readonly bufferMemory: number
  readonly deliveryTimeoutMs: number
  readonly clock: Clock
  /** undefined: no compression. */
  readonly codec: Codec | undefined
  readonly compressionLevel: number | undefined
  /** Batches are marked as parts of a transaction. */
  readonly isTransactional: boolean
}

/** Gathers records into batches, and keeps the books on batches and memory. */
export class Accumulator {
  readonly budget: MemoryBudget
  readonly pool: BufferPool
  readonly live = new LiveBatches()
  readonly calls = new UserCalls()
  readonly #options: AccumulatorOptions
  readonly #limitBytes: number
  /** A queue has something new: its first record, or a batch that is full. Set by the producer. */
  onReady: (queue: PartitionQueue, isFull: boolean) => void = () => {}
  /** Set by the producer, which makes both. */
  deliveries!: Deliveries
  /** The thread is about to be blocked, or is: nothing may be left to other threads and to promises. */
  isBlocked = false

  constructor(options: AccumulatorOptions) {
    this.#options = options
    this.#limitBytes = Math.max(options.batchSize, batchHeaderSize + 1)
    this.budget = new MemoryBudget(options.bufferMemory)
    this.pool = new BufferPool(this.#limitBytes + slackBytes, Math.min(options.bufferMemory, 64 * 1024 * 1024))
  }

  /**
   * Encodes a record into its partition's newest batch and returns that batch; the record is its last. Memory must have
   * been asked for before: what the record takes is lent here. `calledAt` is the time of the call where that was earlier.
   */
  append(
    queue: PartitionQueue,
    key: Uint8Array,
    keyLength: number,
    value: string | Uint8Array | null,
    headers: Uint8Array | undefined,
    timestamp: number,
    listener: Listener,
    calledAt?: number,
  ): Batch {
    let batch = queue.openBatch
    if (batch !== undefined) {
      const before = batch.length
      if (batch.append(key, keyLength, value, headers, timestamp, listener, this.#limitBytes, this.pool)) {
        this.#lend(batch, batch.length - before + recordOverheadBytes)
        if (batch.length >= this.#limitBytes) {
          this.seal(batch)
          this.onReady(queue, true)
        }
        return batch
      }
      this.seal(batch)
    }
    const followsFull = batch !== undefined
    const createdAt = calledAt ?? this.#options.clock.now()
    const deadline = createdAt + this.#options.deliveryTimeoutMs
    batch = new Batch(queue, this.pool.take(queue.usualBatchBytes), createdAt, deadline)
    const appended = batch.append(key, keyLength, value, headers, timestamp, listener, this.#limitBytes, this.pool)
    invariant(appended, 'an empty batch takes any record')
    queue.waiting.push(batch)
    this.live.add(batch)
    this.#lend(batch, batch.length + recordOverheadBytes)
    const isFull = batch.length >= this.#limitBytes
    if (isFull) this.seal(batch)
    this.onReady(queue, followsFull || isFull)
    return batch
  }

  #lend(batch: Batch, bytes: number): void {
    this.budget.lend(bytes)
    batch.reservedBytes += bytes
  }

  /**
   * Fixes a batch's content: header, and compression, which may end later (`onReady` is called then) unless it has to be
   * done `atOnce`.
   */
  seal(batch: Batch, atOnce = false): void {
    const { codec, compressionLevel, isTransactional } = this.#options
    batch.queue.usualBatchBytes = batch.length
    if (batch.takenBack !== undefined && batch.takenBack.size > batch.dropped.size) this.#dropTakenBack(batch)
    const plain = batch.plain!.subarray(0, batch.length)
    if (codec === undefined) {
      batch.writeHeader(plain, 0, isTransactional)
      batch.wire = plain
      batch.move('sealed')
      return
    }
    const records = plain.subarray(batchHeaderSize)
    const isSlow = codec.name === 'gzip' || codec.name === 'zstd'
    if (atOnce || this.isBlocked || !isSlow || records.length < compressAsideFromBytes) {
      try {
        this.#setCompressed(batch, codec, codec.compress(records, compressionLevel))
      } catch (error) {
        this.#failCompression(batch, codec, error)
      }
      return
    }
    batch.move('compressing')
    codec.compressAsync(records, compressionLevel).then(
      compressed => {
        if (batch.state === 'compressing') {
          this.#setCompressed(batch, codec, compressed)
          if ((batch.takenBack?.size ?? 0) > batch.dropped.size) this.#sealAgain(batch)
          this.onReady(batch.queue, true)
        } else this.#givePlain(batch) // given up meanwhile
      },
      error => {
        if (batch.state === 'compressing') this.#failCompression(batch, codec, error)
      },
    )
  }

  /** Does at once what a thread of the pool is still busy with: this thread cannot wait for it. */
  finishCompression(batch: Batch): void {
    if (batch.state !== 'compressing') return
    const codec = this.#options.codec!
    let compressed: Uint8Array
    try {
      compressed = codec.compress(batch.plain!.subarray(batchHeaderSize, batch.length), this.#options.compressionLevel)
    } catch (error) {
      this.#failCompression(batch, codec, error)
      return
    }
    // The pool's thread still reads these bytes, so they are not used again; its own result comes too late to count.
    batch.plain = undefined
    this.#setCompressed(batch, codec, compressed)
    if ((batch.takenBack?.size ?? 0) > batch.dropped.size) this.#sealAgain(batch)
    this.onReady(batch.queue, true)
  }

  #setCompressed(batch: Batch, codec: Codec, compressed: Uint8Array): void {
    const wire = this.pool.take(batchHeaderSize + compressed.length).subarray(0, batchHeaderSize + compressed.length)
    wire.set(compressed, batchHeaderSize)
    batch.writeHeader(wire, codec.id, this.#options.isTransactional)
    batch.wire = wire
    this.#givePlain(batch)
    batch.move('sealed')
  }

  #givePlain(batch: Batch): void {
    if (batch.plain !== undefined) this.pool.give(batch.plain)
    batch.plain = undefined
  }

  #failCompression(batch: Batch, codec: Codec, cause: unknown): void {
    batch.queue.removeWaiting(batch)
    this.deliveries.fail(
      batch,
      new KafkaError('COMPRESSION_FAILED', `${codec.name} could not compress a batch for ${batch.queue.name}`, {
        outcome: 'not-written',
        cause,
      }),
    )
  }

  /** Takes a record out of a batch that was never sent. False where it is too late. */
  takeBack(batch: Batch, index: number): boolean {
    if (batch.isSettled || batch.sendOrder >= 0 || batch.stamp !== undefined || batch.parts !== undefined) return false
    batch.takenBack ??= new Set()
    batch.takenBack.add(index)
    if (batch.state === 'sealed') this.#sealAgain(batch)
    return true
  }

  #sealAgain(batch: Batch): void {
    const records = this.recordsOf(batch)
    const plain = Buffer.allocUnsafeSlow(batchHeaderSize + records.length)
    records.copy(plain, batchHeaderSize)
    batch.plain = plain
    batch.wire = undefined
    batch.length = plain.length
    batch.move('open')
    this.seal(batch, true)
  }

  /** Rewrites an open batch without the records that were taken back. */
  #dropTakenBack(batch: Batch): void {
    const takenBack = batch.takenBack!
    const old = batch.plain!
    const there: number[] = []
    for (let index = 0; index < batch.count; index++) if (!batch.dropped.has(index)) there.push(index)
    const rewritten = rewriteRecords(
      old.subarray(batchHeaderSize, batch.length),
      position => !takenBack.has(there[position]!),
      batchHeaderSize,
    )
    batch.plain = rewritten
    batch.length = rewritten.length
    batch.dropped = new Set(takenBack)
    this.pool.give(old)
  }

  /** The records of a batch as they are without compression. A batch may also fail before it was ever sealed. */
  recordsOf(batch: Batch): Buffer {
    if (batch.wire === undefined) return batch.plain!.subarray(batchHeaderSize, batch.length)
    const stored = batch.wire.subarray(batchHeaderSize)
    return batch.codec === 0 ? stored : this.#options.codec!.decompress(stored, 2 ** 30)
  }

  /**
   * Replaces a batch that is too large for its broker with smaller ones, in order. A record is in exactly one of them; the
   * old batch keeps answering for its futures by pointing there.
   */
  split(batch: Batch, targetBytes: number): Batch[] {
    const records = this.recordsOf(batch)
    const parts: Batch[] = []
    const where: { batch: Batch; index: number }[] = []
    // Records that were taken back are not among the bytes: positions there are not indexes here.
    const indexes: number[] = []
    for (let index = 0; index < batch.count; index++) if (!batch.dropped.has(index)) indexes.push(index)
    let from = 0
    while (from < indexes.length) {
      let bytes = 0
      let to = from
      for (; to < indexes.length; to++) {
        const index = indexes[to]!
        const size = Math.max(0, batch.keySizes[index]!) + Math.max(0, batch.valueSizes[index]!) + recordBytesAbout
        if (to > from && (bytes + size > targetBytes || to - from >= Math.ceil(indexes.length / 2))) break
        bytes += size
      }
      const part = this.#part(batch, records, indexes, from, to)
      for (let position = from; position < to; position++)
        where[indexes[position]!] = { batch: part, index: position - from }
      parts.push(part)
      from = to
    }
    // Memory: what was lent for the whole is shared out, by records.
    let left = batch.reservedBytes
    for (const part of parts) {
      part.reservedBytes =
        part === parts.at(-1) ? left : Math.floor((batch.reservedBytes * part.count) / indexes.length)
      left -= part.reservedBytes
    }
    batch.reservedBytes = 0
    batch.parts = where
    return parts
  }

  #part(whole: Batch, records: Buffer, indexes: readonly number[], from: number, to: number): Batch {
    const plain = rewriteRecords(records, position => position >= from && position < to, batchHeaderSize)
    const part = new Batch(whole.queue, plain, whole.createdAt, whole.deadline)
    part.length = plain.length
    part.count = to - from
    part.largestRecordBytes = whole.largestRecordBytes
    part.baseTimestamp = whole.baseTimestamp
    part.maxTimestamp = whole.timestamps[indexes[from]!]!
    for (const index of indexes.slice(from, to)) {
      part.maxTimestamp = Math.max(part.maxTimestamp, whole.timestamps[index]!)
      part.listeners.push(whole.listeners[index])
      part.timestamps.push(whole.timestamps[index]!)
      part.keySizes.push(whole.keySizes[index]!)
      part.valueSizes.push(whole.valueSizes[index]!)
    }
    part.hasRecordListeners = whole.hasRecordListeners
    part.outcome = whole.outcome
    part.doubtfulLeader = whole.doubtfulLeader
    part.doubtfulLeaderEpoch = whole.doubtfulLeaderEpoch
    part.waiters = whole.waiters === undefined ? undefined : [...whole.waiters]
    return part
  }

  /** A socket, or the batch itself, no longer needs the bytes: with the last of them buffers and memory are free again. */
  release(batch: Batch): void {
    if (!batch.isSettled || batch.references > 0) return
    if (batch.plain !== undefined) this.pool.give(batch.plain)
    else if (batch.wire !== undefined) this.pool.give(wholeBuffer(batch.wire))
    batch.plain = batch.wire = undefined
    if (batch.reservedBytes > 0) {
      this.budget.giveBack(batch.reservedBytes)
      batch.reservedBytes = 0
      this.onMemory()
    }
  }

  /** Memory came back. Set by the producer. */
  onMemory: () => void = () => {}
}

/** Fixed part of a record, about: for sharing records out, where nothing has to be exact. */
const recordBytesAbout = 16

/** The pooled buffer behind a view that begins where the buffer does. */
const wholeBuffer = (view: Buffer): Buffer => Buffer.from(view.buffer)
