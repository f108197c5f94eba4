import { invariant } from '../../base/invariant.ts'
import type { Batch, BatchWaiter } from './batch.ts'

/**
 * The one registry of batches that are not settled, by deadline: a doubly linked list through the batches, since all but a
 * few come in order and leave from anywhere. Flush, close and expiry walk it; nothing else has to remember a batch.
 */
export class LiveBatches {
  #first: Batch | undefined
  #last: Batch | undefined
  #count = 0

  get count(): number {
    return this.#count
  }

  get first(): Batch | undefined {
    return this.#first
  }

  /** Adds a batch at its deadline's place: nearly always the end. */
  add(batch: Batch): void {
    let before = this.#last
    while (before !== undefined && before.deadline > batch.deadline) before = before.previousLive
    batch.previousLive = before
    batch.nextLive = before === undefined ? this.#first : before.nextLive
    if (batch.nextLive === undefined) this.#last = batch
    else batch.nextLive.previousLive = batch
    if (before === undefined) this.#first = batch
    else before.nextLive = batch
    this.#count++
  }

  remove(batch: Batch): void {
    const { previousLive, nextLive } = batch
    invariant(previousLive !== undefined || this.#first === batch, 'a batch leaves the list once')
    if (previousLive === undefined) this.#first = nextLive
    else previousLive.nextLive = nextLive
    if (nextLive === undefined) this.#last = previousLive
    else nextLive.previousLive = previousLive
    batch.previousLive = batch.nextLive = undefined
    if (--this.#count === 0) this.onEmpty()
  }

  /** The last one has settled. Set by the producer. */
  onEmpty: () => void = () => {};

  *[Symbol.iterator](): Generator<Batch> {
    let batch = this.#first
    while (batch !== undefined) {
      const next: Batch | undefined = batch.nextLive
      yield batch
      batch = next
    }
  }

  /** Lets `waiter` hear of the end of every batch that lives now; returns how many those are. */
  watchAll(waiter: BatchWaiter): number {
    for (const batch of this) {
      if (batch.waiters === undefined) batch.waiters = [waiter]
      else batch.waiters.push(waiter)
    }
    return this.#count
  }
}
