import { Fifo } from '../../base/fifo.ts'
import type { Clock } from '../../base/time/clock.ts'
import { isWanted, type LineWriter, type LogFields, type LogLevel } from './logger.ts'

/** One line, written when it is handed to the logger: what happens until then may still be counted in. */
export interface Line {
  readonly level: LogLevel
  write(): { readonly message: string; readonly fields: LogFields }
}

/** Beyond this many lines that wait for a blocked thread, lines are counted only. */
const mostWaiting = 1000

/**
 * The way of lines to the user's logger: in order, and never in the midst of the producer's work, nor while the thread is
 * blocked. A logger that fails harms nothing.
 */
export class LineQueue {
  readonly #write: LineWriter
  readonly #least: LogLevel | 'silent'
  readonly #clientId: string
  readonly #clock: Clock
  readonly #run: (call: () => void) => void
  readonly #onFailed: (thrown: unknown) => void
  readonly #waiting = new Fifo<Line>()
  #leftOut = 0
  #isMarked = false
  #hasFailed = false

  /**
   * `run` calls what is the user's as soon as that is allowed. `onFailed` is called for the first failure of the logger alone: where
   * it leads to a line, that one would fail as well.
   */
  constructor(
    write: LineWriter,
    least: LogLevel | 'silent',
    clientId: string,
    clock: Clock,
    run: (call: () => void) => void,
    onFailed: (thrown: unknown) => void,
  ) {
    this.#write = write
    this.#least = least
    this.#clientId = clientId
    this.#clock = clock
    this.#run = run
    this.#onFailed = onFailed
  }

  wants(level: LogLevel): boolean {
    return isWanted(level, this.#least)
  }

  add(line: Line): void {
    if (!this.wants(line.level)) return
    if (this.#waiting.length < mostWaiting) this.#waiting.push(line)
    else this.#leftOut++
    if (this.#isMarked) return
    this.#isMarked = true
    this.#clock.afterThis(() => this.tell())
  }

  /** Hands over what waits, now or as soon as the user's code may run. */
  tell(): void {
    this.#isMarked = false
    if (this.#waiting.length > 0) this.#run(() => this.#tellAll())
  }

  #tellAll(): void {
    while (this.#waiting.length > 0) {
      const { level, write } = this.#waiting.shift()!
      const { message, fields } = write()
      this.#tell(level, message, fields)
    }
    const leftOut = this.#leftOut
    this.#leftOut = 0
    if (leftOut > 0)
      this.#tell('warn', `${leftOut} lines were left out: they came faster than they could be logged`, {
        event: 'lines-left-out',
        times: leftOut,
      })
  }

  #tell(level: LogLevel, message: string, fields: LogFields): void {
    try {
      const returned = this.#write(level, message, { clientId: this.#clientId, ...fields })
      if (isThenable(returned)) returned.then(undefined, thrown => this.#failed(thrown))
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  #failed(thrown: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#onFailed(thrown)
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
