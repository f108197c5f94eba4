import type { Io } from '../io.ts'
import { Progress } from './progress.ts'
import { failureLines, summaryLines, summaryOf, type TransactionCounts } from './summary.ts'
import { Tally } from './tally.ts'

export interface ReportOptions {
  quiet?: boolean
  json?: boolean
  /** true and false force and forbid the progress line; undefined leaves it to the terminal. */
  progress?: boolean
  /** Somebody types the records in. */
  typed: boolean
  /** No broker was asked for an answer. */
  acksZero: boolean
  /** Records count as delivered where they are committed. */
  transactional: boolean
}

/** Notes that repeat, as those of a broker that refuses us again and again, are said once and at most this many. */
const MAX_NOTES = 20

/** All that a run says: progress and notes while it lasts, failures and a summary at its end. Errors are said even if `quiet`. */
export class RunReport {
  readonly tally: Tally = new Tally()
  readonly #io: Io
  readonly #options: ReportOptions
  readonly #startedMs: number
  readonly #progress: Progress | undefined
  readonly #said = new Set<string>()

  constructor(io: Io, options: ReportOptions) {
    this.#io = io
    this.#options = options
    this.#startedMs = io.clock.now()
    const { stderr, env, clock } = io
    const drawable = stderr.isTTY === true && env.TERM !== 'dumb'
    // While somebody types records, a line that is drawn over would be in the way.
    const wanted = options.progress ?? (drawable && !options.typed)
    if (wanted && !options.quiet) {
      this.#progress = new Progress(this.tally, {
        clock,
        write: text => stderr.write(text),
        columns: () => stderr.columns || 80,
        delivered: options.transactional ? 'committed' : 'acknowledged',
        color: stderr.isTTY === true && !env.NO_COLOR,
      })
    }
  }

  /** What the run is doing besides sending, for the progress line. */
  activity(words: string): void {
    if (this.#progress) this.#progress.activity = words
  }

  note(text: string): void {
    if (this.#options.quiet || this.#said.has(text) || this.#said.size >= MAX_NOTES) return
    this.#said.add(text)
    this.#line(text)
  }

  /** A line of the producer's own, where somebody asked for them. */
  log(level: string, message: string): void {
    this.#line(`ottla produce: ${level}: ${message}`)
  }

  /** For a person in front of an empty terminal. */
  hint(input: { readonly delimiter: Uint8Array | null }): void {
    if (!this.#options.typed) return
    this.note(`reading records from the terminal${input.delimiter === null ? '' : ', one per line'}; Ctrl-D ends`)
  }

  finish(stopped: string | null, transactions?: TransactionCounts): void {
    this.#progress?.stop()
    const summary = summaryOf(this.tally, this.#io.clock.now() - this.#startedMs, stopped, transactions)
    for (const line of failureLines(summary, this.tally.unnamed)) this.#line(line)
    if (stopped !== null) this.#line(`ottla produce: ${stopped}`)
    if (this.#options.json) this.#io.stdout.write(`${JSON.stringify(summary)}\n`)
    else if (!this.#options.quiet) for (const line of summaryLines(summary, this.#options.acksZero)) this.#line(line)
  }

  #line(text: string): void {
    this.#progress?.clear()
    this.#io.stderr.write(`${text}\n`)
  }
}
