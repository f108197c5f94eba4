import type { Random } from '../random.ts'

/** Exponential back-off: base 2, ±20 % jitter, never above `maxMs` (KIP-580; Java's ExponentialBackoff). */
export class Backoff {
  readonly #baseMs: number
  readonly #maxMs: number
  readonly #random: Random

  constructor(baseMs: number, maxMs: number, random: Random = Math.random) {
    this.#baseMs = Math.min(baseMs, maxMs)
    this.#maxMs = maxMs
    this.#random = random
  }

  /** How long to wait after the `failures`-th failure in a row (1 is the first). */
  delayMs(failures: number): number {
    if (failures <= 0 || this.#baseMs === 0) return 0
    const exponent = Math.min(failures - 1, Math.log2(Math.max(1, this.#maxMs / this.#baseMs)))
    const jitter = 0.8 + 0.4 * this.#random()
    return Math.min(this.#maxMs, this.#baseMs * 2 ** exponent * jitter)
  }
}
