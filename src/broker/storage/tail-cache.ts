import { Fifo } from '../../base/fifo.ts'
import type { StoredBatch } from '../log/stored-batch.ts'

/** What consumers at the end of their logs read is in memory; beyond this, the oldest is read from its file again. */
const defaultMaxBytes = 32 * 1024 * 1024

/** The newest batches of all logs together, first in, first out. */
export class TailCache {
  readonly #maxBytes: number
  #order = new Fifo<CachedTail>()
  #bytes = 0
  #batches = 0

  constructor(maxBytes: number = defaultMaxBytes) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Each batch of a tail has one turn. */
  add(tail: CachedTail, size: number): void {
    this.#order.push(tail)
    this.#bytes += size
    this.#batches++
    while (this.#bytes > this.#maxBytes) this.#order.shift()!.shift()
    // The turns of what was cleared: they come late, or never while there is room.
    if (this.#order.length > 2 * this.#batches + 64) this.#dropEmptyTurns()
  }

  forget(batches: number, bytes: number): void {
    this.#batches -= batches
    this.#bytes -= bytes
  }

  #dropEmptyTurns(): void {
    const order = new Fifo<CachedTail>()
    for (const tail of this.#order) if (tail.length > 0) order.push(tail)
    this.#order = order
  }
}

interface CachedBatch {
  readonly batch: StoredBatch
  readonly position: number
}

/** The newest batches of one segment, without gaps up to its end. */
export class CachedTail {
  readonly #cache: TailCache
  #entries: CachedBatch[] = []
  #head = 0
  #bytes = 0

  constructor(cache: TailCache) {
    this.#cache = cache
  }

  push(batch: StoredBatch, position: number): void {
    this.#entries.push({ batch, position })
    this.#bytes += batch.bytes.length
    this.#cache.add(this, batch.bytes.length)
  }

  get length(): number {
    return this.#entries.length - this.#head
  }

  /** Gives up the oldest batch, where there is one. */
  shift(): void {
    const oldest = this.#entries[this.#head]
    if (!oldest) return
    this.#head++
    if (this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    this.#bytes -= oldest.batch.bytes.length
    this.#cache.forget(1, oldest.batch.bytes.length)
  }

  /** Gives up all of it. A tail that was cleared is not filled again: its old turns are still to come. */
  clear(): void {
    this.#cache.forget(this.length, this.#bytes)
    this.#entries = []
    this.#head = 0
    this.#bytes = 0
  }

  at(index: number): CachedBatch | undefined {
    return this.#entries[index]
  }

  /** Index of the first batch that ends at or after `offset`; undefined where an older one, in the file alone, may be it. */
  indexOf(offset: bigint): number | undefined {
    const oldest = this.#entries[this.#head]
    if (!oldest || offset < oldest.batch.baseOffset) return undefined
    let low = this.#head
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#entries[middle]!.batch.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
