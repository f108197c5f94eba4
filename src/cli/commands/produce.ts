import { CommitUnknownError, KafkaError, RecordTooLargeError, TimeoutError } from '../../base/errors/index.ts'
import type { LogLevel } from '../../client/observer/logger.ts'
import { type ProducerOptions, type ResolvedOptions, resolveOptions } from '../../client/producer/options.ts'
import type { TransactionalProducer } from '../../client/producer/transactions.ts'
import type { Producer } from '../../client/producer/types.ts'
import type { ProducerRecord } from '../../client/record/record.ts'
import { LineError, type ParsedLine, parseLine } from '../input/line-format.ts'
import { Oversized, RecordSplitter } from '../input/record-splitter.ts'
import { chunksOf, reasonOf, type Source, sourcesOf } from '../input/sources.ts'
import { exitCode, type Io, type StopSignal, signalExitCodes } from '../io.ts'
import { counted } from '../output/quantities.ts'
import { RunReport } from '../output/run-report.ts'
import { problemsOf, usageProblems } from '../usage.ts'
import type { InputSettings, ProduceFlags } from './produce-flags.ts'
import { produceSettings } from './produce-settings.ts'
import { ProduceTransactions } from './produce-transactions.ts'

/** What the command needs of `ottla`; loaded when a run begins, so that `--help` is quick. */
export interface ProducerDoor {
  createProducer(options: ProducerOptions & { transactionalId: string }): TransactionalProducer
  createProducer(options: ProducerOptions): Producer
  fromProperties(given: string | Readonly<Record<string, string>>): Partial<ProducerOptions>
}

const COMMAND = 'ottla produce'
/** A line may be a little longer than its record: separators are not sent. The producer itself decides what is too large. */
const SEPARATOR_ALLOWANCE_BYTES = 65_536
/** How long after the last record's own deadline the run is given up, should something hang. */
const GRACE_MS = 5_000
/** How long `--sync` blocks the thread at a time: Ctrl-C is felt within it, and a progress line goes on. */
const BLOCK_MS = 100
/** How long `--sync` may hold up the first record for the sake of its speed. */
const WARM_UP_MS = 1_000

/** Errors of records that fail because of another one, or because the run ends. */
const consequences: readonly string[] = ['TRANSACTION_ABORTED', 'CLOSED']

/** What one piece of the input is to the cluster. */
interface Line {
  readonly record: ProducerRecord
  /** Where it stood in the input; made where somebody asks, which is rare. */
  readonly place: () => string
}

/** `ottla produce`: sends the records of files or standard input, and says what became of each. Resolves to the exit code. */
export async function produce(flags: ProduceFlags, files: string[], io: Io, door: ProducerDoor): Promise<number> {
  const settings = await produceSettings(flags, files, door)
  if ('problems' in settings) return usageProblems(COMMAND, settings.problems, io)
  let options: ResolvedOptions
  let producer: Producer
  let transactional: TransactionalProducer | undefined
  try {
    options = resolveOptions(settings.options)
    const { transactionalId } = options
    const logger = { log: (level: LogLevel, message: string) => report.log(level, message) }
    const asked = flags.logLevel === undefined ? settings.options : { ...settings.options, logger }
    if (transactionalId === undefined) producer = door.createProducer(asked)
    else producer = transactional = door.createProducer({ ...asked, transactionalId })
  } catch (error) {
    return usageProblems(COMMAND, problemsOf(error), io)
  }
  const report = new RunReport(io, {
    ...flags,
    typed: io.stdin.isTTY === true && readsStdin(files),
    acksZero: options.acks === 0,
    transactional: transactional !== undefined,
  })
  for (const note of settings.notes) report.note(note)
  const { recordsPerTransaction } = settings
  const transactionOptions = { recordsPerTransaction, timeoutMs: options.deliveryTimeoutMs + options.maxBlockMs }
  const transactions = transactional && new ProduceTransactions(transactional, transactionOptions, report.tally)
  const run = new ProduceRun(producer, transactions, settings.input, options, io, report, flags.sync === true)
  const execute = () => run.execute(sourcesOf(files, io.stdin))
  const { metricsPort } = settings
  if (metricsPort === undefined) return await execute()
  const { servingMetrics } = await import('./produce-metrics.ts')
  return await servingMetrics(producer, metricsPort, COMMAND, io, report, execute)
}

