import type { Clock, Timer } from '../../src/base/time/clock.ts'

interface Alarm {
  readonly at: number
  readonly callback: () => void
  readonly background: boolean
}

/** Time that stands until the test moves it. The end of a turn stays a real one, so that sockets are read. */
export class ManualClock implements Clock {
  #now = 1000
  readonly #alarms = new Set<Alarm>()

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return 1_700_000_000_000 + this.#now
  }

  schedule(callback: () => void, delayMs: number, background = false): Timer {
    const alarm = { at: this.#now + Math.max(0, delayMs), callback, background }
    this.#alarms.add(alarm)
    return { cancel: () => void this.#alarms.delete(alarm) }
  }

  afterThis(callback: () => void): void {
    this.atEndOfTurn(callback)
  }

  atEndOfTurn(callback: () => void): void {
    setImmediate(callback)
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#alarms.size
  }

  /** When the next timer is due, from now. */
  get nextDelayMs(): number | undefined {
    const times = [...this.#alarms].map(alarm => alarm.at)
    return times.length === 0 ? undefined : Math.min(...times) - this.#now
  }

  /** Moves time on, and runs what falls due on the way, in its order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = [...this.#alarms].filter(alarm => alarm.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#alarms.delete(due)
      this.#now = Math.max(this.#now, due.at)
      due.callback()
    }
    this.#now = end
  }
}
