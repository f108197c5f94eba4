import { Fifo } from '../../base/fifo.ts'
import { invariant } from '../../base/invariant.ts'

/**
 * Where the user's callbacks and listeners are called from. Normally at once; while the thread is blocked in `Future.get()`,
 * or a sender is in the midst of its work, they wait, and run afterwards in the order in which they came.
 */
export class UserCalls {
  readonly #waiting = new Fifo<() => void>()
  #holds = 0
  /** Nobody holds them, and none waits: a call may be made at once. */
  isOpen = true

  /** A call that never throws. */
  run(call: () => void): void {
    if (this.isOpen) call()
    else this.#waiting.push(call)
  }

  /** The same from the midst of work that has no place for it: it waits until the present code has ended. */
  later(call: () => void): void {
    this.#waiting.push(call)
    this.isOpen = false
    if (this.#holds === 0) queueMicrotask(() => this.runWaiting())
  }

  hold(): void {
    this.#holds++
    this.isOpen = false
  }

  /** The last to release lets the waiting calls run when the present code has ended, before the promises it settled. */
  release(): void {
    invariant(this.#holds > 0, 'what is released was held')
    this.#holds--
    this.#look()
    if (!this.isOpen && this.#holds === 0) queueMicrotask(() => this.runWaiting())
  }

  /** Runs what waits, now. One of the calls may block the thread again: what comes meanwhile goes to the end. */
  runWaiting(): void {
    while (this.#holds === 0 && this.#waiting.length > 0) this.#waiting.shift()!()
    this.#look()
  }

  #look(): void {
    this.isOpen = this.#holds === 0 && this.#waiting.length === 0
  }
}
