import type { ResolvedOptions } from '../../client/producer/options.ts'
import { TopicReader } from '../../client/reader/index.ts'
import { exitCode, type Io, type StopSignal, signalExitCodes } from '../io.ts'
import { Notes } from '../output/notes.ts'
import { PacedOutput } from '../output/paced-output.ts'
import { recordLines } from '../output/record-lines.ts'
import { usageProblems } from '../usage.ts'
import { clientSettings, type ReadProperties } from './client-settings.ts'
import { type TailFlags, type TailSettings, tailSettings } from './tail-flags.ts'

const COMMAND = 'ottla tail'
/** Without following, so long nothing may be heard of the cluster. Kafka: `default.api.timeout.ms`. */
const API_TIMEOUT_MS = 60_000

/** `ottla tail`: writes the records of a topic to standard output. Resolves to the exit code. */
export async function tail(
  flags: TailFlags,
  topic: string | undefined,
  io: Io,
  readProperties: ReadProperties,
): Promise<number> {
  const problems: string[] = []
  const settings = tailSettings(flags, topic, problems)
  const client = await clientSettings(flags, 'ottla-tail', readProperties, problems)
  if (problems.length > 0 || client === undefined) return usageProblems(COMMAND, problems, io)
  return await new TailRun(settings, client, io, new Notes(COMMAND, io, flags.quiet === true)).execute()
}

class TailRun {
  readonly #settings: TailSettings
  readonly #io: Io
  readonly #notes: Notes
  readonly #reader: TopicReader
  readonly #output: PacedOutput
  readonly #stopping = new AbortController()
  #signal: StopSignal | undefined

  constructor(settings: TailSettings, client: ResolvedOptions, io: Io, notes: Notes) {
    this.#settings = settings
    this.#io = io
    this.#notes = notes
    this.#output = new PacedOutput(io.stdout)
    const { topic, partitions, start, isolation, follow } = settings
    this.#reader = new TopicReader({
      ...client,
      ...{ topic, partitions, start, isolation, follow },
      apiTimeoutMs: API_TIMEOUT_MS,
      clock: io.clock,
      random: Math.random,
      onNotice: text => notes.note(text),
    })
  }

  async execute(): Promise<number> {
    const stopListening = this.#io.onSignal(signal => {
      this.#signal = signal
      this.#stop()
      // A second signal does what the operating system does with it.
      stopListening()
    })
    this.#output.gone.addEventListener('abort', () => this.#stop(), { once: true })
    let failed = false
    try {
      await this.#reader.open()
      await this.#print()
    } catch (error) {
      // What an end on purpose cuts off is no failure.
      if (!this.#stopping.signal.aborted) {
        this.#notes.failure(error)
        failed = true
      }
    } finally {
      stopListening()
      this.#output.release()
      await this.#reader.close()
    }
    if (this.#output.failure !== undefined) {
      this.#notes.error(`standard output cannot be written: ${this.#output.failure.message}`)
      failed = true
    }
    if (this.#signal !== undefined) return signalExitCodes[this.#signal]
    return failed ? exitCode.failed : exitCode.ok
  }

  async #print(): Promise<void> {
    const { topic, layout, limit } = this.#settings
    let left = limit
    for await (const records of this.#reader.batches()) {
      const wanted = records.length > left ? records.slice(0, left) : records
      await this.#output.write(recordLines(topic, wanted, layout), this.#stopping.signal)
      left -= wanted.length
      if (left <= 0 || this.#stopping.signal.aborted) return
    }
  }

  #stop(): void {
    this.#stopping.abort()
    void this.#reader.close()
  }
}
