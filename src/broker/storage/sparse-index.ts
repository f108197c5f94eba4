/** Entries of one size, in the bytes they have in the file, so that it can be written and compared as it is. */
class IndexEntries {
  readonly #entrySize: number
  #bytes = Buffer.alloc(0)
  count = 0

  constructor(entrySize: number) {
    this.#entrySize = entrySize
  }

  /** What the file holds. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.count * this.#entrySize)
  }

  /** Room for one more; returns where it begins. */
  protected grow(): number {
    const at = this.count++ * this.#entrySize
    if (at + this.#entrySize > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(16 * this.#entrySize, this.#bytes.length * 2))
      this.#bytes.copy(larger)
      this.#bytes = larger
    }
    return at
  }

  protected get all(): Buffer {
    return this.#bytes
  }

  /** The number of entries that `isBefore` holds for; it holds for none behind one it does not hold for. */
  protected countWhile(isBefore: (at: number) => boolean): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isBefore(middle * this.#entrySize)) low = middle + 1
      else high = middle
    }
    return low
  }
}

export const offsetEntrySize = 8
export const timeEntrySize = 12

/**
 * The `.index` file of a segment: the last offset of a batch, relative to the segment's base, and where that batch begins.
 * Source: OffsetIndex.
 */
export class OffsetIndex extends IndexEntries {
  constructor() {
    super(offsetEntrySize)
  }

  add(relativeOffset: number, position: number): void {
    const at = this.grow()
    this.all.writeInt32BE(relativeOffset, at)
    this.all.writeInt32BE(position, at + 4)
  }

  /** Where the search for an offset may begin. */
  positionFor(relativeOffset: number): number {
    const count = this.countWhile(at => this.all.readInt32BE(at) <= relativeOffset)
    return count === 0 ? 0 : this.all.readInt32BE((count - 1) * offsetEntrySize + 4)
  }

  /** Drops the entries of batches that end at or after an offset. */
  truncate(relativeOffset: number): void {
    this.count = this.countWhile(at => this.all.readInt32BE(at) < relativeOffset)
  }
}

/**
 * The `.timeindex` file of a segment: the highest timestamp so far, and the last offset of the batch that brought it.
 * Source: TimeIndex.
 */
export class TimeIndex extends IndexEntries {
  constructor() {
    super(timeEntrySize)
  }

  /** Adds an entry where the time has gone on; whether it did. */
  add(timestamp: number, relativeOffset: number): boolean {
    const last = this.count === 0 ? -1 : Number(this.all.readBigInt64BE((this.count - 1) * timeEntrySize))
    if (timestamp <= last) return false
    const at = this.grow()
    this.all.writeBigInt64BE(BigInt(timestamp), at)
    this.all.writeInt32BE(relativeOffset, at + 8)
    return true
  }

  /** The relative offset from which on the first batch of this time or later is found. */
  offsetFor(timestamp: number): number {
    const count = this.countWhile(at => Number(this.all.readBigInt64BE(at)) <= timestamp)
    return count === 0 ? 0 : this.all.readInt32BE((count - 1) * timeEntrySize + 8)
  }

  truncate(relativeOffset: number): void {
    this.count = this.countWhile(at => this.all.readInt32BE(at + 8) < relativeOffset)
  }
}