/** Whether these files mean standard input as well. */
function readsStdin(files: readonly string[]): boolean {
  return files.length === 0 || files.includes('-')
}

class ProduceRun {
  readonly #producer: Producer
  readonly #transactions: ProduceTransactions | undefined
  readonly #input: InputSettings
  readonly #options: ResolvedOptions
  readonly #io: Io
  readonly #report: RunReport
  /** One blocking send a record. */
  readonly #isSync: boolean
  /** Ends the reading; what was sent is still waited for, or the open transaction aborted. */
  readonly #reading = new AbortController()
  /** Ends the waiting as well. */
  readonly #waiting = new AbortController()
  #signal: StopSignal | undefined
  /** Why the run ended before its input did. */
  #stopped: string | null = null
  #broken = false

  constructor(
    producer: Producer,
    transactions: ProduceTransactions | undefined,
    input: InputSettings,
    options: ResolvedOptions,
    io: Io,
    report: RunReport,
    isSync: boolean,
  ) {
    this.#producer = producer
    this.#transactions = transactions
    this.#input = input
    this.#options = options
    this.#io = io
    this.#report = report
    this.#isSync = isSync
  }

  async execute(sources: readonly Source[]): Promise<number> {
    const stopListening = this.#io.onSignal(signal => this.#onSignal(signal, stopListening))
    this.#producer.on('error', error => this.#report.note(error.message))
    try {
      if (await this.#connect()) {
        for (const source of sources) {
          if (this.#done) break
          await this.#sendSource(source)
        }
        if (this.#transactions === undefined) await this.#settle()
        else await this.#endTransaction(this.#transactions)
      }
      await this.#close()
    } finally {
      stopListening()
    }
    const failed = this.#broken || this.#report.tally.failed > 0
    const { counts, left } = this.#transactions ?? {}
    const stopped = this.#stopped === null || left === undefined ? this.#stopped : `${this.#stopped}; ${left}`
    this.#report.finish(stopped, counts)
    if (this.#signal !== undefined) return signalExitCodes[this.#signal]
    return failed ? exitCode.failed : exitCode.ok
  }

  /** No more records are to be read. */
  get #done(): boolean {
    return this.#reading.signal.aborted || this.#report.tally.records >= this.#input.limit
  }

  async #connect(): Promise<boolean> {
    this.#report.activity(
      `connecting to ${this.#options.bootstrapServers.map(({ host, port }) => `${host}:${port}`).join(',')}`,
    )
    try {
      const { socketConnectionSetupTimeoutMs: timeoutMs } = this.#options
      await this.#producer.connect({ timeoutMs, signal: this.#reading.signal })
      await this.#transactions?.init(this.#reading.signal)
      if (this.#isSync) this.#warmUp()
      this.#report.activity('')
      this.#report.hint(this.#input)
      return true
    } catch (error) {
      if (!this.#reading.signal.aborted) this.#break(messageOf(error))
      return false
    }
  }

  /**
   * Connections that work while the thread is blocked, so that the first record is as quick as the others, and so that without
   * idempotence all of them go by the same connections.
   */
  #warmUp(): void {
    try {
      this.#producer.connect().get({ timeoutMs: WARM_UP_MS })
    } catch (error) {
      // The connections are still being made; the first record waits for them instead.
      if (!(error instanceof TimeoutError)) throw error
    }
  }

  async #sendSource(source: Source): Promise<void> {
    const { delimiter, cutCarriageReturn } = this.#input
    const maxRecordBytes = this.#options.maxRequestSize + SEPARATOR_ALLOWANCE_BYTES
    const splitter = new RecordSplitter({ delimiter, cutCarriageReturn, maxRecordBytes })
    try {
      for await (const chunk of chunksOf(source.open(), this.#reading.signal)) {
        splitter.feed(chunk)
        await this.#sendSplit(splitter, source)
        if (this.#done) return
      }
    } catch (error) {
      if (error instanceof KafkaError) throw error
      this.#break(`reading ${source.name} failed: ${reasonOf(error)}`)
      return
    }
    if (this.#done) return
    splitter.finish()
    await this.#sendSplit(splitter, source)
  }

  async #sendSplit(splitter: RecordSplitter, source: Source): Promise<void> {
    for (let piece = splitter.next(); piece !== undefined; piece = splitter.next()) {
      const line = this.#lineOf(piece, source, splitter.number)
      if (line !== undefined && this.#begin(line)) {
        if (this.#isSync) await this.#sendBlocking(line)
        else this.#send(line)
        if (!this.#reading.signal.aborted && this.#transactions?.isFull) await this.#commit(this.#transactions)
      }
      if (this.#done) return
      // Between blocking sends nothing is under way.
      if (this.#isSync || this.#producer.hasRoom) continue
      try {
        await this.#producer.room({ signal: this.#reading.signal })
      } catch (error) {
        // A closed producer has no room either; its records say why.
        if (!this.#reading.signal.aborted) this.#break(messageOf(error))
      }
      if (this.#done) return
    }
  }

  /** Counts a piece of the input as sent. What cannot be a record has failed already. */
  #lineOf(piece: Buffer | Oversized, source: Source, number: number): Line | undefined {
    const { topic, partition, format } = this.#input
    const { tally } = this.#report
    const place = () => (this.#input.delimiter === null ? source.name : `${source.name}:${number}`)
    if (piece instanceof Oversized) {
      const limit = this.#options.maxRequestSize
      tally.sent(piece.bytes)
      const message = `${piece.bytes} bytes are more than max.request.size (${limit}); was the delimiter meant to be another?`
      this.#refused(place, new RecordTooLargeError(message))
      if (this.#transactions !== undefined) this.#break(`${place()} failed`)
      return undefined
    }
    tally.sent(piece.length)
    let line: ParsedLine
    try {
      line = parseLine(piece, format)
    } catch (error) {
      if (!(error instanceof LineError)) throw error
      this.#refused(place, new KafkaError('MALFORMED_LINE', error.message, { outcome: 'not-written' }))
      // As kafka-console-producer: most likely every line after it is wrong as well.
      this.#break(`${place()} is malformed; nothing after it was read (ignore.error=true goes on)`)
      return undefined
    }
    const key = line.key ?? this.#input.key
    const headers = this.#input.headers.length === 0 ? line.headers : [...this.#input.headers, ...line.headers]
    const record = { topic, partition, key, value: line.value, headers: headers.length === 0 ? undefined : headers }
    return { record, place }
  }

  /** Whether the record may be sent: with transactions it belongs to one from now on. */
  #begin({ place }: Line): boolean {
    try {
      this.#transactions?.take()
      return true
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      this.#refused(place, error)
      this.#break(error.message)
      return false
    }
  }

  #send({ record, place }: Line): void {
    const sentMs = this.#io.clock.now()
    this.#producer.send(record, error => this.#answered(error, sentMs, place))
  }

  /** Sends a record and blocks the thread until it has its answer: no line is taken before. */
  async #sendBlocking({ record, place }: Line): Promise<void> {
    const sentMs = this.#io.clock.now()
    const future = this.#producer.send(record)
    future.then(
      () => this.#answered(null, sentMs, place),
      (error: KafkaError) => this.#answered(error, sentMs, place),
    )
    do {
      try {
        future.get({ timeoutMs: BLOCK_MS })
      } catch (error) {
        // What became of the record is told above. This is the end of the wait alone, and mostly it just goes on.
        if (!future.settled && !(error instanceof TimeoutError)) this.#break(messageOf(error))
      }
      // A blocked thread hears no signal and draws no progress.
      await this.#turn()
      // After Ctrl-C a record that is still open is waited for as any other: a second one gives it up.
    } while (!future.settled && !this.#reading.signal.aborted)
  }

  /** One turn of the event loop. */
  #turn(): Promise<void> {
    return new Promise(resolve => this.#io.clock.atEndOfTurn(resolve))
  }

  #answered(error: KafkaError | null, sentMs: number, place: () => string): void {
    const { tally } = this.#report
    if (error !== null) this.#failed(place, error)
    else if (this.#transactions === undefined) tally.acknowledge(this.#io.clock.now() - sentMs)
    else tally.latency.record(this.#io.clock.now() - sentMs)
  }

  #failed(place: () => string, error: KafkaError): void {
    if (this.#transactions !== undefined) this.#failedInTransaction(place, error)
    else {
      this.#refused(place, error)
      if (error.fatal) this.#break(error.message)
    }
  }

  /** With it fail all of its transaction, which are counted when that ends. */
  #failedInTransaction(place: () => string, { code, message, fatal }: KafkaError): void {
    if (consequences.includes(code)) return
    const { topic, partition = -1 } = this.#input
    this.#report.tally.name({ place: place(), topic, partition, code, outcome: 'aborted', message })
    this.#break(fatal ? message : `${place()} failed`)
  }

  /** A record that belongs to no transaction has failed. */
  #refused(place: () => string, error: KafkaError): void {
    const { topic, partition = -1 } = this.#input
    this.#report.tally.fail(place(), topic, partition, error)
  }

  async #commit(transactions: ProduceTransactions): Promise<void> {
    this.#report.activity('committing')
    try {
      await transactions.commit(this.#waiting.signal)
    } catch (error) {
      this.#break(error instanceof CommitUnknownError ? doubtOf(error) : messageOf(error))
    }
    this.#report.activity('')
  }

  /** Commits what is open, or aborts it where the run ends before its input. */
  async #endTransaction(transactions: ProduceTransactions): Promise<void> {
    if (!this.#reading.signal.aborted) await this.#commit(transactions)
    await transactions.abort(this.#waiting.signal)
  }

  /** Waits until each record has its answer. */
  async #settle(): Promise<void> {
    const { tally } = this.#report
    if (tally.pending === 0) return
    this.#report.activity(`waiting for ${counted(tally.pending, 'record')}`)
    const timeoutMs = this.#options.deliveryTimeoutMs + GRACE_MS
    try {
      await this.#producer.flush({ timeoutMs, signal: this.#waiting.signal })
    } catch (error) {
      if (!this.#waiting.signal.aborted) this.#break(messageOf(error))
    }
  }

  /** What is still open after its wait fails now, with its outcome. */
  async #close(): Promise<void> {
    const isOpen = this.#report.tally.pending > 0 || this.#transactions?.isLeftOpen
    try {
      await this.#producer.close({ timeoutMs: isOpen ? 0 : GRACE_MS })
    } catch (error) {
      this.#break(messageOf(error))
    }
  }

  /** The run cannot go on: says why, once, and reads no further. */
  #break(reason: string): void {
    this.#broken = true
    this.#stopped ??= reason
    this.#reading.abort()
  }

  /** What is left to be done when the reading ends. */
  get #waitsFor(): string | undefined {
    if (this.#transactions !== undefined) return this.#transactions.waitsFor
    const { pending } = this.#report.tally
    return pending > 0 ? `waiting for ${counted(pending, 'record')}` : undefined
  }

  #onSignal(signal: StopSignal, stopListening: () => void): void {
    if (this.#signal === undefined) {
      this.#signal = signal
      this.#stopped ??= `stopped by ${signal}`
      this.#reading.abort()
      const waitsFor = this.#waitsFor
      if (waitsFor !== undefined) this.#report.note(`stopping: ${waitsFor}; again to quit at once`)
      return
    }
    this.#waiting.abort()
    // A third signal does what the operating system does with it.
    stopListening()
  }
}

/** Why it is not known whether a transaction was committed, without what its program could call next. */
function doubtOf({ fatal, code, cause }: CommitUnknownError): string {
  return fatal && cause instanceof KafkaError ? `${cause.message} (${code})` : `the commit was not answered (${code})`
}

function messageOf(error: unknown): string {
  if (error instanceof KafkaError) return `${error.message} (${error.code})`
  throw error
}
