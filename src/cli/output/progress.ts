import type { Clock, Timer } from '../../base/time/clock.ts'
import * as quantity from './quantities.ts'
import { rate } from './summary.ts'
import type { Tally } from './tally.ts'

const REDRAW_MS = 100
const CLEAR_LINE = '\r\x1b[K'

export interface ProgressOptions {
  clock: Clock
  write(text: string): void
  /** The width of the terminal: a longer line would wrap, and could not be drawn over. */
  columns(): number
  /** What a delivered record is called. */
  delivered: 'acknowledged' | 'committed'
  color: boolean
}

/** One line on a terminal that is drawn over, at most ten times a second, and only where something has changed. */
export class Progress {
  readonly #options: ProgressOptions
  readonly #tally: Tally
  readonly #startedMs: number
  #timer: Timer | undefined
  #shown = ''
  #activity = ''

  constructor(tally: Tally, options: ProgressOptions) {
    this.#tally = tally
    this.#options = options
    this.#startedMs = options.clock.now()
    this.#draw()
  }

  /** What is going on, for the end of the line: "connecting to …". */
  set activity(words: string) {
    this.#activity = words
  }

  /** Removes the line, so that other output can follow; it comes back with the next change. */
  clear(): void {
    if (this.#shown !== '') this.#options.write(CLEAR_LINE)
    this.#shown = ''
  }

  stop(): void {
    this.#timer?.cancel()
    this.clear()
  }

  #draw(): void {
    const { clock, color, columns, delivered, write } = this.#options
    const tally = this.#tally
    const perSecond = rate(tally.records, clock.now() - this.#startedMs)
    const parts = [
      `${quantity.counted(tally.records, 'record')}`,
      `${quantity.count(perSecond)}/s`,
      `${quantity.count(tally.acknowledged)} ${delivered}`,
      `${quantity.count(tally.failed)} failed`,
      ...(this.#activity === '' ? [] : [this.#activity]),
    ]
    const plain = parts.join('  ').slice(0, Math.max(10, columns() - 1))
    if (plain !== this.#shown) {
      this.#shown = plain
      const line = color && tally.failed > 0 ? plain.replace(/[\d,]+ failed/, '\x1b[31m$&\x1b[39m') : plain
      write(CLEAR_LINE + line)
    }
    this.#timer = clock.schedule(() => this.#draw(), REDRAW_MS, true)
  }
}
