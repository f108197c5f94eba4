import { AbortedError, ClosedError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { MemoryBudget } from '../accumulator/memory-budget.ts'

/**
 * How much a loop may send in one turn of the event loop before `hasRoom` asks it to pause: sockets, timers and everybody
 * else's callbacks have to get their turn. About a millisecond of sending.
 */
const recordsPerTurn = 4096
const bytesPerTurn = 1024 * 1024

interface Waiter {
  resolve(): void
  reject(error: Error): void
}

/** Back-pressure for loops: whether to go on sending, and a promise for when to. */
export class Room {
  readonly #budget: MemoryBudget
  readonly #clock: Clock
  /** Kept free, so that a record of the usual size still fits when `hasRoom` has just said yes. */
  readonly #reserveBytes: number
  readonly #isCrowded: () => boolean
  #records = 0
  #bytes = 0
  #turnMarked = false
  #waiters: Waiter[] = []

  constructor(budget: MemoryBudget, isCrowded: () => boolean, clock: Clock) {
    this.#budget = budget
    this.#isCrowded = isCrowded
    this.#clock = clock
    this.#reserveBytes = Math.min(bytesPerTurn, budget.totalBytes / 4)
  }

  /** A record was taken. */
  took(bytes: number): void {
    this.#records++
    this.#bytes += bytes
    if (!this.#turnMarked) this.#markTurn()
  }

  #markTurn(): void {
    this.#turnMarked = true
    this.#clock.atEndOfTurn(() => {
      this.#turnMarked = false
      this.#records = this.#bytes = 0
      this.look()
    })
  }

  get isThere(): boolean {
    return (
      this.#records < recordsPerTurn &&
      this.#bytes < bytesPerTurn &&
      this.#budget.freeBytes > this.#reserveBytes &&
      !this.#isCrowded()
    )
  }

  /** Memory came back, or the loop has turned. */
  look(): void {
    if (this.#waiters.length === 0 || !this.isThere) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.resolve()
  }

  wait(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted)
      return Promise.reject(new AbortedError('the wait for room was aborted', undefined, signal.reason))
    if (this.isThere) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiters = this.#waiters.filter(other => other !== waiter)
        reject(new AbortedError('the wait for room was aborted', undefined, signal?.reason))
      }
      const waiter: Waiter = {
        resolve: () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
        reject: error => {
          signal?.removeEventListener('abort', onAbort)
          reject(error)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.push(waiter)
    })
  }

  close(): void {
    for (const waiter of this.#waiters) waiter.reject(new ClosedError('the producer was closed'))
    this.#waiters = []
  }
}
