import type { Clock, Timer } from '../../base/time/clock.ts'

/** While answers keep coming in, a time-out waits for at most so many turns of the event loop. */
const readingTurns = 8

/**
 * Calls back when what lies ready on the sockets has been read. After a stall of the event loop its timers fire before its
 * sockets are read; the end of the turn comes after them, and more turns follow as long as bytes keep coming.
 */
export function whenRead(clock: Clock, bytesRead: () => number, decide: () => void, turns = readingTurns): void {
  const before = bytesRead()
  clock.atEndOfTurn(() => {
    if (bytesRead() === before || turns <= 1) decide()
    else whenRead(clock, bytesRead, decide, turns - 1)
  })
}

export interface Deadlines {
  /** The earliest one that still counts; undefined: none. */
  earliest(): number | undefined
  bytesRead(): number
  onExpired(): void
}

/** One timer for all deadlines of a connection: armed for the earliest, and looked at again when it fires. */
export class DeadlineWatch {
  readonly #clock: Clock
  readonly #deadlines: Deadlines
  #timer: Timer | undefined
  #timerAt = 0
  #isClosed = false

  constructor(clock: Clock, deadlines: Deadlines) {
    this.#clock = clock
    this.#deadlines = deadlines
  }

  /** There is a new deadline. */
  add(deadline: number, now: number): void {
    if (this.#isClosed || (this.#timer !== undefined && this.#timerAt <= deadline)) return
    this.#timer?.cancel()
    this.#timerAt = deadline
    this.#timer = this.#clock.schedule(
      () => {
        this.#timer = undefined
        if (this.#waitForNext()) return
        whenRead(
          this.#clock,
          () => this.#deadlines.bytesRead(),
          () => this.#decide(),
        )
        // In the background: while something has a deadline, its socket keeps the process alive.
      },
      deadline - now,
      true,
    )
  }

  /** Whether nothing is overdue. */
  #waitForNext(): boolean {
    const next = this.#deadlines.earliest()
    const now = this.#clock.now()
    if (next === undefined) return true
    if (next > now) this.add(next, now)
    return next > now
  }

  #decide(): void {
    if (!this.#isClosed && !this.#waitForNext()) this.#deadlines.onExpired()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
