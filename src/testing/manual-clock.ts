import type { Clock, Timer } from '../base/time/clock.ts'

interface Scheduled {
  readonly at: number
  readonly callback: () => void
}

export interface ManualClockOptions {
  /** What `wallTime()` says at first. Unit: milliseconds since 1970. Default: 1,700,000,000,000 (14 November 2023). */
  wallTime?: number
  /**
   * When a turn of the event loop ends: `'event-loop'`, when it really does, so that sockets are read; or `'manual'`, when
   * `endTurn()` is called, and twice after each instant at which timers ran. Default: `'event-loop'`.
   */
  turns?: 'event-loop' | 'manual'
}

/** How many timers `runAll` runs before it takes them for a timer that sets itself again for ever. */
const mostTimers = 100_000

/**
 * Time that stands still until a test moves it: hours pass in microseconds, and the same way in each run. For
 * `startBroker({ clock })`, `new MockProducer({ clock })`, and for code of your own that takes its time from a `Clock`.
 *
 * It owns timers, not sockets: what a timer starts on the network goes on in real time, and is waited for as usual.
 *
 * @source MockTime.java of Kafka's own tests
 */
export class ManualClock implements Clock {
  #now = 1000
  #wallTime: number
  readonly #isManual: boolean
  /** In the order in which they were set. */
  readonly #timers = new Set<Scheduled>()
  #endOfTurn: (() => void)[] = []

  constructor({ wallTime = 1_700_000_000_000, turns = 'event-loop' }: ManualClockOptions = {}) {
    this.#wallTime = wallTime
    this.#isManual = turns === 'manual'
  }

  /** Monotonic milliseconds; begins at 1000. */
  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#wallTime
  }

  /** Sets the wall clock, as NTP or an administrator would. No timer notices. Unit: milliseconds since 1970. */
  setWallTime(ms: number): void {
    this.#wallTime = ms
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
    if (this.#isManual) this.#endOfTurn.push(callback)
    else setImmediate(callback)
  }

  /** How many timers wait. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** How long from now until the next timer is due; undefined where none waits. Unit: milliseconds. */
  get nextTimerInMs(): number | undefined {
    return this.#timers.size === 0 ? undefined : this.#nextAt() - this.#now
  }

  /**
   * Lets time pass, and runs what falls due on the way: at its time, in the order of times, those of one time in the order in
   * which they were set, and those that a timer sets as well. The wall clock goes along.
   *
   * @throws RangeError for less than nothing
   */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`time goes on by 0 ms or more, not by ${ms}`)
    const until = this.#now + ms
    while (this.#nextAt() <= until) this.#runNext()
    this.#pass(until - this.#now)
  }

  /**
   * Lets time pass until no timer waits any more.
   *
   * @throws RangeError after 100,000 of them: one that sets itself again never ends
   */
  runAll(): void {
    for (let ran = 0; this.#timers.size > 0; ) {
      ran += this.#runNext()
      if (ran > mostTimers)
        throw new RangeError(`after ${mostTimers} timers there are still some: one sets itself again`)
    }
  }

  /** With `turns: 'manual'`: ends the turn. What is put off meanwhile waits for the end of the next one. */
  endTurn(): void {
    const callbacks = this.#endOfTurn
    this.#endOfTurn = []
    for (const callback of callbacks) callback()
  }

  #nextAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const timer of this.#timers) if (timer.at < at) at = timer.at
    return at
  }

  /** Goes on to the next instant at which timers are due, and runs them. */
  #runNext(): number {
    const at = this.#nextAt()
    this.#pass(at - this.#now)
    let ran = 0
    // One of them may take back another.
    for (const timer of [...this.#timers].filter(own => own.at === at))
      if (this.#timers.delete(timer)) {
        ran++
        timer.callback()
      }
    if (this.#isManual) {
      this.endTurn()
      this.endTurn()
    }
    return ran
  }

  #pass(ms: number): void {
    this.#now += ms
    this.#wallTime += ms
  }
}
