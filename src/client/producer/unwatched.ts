import type { Clock } from '../../base/time/clock.ts'
import type { Batch } from '../accumulator/batch.ts'
import type { Undelivered } from './types.ts'

interface Failure {
  readonly batch: Batch | undefined
  readonly index: number
  readonly parked: { readonly watched: boolean } | undefined
  /** undefined where nobody listens. */
  readonly report: Undelivered | undefined
}

/**
 * Failed records that nobody watched. Whether that is so is decided at the end of the turn: whoever looks at a future right
 * after the call that made it still counts.
 */
export class UnwatchedFailures {
  readonly #clock: Clock
  readonly #undelivered: (report: Undelivered | undefined) => void
  #failures: Failure[] = []

  constructor(clock: Clock, undelivered: (report: Undelivered | undefined) => void) {
    this.#clock = clock
    this.#undelivered = undelivered
  }

  add(failure: Failure): void {
    if (this.#failures.length === 0) this.#clock.atEndOfTurn(() => this.tell())
    this.#failures.push(failure)
  }

  /** Tells of them now: no further turn will come. */
  tell(): void {
    const failures = this.#failures
    this.#failures = []
    for (const { batch, index, parked, report } of failures) {
      const isWatched = parked?.watched ?? !batch?.unwatchedFailures?.has(index)
      if (!isWatched) this.#undelivered(report)
    }
  }
}
