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

  afterThis(callback: () => void): void {
    this.atEndOfTurn(callback)
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

  /** Lets time pass: timers run at their time, those of one instant in one turn, and then two turns end. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const at = Math.min(...[...this.#timers].map(timer => timer.at))
      if (at > until) break
      this.#pass(Math.max(0, at - this.#now))
      for (const timer of [...this.#timers].filter(own => own.at === at))
        if (this.#timers.delete(timer)) timer.callback()
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
