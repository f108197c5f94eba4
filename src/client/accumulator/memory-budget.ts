import { invariant } from '../../base/invariant.ts'

/** What one record costs beyond its bytes: its future, its place in the batch's lists, its share of the batch. */
export const recordOverheadBytes = 64

/**
 * Counts the bytes lent to records (`bufferMemory`). It only counts: who waits for memory, and in which order, is the
 * lobby's matter. What was lent is returned exactly once.
 */
export class MemoryBudget {
  readonly totalBytes: number
  #usedBytes = 0

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get freeBytes(): number {
    return this.totalBytes - this.#usedBytes
  }

  /**
   * Lends bytes. Whoever lends has looked at `freeBytes` before, with the size a record has as far as known; a string that
   * turns out longer in UTF-8 may take the sum beyond the total, by no more than that one record.
   */
  lend(bytes: number): void {
    this.#usedBytes += bytes
  }

  giveBack(bytes: number): void {
    this.#usedBytes -= bytes
    invariant(this.#usedBytes >= 0, 'no more memory is given back than was lent')
  }
}
