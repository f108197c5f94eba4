import type { Front, LoadedLog, LogConfig, Reading, Segment, SegmentStore } from './segment.ts'
import type { StoredBatch } from './stored-batch.ts'

/** What a batch takes beside its bytes: its object, its offsets, and its buffer's own. */
const batchOverheadBytes = 256

/** What all logs in memory take together. */
export class MemoryUse {
  bytes = 0
}

/** A segment whose batches are in memory. Its front can be dropped batch by batch. */
class MemorySegment implements Segment {
  readonly baseOffset: bigint
  readonly #use: MemoryUse
  #batches: StoredBatch[] = []
  /** Index of the first batch that is still there: dropping from the front costs nothing until half of the array is empty. */
  #head = 0
  #endOffset: bigint
  #sizeInBytes = 0
  #firstTimestamp = -1

  constructor(baseOffset: bigint, use: MemoryUse) {
    this.baseOffset = baseOffset
    this.#endOffset = baseOffset
    this.#use = use
  }

  get endOffset(): bigint {
    return this.#endOffset
  }

  get sizeInBytes(): number {
    return this.#sizeInBytes
  }

  get maxTimestamp(): number {
    return this.batchOfMaxTimestamp()?.maxTimestamp ?? -1
  }

  get firstTimestamp(): number {
    return this.#firstTimestamp
  }

  isFull(): boolean {
    return false
  }

  append(batch: StoredBatch): void {
    if (this.#batches.length === 0) this.#firstTimestamp = batch.maxTimestamp
    this.#batches.push(batch)
    this.#endOffset = batch.lastOffset + 1n
    this.#count(batch, 1)
  }

  read(offset: bigint, reading: Reading): void {
    for (let index = this.#indexOf(offset); index < this.#batches.length; index++) {
      const { lastOffset, bytes } = this.#batches[index]!
      if (!reading.accepts(lastOffset, bytes.length)) return
      reading.add(bytes)
    }
  }

  bytesBetween(offset: bigint, before: bigint, enough: number): number {
    let size = 0
    for (let index = this.#indexOf(offset); index < this.#batches.length && size < enough; index++) {
      const { lastOffset, bytes } = this.#batches[index]!
      if (lastOffset >= before) break
      size += bytes.length
    }
    return size
  }

  batches(offset: bigint): Iterable<StoredBatch> {
    return this.#batches.slice(this.#indexOf(offset))
  }

  firstBatchAt(timestamp: number, from: bigint): StoredBatch | undefined {
    for (let index = this.#indexOf(from); index < this.#batches.length; index++) {
      const batch = this.#batches[index]!
      if (batch.maxTimestamp >= timestamp) return batch
    }
    return undefined
  }

  batchOfMaxTimestamp(): StoredBatch | undefined {
    let found: StoredBatch | undefined
    for (let index = this.#head; index < this.#batches.length; index++) {
      const batch = this.#batches[index]!
      if (!found || batch.maxTimestamp > found.maxTimestamp) found = batch
    }
    return found
  }

  front(): Front | undefined {
    const batch = this.#batches[this.#head]
    return batch && { endOffset: batch.lastOffset + 1n, bytes: batch.bytes.length, maxTimestamp: batch.maxTimestamp }
  }

  dropFront(): void {
    const dropped = this.#batches[this.#head]
    if (!dropped) return
    this.#head++
    this.#count(dropped, -1)
    if (this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head)
      this.#head = 0
    }
  }

  truncateTo(offset: bigint): void {
    const kept = this.#indexOf(offset)
    for (const batch of this.#batches.splice(kept)) {
      this.#count(batch, -1)
      if (batch.baseOffset < this.#endOffset) this.#endOffset = batch.baseOffset
    }
  }

  delete(): void {
    for (let index = this.#head; index < this.#batches.length; index++) this.#count(this.#batches[index]!, -1)
    this.#batches = []
    this.#head = 0
  }

  seal(): void {}
  flush(): void {}

  close(): void {
    this.delete()
  }

  #count(batch: StoredBatch, sign: 1 | -1): void {
    this.#sizeInBytes += sign * batch.bytes.length
    this.#use.bytes += sign * (batch.bytes.length + batchOverheadBytes)
  }

  /** Index of the first batch that ends at or after `offset`. */
  #indexOf(offset: bigint): number {
    let low = this.#head
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#batches[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The segments of a log that is gone with the process. */
export class MemorySegments implements SegmentStore {
  readonly dropsWholeSegments = false
  readonly loaded: LoadedLog
  readonly #use: MemoryUse

  constructor(use: MemoryUse = new MemoryUse()) {
    this.#use = use
    this.loaded = { segments: [this.create(0n)], startOffset: 0n, cleanedTo: 0n, epochs: [] }
  }

  create(baseOffset: bigint): Segment {
    return new MemorySegment(baseOffset, this.#use)
  }

  replace(old: readonly Segment[], batches: Iterable<StoredBatch>, config: LogConfig): Segment {
    const segment = this.create(old[0]!.baseOffset)
    for (const batch of batches) segment.append(batch, config)
    for (const replaced of old) replaced.delete()
    return segment
  }

  saveStartOffset(): void {}
  saveCleanedTo(): void {}
  saveEpochs(): void {}
}
