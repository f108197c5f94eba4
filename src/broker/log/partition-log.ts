import { invariant } from '../../base/invariant.ts'

/** A record batch as it stands in a log, with what is needed to find it. */
export interface StoredBatch {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly maxTimestamp: number
  readonly leaderEpoch: number
  /** The batch itself, base offset and leader epoch set. Owned by the log; never changed once it is here. */
  readonly bytes: Buffer
}

/**
 * The batches of one partition, in memory. Offsets only grow; the front can be dropped.
 * The high watermark stands apart from the log's end, as consumers see no further than what is replicated.
 */
export class PartitionLog {
  #batches: StoredBatch[] = []
  /** Index of the first batch that is still there: dropping from the front costs nothing until half of the array is empty. */
  #head = 0
  #startOffset = 0n
  #endOffset = 0n
  #highWatermark = 0n
  #sizeInBytes = 0

  /** The first offset that can be read. */
  get startOffset(): bigint {
    return this.#startOffset
  }

  /** The offset that the next record will get. */
  get endOffset(): bigint {
    return this.#endOffset
  }

  /** Records before this offset are visible to consumers. */
  get highWatermark(): bigint {
    return this.#highWatermark
  }

  get sizeInBytes(): number {
    return this.#sizeInBytes
  }

  /** All batches that are left, oldest first. */
  batches(): StoredBatch[] {
    return this.#batches.slice(this.#head)
  }

  append(batch: StoredBatch): void {
    invariant(batch.baseOffset === this.#endOffset, 'a batch begins where the log ends')
    invariant(batch.lastOffset >= batch.baseOffset, 'a batch holds at least one offset')
    this.#batches.push(batch)
    this.#endOffset = batch.lastOffset + 1n
    this.#highWatermark = this.#endOffset
    this.#sizeInBytes += batch.bytes.length
  }

  /**
   * Whole batches from the one that holds `offset` on, no further than the high watermark. The first is given even where
   * it is larger than `maxBytes`, unless `atLeastOne` is false (KIP-74: a consumer must not starve on a large batch).
   */
  read(offset: bigint, maxBytes: number, atLeastOne: boolean): Buffer[] {
    const found: Buffer[] = []
    let size = 0
    for (let index = this.#indexOf(offset); index < this.#batches.length; index++) {
      const batch = this.#batches[index]!
      if (batch.lastOffset >= this.#highWatermark) break
      if (size + batch.bytes.length > maxBytes && (found.length > 0 || !atLeastOne)) break
      found.push(batch.bytes)
      size += batch.bytes.length
    }
    return found
  }

  /** How many bytes `read` would find, without collecting them. */
  availableBytes(offset: bigint, maxBytes: number): number {
    let size = 0
    for (let index = this.#indexOf(offset); index < this.#batches.length && size < maxBytes; index++)
      size += this.#batches[index]!.bytes.length
    return size
  }

  /** The first batch whose highest timestamp is not before `timestamp`. */
  firstBatchAt(timestamp: number): StoredBatch | undefined {
    for (let index = this.#head; index < this.#batches.length; index++) {
      const batch = this.#batches[index]!
      if (batch.maxTimestamp >= timestamp) return batch
    }
    return undefined
  }

  /** The first of the batches that hold the highest timestamp. */
  batchOfMaxTimestamp(): StoredBatch | undefined {
    let found: StoredBatch | undefined
    for (let index = this.#head; index < this.#batches.length; index++) {
      const batch = this.#batches[index]!
      if (!found || batch.maxTimestamp > found.maxTimestamp) found = batch
    }
    return found
  }

  /** Drops the oldest batches until at most `maxBytes` are left; the newest batch stays. */
  keepBytes(maxBytes: number): void {
    while (this.#sizeInBytes > maxBytes && this.#batches.length - this.#head > 1) {
      const dropped = this.#batches[this.#head]!
      this.#head++
      this.#sizeInBytes -= dropped.bytes.length
      this.#startOffset = dropped.lastOffset + 1n
    }
    this.#compactHead()
  }

  /** Moves the start of the log up to `offset`; batches that lie before it as a whole are dropped. */
  deleteRecordsBefore(offset: bigint): void {
    invariant(offset <= this.#highWatermark, 'only what consumers may see is deleted')
    if (offset <= this.#startOffset) return
    while (this.#head < this.#batches.length && this.#batches[this.#head]!.lastOffset < offset)
      this.#sizeInBytes -= this.#batches[this.#head++]!.bytes.length
    this.#startOffset = offset
    this.#compactHead()
  }

  #compactHead(): void {
    if (this.#head * 2 <= this.#batches.length) return
    this.#batches = this.#batches.slice(this.#head)
    this.#head = 0
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
