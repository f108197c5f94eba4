import type { Clock } from '../../base/time/clock.ts'
import { SampledStat, type Windows } from './sampled-stat.ts'

/** How long something has been going on, all times taken together, and how much of the time lately. */
export class Stopwatch {
  readonly #clock: Clock
  readonly #windows: Windows
  readonly #laps: SampledStat
  #startedAt: number | undefined

  constructor(clock: Clock, windows: Windows) {
    this.#clock = clock
    this.#windows = windows
    this.#laps = new SampledStat(windows)
  }

  /** Goes on, or rests. Saying so again changes nothing. */
  run(isRunning: boolean): void {
    if (isRunning === (this.#startedAt !== undefined)) return
    const now = this.#clock.now()
    this.#lap(now)
    this.#startedAt = isRunning ? now : undefined
  }

  get totalMs(): number {
    return this.#laps.total + (this.#startedAt === undefined ? 0 : this.#clock.now() - this.#startedAt)
  }

  /** The part of the monitored time in which it ran, 0 to 1. */
  share(now: number): number {
    if (this.#startedAt !== undefined) {
      this.#lap(now)
      this.#startedAt = now
    }
    return Math.min(1, this.#laps.rate(now) / 1000)
  }

  /** Takes what ran until now to the windows in which it did: a long time must not count whole in the last of them. */
  #lap(now: number): void {
    if (this.#startedAt === undefined) return
    const { samples, windowMs } = this.#windows
    let from = this.#startedAt
    let until = Math.max(from, now - samples * windowMs)
    while (from < now) {
      if (until > from) this.#laps.record(until - from, until)
      from = until
      until = Math.min(now, from + Math.max(1, windowMs))
    }
  }
}
