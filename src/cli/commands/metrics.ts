import { fetchPage } from '../input/fetch-page.ts'
import { type ProducerScrape, producerOfPage, ScrapeError } from '../input/producer-scrape.ts'
import { exitCode, type Io, type StopSignal, signalExitCodes } from '../io.ts'
import { type MetricsReport, metricsReport } from '../output/metrics-report.ts'
import { metricsLines } from '../output/metrics-screen.ts'
import { Notes } from '../output/notes.ts'
import { PacedOutput } from '../output/paced-output.ts'
import { RedrawnBlock } from '../output/redrawn-block.ts'
import { usageProblems } from '../usage.ts'
import { type MetricsFlags, type MetricsSettings, metricsSettings } from './metrics-flags.ts'

const COMMAND = 'ottla metrics'

/** `ottla metrics`: what a producer does, read from its /metrics again and again. Resolves to the exit code. */
export async function metrics(flags: MetricsFlags, io: Io): Promise<number> {
  const problems: string[] = []
  const settings = metricsSettings(flags, problems)
  if (problems.length > 0) return usageProblems(COMMAND, problems, io)
  return await new MetricsRun(settings, flags, io).execute()
}

class MetricsRun {
  readonly #settings: MetricsSettings
  readonly #flags: MetricsFlags
  readonly #io: Io
  readonly #notes: Notes
  readonly #output: PacedOutput
  readonly #block: RedrawnBlock | undefined
  readonly #stopping = new AbortController()
  /** What the terminal shows. */
  #lines: readonly string[] = []
  #signal: StopSignal | undefined

  constructor(settings: MetricsSettings, flags: MetricsFlags, io: Io) {
    this.#settings = settings
    this.#flags = flags
    this.#io = io
    this.#notes = new Notes(COMMAND, io, flags.quiet === true)
    this.#output = new PacedOutput(io.stdout)
    const redraws = io.stdout.isTTY === true && io.env.TERM !== 'dumb' && !flags.json && !flags.once
    if (redraws) this.#block = new RedrawnBlock(io.stdout)
  }

  async execute(): Promise<number> {
    const stopListening = this.#io.onSignal(signal => {
      this.#signal = signal
      this.#stopping.abort()
      // A second signal does what the operating system does with it.
      stopListening()
    })
    this.#output.gone.addEventListener('abort', () => this.#stopping.abort(), { once: true })
    let failed = false
    try {
      await this.#watch()
    } catch (error) {
      // What an end on purpose cuts off is no failure.
      if (!this.#stopping.signal.aborted) {
        if (!(error instanceof ScrapeError)) throw error
        this.#notes.error(error.message)
        failed = true
      }
    } finally {
      stopListening()
      this.#output.release()
    }
    if (this.#output.failure !== undefined) {
      this.#notes.error(`standard output cannot be written: ${this.#output.failure.message}`)
      failed = true
    }
    if (this.#signal !== undefined) return signalExitCodes[this.#signal]
    return failed ? exitCode.failed : exitCode.ok
  }

  /** Where nothing is there at the start, that is an error; what goes away later may come back. */
  async #watch(): Promise<void> {
    let { clientId, scrape: before } = await this.#scrape(this.#settings.producer)
    for (;;) {
      await this.#pause(this.#settings.intervalMs)
      let now: ProducerScrape
      try {
        now = (await this.#scrape(clientId)).scrape
      } catch (error) {
        if (this.#flags.once || !(error instanceof ScrapeError)) throw error
        this.#tellGap(error.message)
        continue
      }
      await this.#show(metricsReport(clientId, before, now, this.#io.clock.wallTime()))
      if (this.#flags.once || this.#stopping.signal.aborted) return
      before = now
    }
  }

  async #scrape(producer: string | undefined) {
    const { url } = this.#settings
    const page = await fetchPage(url, this.#stopping.signal)
    return producerOfPage(page, url, producer, this.#io.clock.now())
  }

  async #show(report: MetricsReport): Promise<void> {
    const { url } = this.#settings
    if (this.#block !== undefined) {
      this.#lines = metricsLines(report, url)
      this.#block.draw(this.#lines, this.#paint)
    } else {
      const text = this.#flags.json ? JSON.stringify(report, rounded) : `${metricsLines(report, url).join('\n')}\n`
      await this.#output.write(Buffer.from(`${text}\n`), this.#stopping.signal)
    }
  }

  /** What was shown last stays, and why it is old is said above it. */
  #tellGap(reason: string): void {
    if (this.#block === undefined) this.#notes.note(reason)
    else this.#block.draw([reason, '', ...this.#lines], this.#paint)
  }

  /** What fails right now is red. */
  readonly #paint = (line: string): string =>
    this.#io.env.NO_COLOR ? line : line.replace(/(?<![\d,.])(?!0\/s)[\d,.]+\/s failed/, '\x1b[31m$&\x1b[39m')

  /** Rejects where the run ends meanwhile. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping
    return new Promise((resolve, reject) => {
      const end = () => {
        timer.cancel()
        reject(signal.reason)
      }
      const timer = this.#io.clock.schedule(() => {
        signal.removeEventListener('abort', end)
        resolve()
      }, ms)
      if (signal.aborted) end()
      else signal.addEventListener('abort', end, { once: true })
    })
  }
}

/** Microseconds of a millisecond are enough. */
const rounded = (_: string, value: unknown) => (typeof value === 'number' ? Math.round(value * 1e6) / 1e6 : value)
