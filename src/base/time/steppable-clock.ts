import type { Clock, Timer } from './clock.ts'

interface Due {
  readonly callback: () => void
  /** Monotonic time; of timers only. */
  readonly at: number
  timer?: Timer
}

/**
 * A clock over another one, whose work can also be done by hand: while a thread is blocked its event loop stands still, and
 * whoever blocks it calls `step` instead. Each callback runs once, whichever way is first.
 */
export class SteppableClock implements Clock {
  readonly #clock: Clock
  readonly #soon = new Set<Due>()
  readonly #atEndOfTurn = new Set<Due>()
  readonly #timers = new Set<Due>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  wallTime(): number {
    return this.#clock.wallTime()
  }

  schedule(callback: () => void, delayMs: number, background?: boolean): Timer {
    const due: Due = { callback, at: this.#clock.now() + delayMs }
    this.#timers.add(due)
    const timer = this.#clock.schedule(() => run(due, this.#timers), delayMs, background)
    due.timer = timer
    return {
      cancel: () => {
        this.#timers.delete(due)
        timer.cancel()
      },
      hold: keepsProcess => timer.hold?.(keepsProcess),
    }
  }

  afterThis(callback: () => void): void {
    const due: Due = { callback, at: 0 }
    this.#soon.add(due)
    this.#clock.afterThis(() => run(due, this.#soon))
  }

  atEndOfTurn(callback: () => void): void {
    const due: Due = { callback, at: 0 }
    this.#atEndOfTurn.add(due)
    this.#clock.atEndOfTurn(() => run(due, this.#atEndOfTurn))
  }

  /** When the next timer is due, in monotonic time; Infinity where none is set. */
  get nextAt(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const { at } of this.#timers) if (at < earliest) earliest = at
    return earliest
  }

  /** One turn of the event loop, by hand. False: there was nothing to do. */
  step(): boolean {
    const dueTimers = [...this.#timers].filter(({ at }) => at <= this.#clock.now()).sort((a, b) => a.at - b.at)
    if (this.#soon.size === 0 && this.#atEndOfTurn.size === 0 && dueTimers.length === 0) return false
    for (const due of dueTimers) {
      due.timer?.cancel()
      run(due, this.#timers)
    }
    // What these add comes at the end of the next turn; what they leave to run soon comes with them.
    const ending = [...this.#atEndOfTurn]
    this.#runSoon()
    for (const due of ending) {
      run(due, this.#atEndOfTurn)
      this.#runSoon()
    }
    return true
  }

  #runSoon(): void {
    for (const due of this.#soon) run(due, this.#soon) // a Set gives what is added meanwhile as well
  }
}

function run(due: Due, open: Set<Due>): void {
  if (open.delete(due)) due.callback()
}
