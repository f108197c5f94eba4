import type { BatchWaiter } from '../accumulator/batch.ts'

/** Waits for a known number of batches and parked records: what a flush covers. */
export class SettledWaiter implements BatchWaiter {
  #left = 0
  readonly #done: () => void

  constructor(done: () => void) {
    this.#done = done
  }

  get left(): number {
    return this.#left
  }

  add(count: number): void {
    this.#left += count
  }

  batchAdded(): void {
    this.#left++
  }

  batchSettled(): void {
    this.#left--
    this.check()
  }

  /** Call once everything is counted. */
  check(): void {
    if (this.#left === 0) this.#done()
  }
}
