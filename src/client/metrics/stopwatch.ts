import type { Clock } from '../../base/time/clock.ts'

/** How long something has been going on, all times taken together. */
export class Stopwatch {
  readonly #clock: Clock
  #totalMs = 0
  #startedAt: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Goes on, or rests. Saying so again changes nothing. */
  run(isRunning: boolean): void {
    if (isRunning === (this.#startedAt !== undefined)) return
    if (isRunning) this.#startedAt = this.#clock.now()
    else {
      this.#totalMs += this.#clock.now() - this.#startedAt!
      this.#startedAt = undefined
    }
  }

  get totalMs(): number {
    return this.#totalMs + (this.#startedAt === undefined ? 0 : this.#clock.now() - this.#startedAt)
  }
}
