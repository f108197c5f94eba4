import { AbortedError, type KafkaError } from '../../base/errors/index.ts'
import type { Backoff } from '../../base/time/backoff.ts'
import type { Clock } from '../../base/time/clock.ts'

export interface AttemptsOptions {
  readonly clock: Clock
  readonly backoff: Backoff
  /** For all attempts together, with the pauses between them. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** One piece of work that is tried again, with a growing pause between attempts, until it succeeds or its time is over. */
export class Attempts {
  readonly #options: AttemptsOptions
  readonly #deadline: number
  #failures = 0

  constructor(options: AttemptsOptions) {
    this.#options = options
    this.#deadline = options.clock.now() + options.timeoutMs
  }

  get timeLeftMs(): number {
    return Math.max(0, this.#deadline - this.#options.clock.now())
  }

  /**
   * Waits until the next attempt may begin, `atLeastMs` if the broker asks for that. Rejects with `reason` where that would be too
   * late, and with AbortedError when the signal fires.
   */
  again(reason: KafkaError, atLeastMs = 0): Promise<void> {
    const { clock, backoff, signal } = this.#options
    this.#failures++
    const waitMs = Math.max(atLeastMs, backoff.delayMs(this.#failures))
    if (waitMs >= this.timeLeftMs) return Promise.reject(reason)
    return new Promise((resolve, reject) => {
      const abort = () => {
        timer.cancel()
        reject(new AbortedError('the wait for another attempt was ended'))
      }
      const timer = clock.schedule(() => {
        signal.removeEventListener('abort', abort)
        resolve()
      }, waitMs)
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort, { once: true })
    })
  }
}
