import type { Clock, Timer } from '../../src/base/time/clock.ts'

interface Scheduled {
  readonly at: number
  readonly callback: () => void
}

/** Time that stands still until a test moves it. Turns of the event loop end when the test says so. */
export class ManualClock implements Clock {
  #now = 1000
  #wallTime = 1_700_000_000_000
  readonly #timers = new Set<Scheduled>()
  #endOfTurn: (() => void)[] = []

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#wallTime
  }

  schedule(callback: () => void, delayMs: number): Timer {
    const timer = { at: this.#now + Math.max(0, delayMs), callback }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  atEndOfTurn(callback: () => void): void {
    this.#endOfTurn.push(callback)
  }

  /** How many timers are waiting. */
  get timers(): number {
    return this.#timers.size
  }

  /** Ends the turn; what is put off meanwhile waits for the next one. */
  endTurn(): void {
    const callbacks = this.#endOfTurn
    this.#endOfTurn = []
    for (const callback of callbacks) callback()
  }

  /** Lets time pass: every timer runs at its time, earliest first, and each is followed by the ends of two turns. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      let next: Scheduled | undefined
      for (const timer of this.#timers)
        if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer
      if (next === undefined) break
      this.#timers.delete(next)
      this.#pass(next.at - this.#now)
      next.callback()
      this.endTurn()
      this.endTurn()
    }
    this.#pass(until - this.#now)
  }

  #pass(ms: number): void {
    this.#now += ms
    this.#wallTime += ms
  }
}
