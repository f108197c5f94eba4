import type { KafkaError } from '../../base/errors/index.ts'
import type { Backoff } from '../../base/time/backoff.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'

/** `all`: every wanted topic. `new`: only those that were never asked for. */
export type Scope = 'all' | 'new'

export interface Refreshed {
  readonly isNews: boolean
  /** Why to ask again; undefined: everything that was wanted is there. */
  readonly missing: string | undefined
}

export interface RefreshWork {
  /** Asks the cluster once. */
  ask(scope: Scope): Promise<Refreshed>
  /** Whether a topic is wanted that was never asked for. */
  hasNew(): boolean
  onFailure(error: unknown): void
}

export interface RefreshOptions {
  readonly clock: Clock
  readonly backoff: Backoff
  readonly retryBackoffMaxMs: number
  readonly metadataMaxAgeMs: number
}

/**
 * Decides when metadata is asked for: one request at a time, whoever wants it. Between two requests for everything lies a
 * back-off that grows with failures and with answers that bring no news (KIP-580), so that neither a cluster in trouble nor
 * a partition without a leader is asked in a loop. Topics never asked for do not wait.
 */
export class MetadataRefresh {
  readonly #work: RefreshWork
  readonly #options: RefreshOptions
  readonly #clock: Clock
  /** Why everything should be asked for; undefined: no need. */
  #reason: string | undefined
  #isAsking = false
  /** Failures, or answers without the news that somebody wanted, in a row. */
  #fruitless = 0
  #lastAttemptAt = Number.NEGATIVE_INFINITY
  #notBefore = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  #ageTimer: Timer | undefined
  #isTurnMarked = false
  #isClosed = false

  constructor(work: RefreshWork, options: RefreshOptions) {
    this.#work = work
    this.#options = options
    this.#clock = options.clock
  }

  /** Asks for everything as soon as the back-off allows. Asking twice is asking once. */
  refresh(reason: string): void {
    this.#reason ??= reason
    this.#markTurn()
  }

  /** A topic is wanted that was never asked for: all of this turn go into one request. */
  askForNew(): void {
    this.#markTurn()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#ageTimer?.cancel()
  }

  #markTurn(): void {
    if (this.#isTurnMarked || this.#isAsking || this.#isClosed) return
    this.#isTurnMarked = true
    this.#clock.atEndOfTurn(() => {
      this.#isTurnMarked = false
      this.#next()
    })
  }

  #next(): void {
    if (this.#isClosed || this.#isAsking) return
    const now = this.#clock.now()
    if (this.#reason !== undefined && this.#notBefore <= now) this.#ask('all')
    else if (this.#work.hasNew()) this.#ask('new')
    else if (this.#reason !== undefined) this.#wakeAt(this.#notBefore, now)
  }

  #wakeAt(at: number, now: number): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.schedule(
      () => {
        this.#timer = undefined
        this.#next()
      },
      at - now,
      // What waits for the news has its own time-out, and that keeps the process alive.
      true,
    )
  }

  #ask(scope: Scope): void {
    this.#isAsking = true
    const wasDemanded = this.#reason !== undefined && scope === 'all'
    if (scope === 'all') {
      this.#reason = undefined
      this.#timer?.cancel()
      this.#timer = undefined
    }
    this.#work.ask(scope).then(
      refreshed => {
        if (this.#isClosed) return
        this.#ended()
        this.#ageAfresh()
        if (refreshed.isNews) this.#fruitless = 0
        else if (wasDemanded) this.#fruitless++
        if (refreshed.missing !== undefined) this.#reason ??= refreshed.missing
        this.#pause()
        this.#next()
      },
      (error: unknown) => {
        if (this.#isClosed) return
        this.#ended()
        this.#fruitless++
        this.#reason ??= `the last request failed: ${(error as KafkaError).code ?? 'unknown'}`
        this.#pause()
        this.#work.onFailure(error)
        this.#next()
      },
    )
  }

  #ended(): void {
    this.#isAsking = false
    const now = this.#clock.now()
    // After a quiet time what once was fruitless says nothing any more.
    if (now - this.#lastAttemptAt > 4 * this.#options.retryBackoffMaxMs + 60_000) this.#fruitless = 0
    this.#lastAttemptAt = now
  }

  #pause(): void {
    this.#notBefore = this.#lastAttemptAt + this.#options.backoff.delayMs(Math.max(1, this.#fruitless))
  }

  #ageAfresh(): void {
    this.#ageTimer?.cancel()
    this.#ageTimer = this.#clock.schedule(() => this.#grownOld(), this.#options.metadataMaxAgeMs, true)
  }

  /** Nobody is waiting: an answer without news is not fruitless then. */
  #grownOld(): void {
    if (this.#isAsking || this.#reason !== undefined || this.#isClosed) return
    this.refresh('metadataMaxAgeMs is over')
  }
}
