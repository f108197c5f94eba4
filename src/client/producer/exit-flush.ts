import { writeSync } from 'node:fs'
import process from 'node:process'
import { isMainThread } from 'node:worker_threads'
import type { KafkaError } from '../../base/errors/index.ts'

/** Signals that end a process unless somebody listens. */
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

export interface ExitFlushSettings {
  /** The producer's, for the report. */
  readonly name: string
  readonly timeoutMs: number
}

/**
 * `flushOnExit` of one producer: when the process (or its worker thread) ends, what is under way is delivered with the thread
 * blocked, and what could not be is reported on standard error. Signals: where nobody else listens to them they are caught,
 * and raised again afterwards; whoever listens decides for himself how the process ends.
 */
export class ExitFlush {
  static readonly #open = new Set<ExitFlush>()

  readonly #settings: ExitFlushSettings
  readonly #flush: (timeoutMs: number) => void
  /** By topic and outcome, while the process ends. */
  #lost: Map<string, number> | undefined

  constructor(settings: ExitFlushSettings, flush: (timeoutMs: number) => void) {
    this.#settings = settings
    this.#flush = flush
    if (ExitFlush.#open.size === 0) ExitFlush.#listen()
    ExitFlush.#open.add(this)
  }

  /** The producer was closed: nothing can be under way any more. */
  leave(): void {
    ExitFlush.#open.delete(this)
    if (ExitFlush.#open.size === 0) ExitFlush.#stopListening()
  }

  /** Records failed. Only those that the end of the process took along are reported. */
  failed(topic: string, error: KafkaError, records: number): void {
    if (this.#lost === undefined) return
    const what = `${topic}: ${error.outcome === 'not-written' ? 'not written' : 'unknown whether written'}`
    this.#lost.set(what, (this.#lost.get(what) ?? 0) + records)
  }

  #run(): void {
    this.#lost = new Map()
    try {
      this.#flush(this.#settings.timeoutMs)
    } catch (error) {
      say(`ottla: ${this.#settings.name} could not flush when the process ended: ${String(error)}`)
    }
    const lost = [...this.#lost]
    this.#lost = undefined
    if (lost.length === 0) return
    const sum = lost.reduce((all, [, records]) => all + records, 0)
    const records = sum === 1 ? '1 record was' : `${sum} records were`
    const list = lost.map(([what, count]) => `${what}: ${count}`).join('; ')
    say(`ottla: ${records} not delivered by ${this.#settings.name} when the process ended (${list})`)
  }

  static #runAll(): void {
    for (const exit of [...ExitFlush.#open]) exit.#run()
  }

  static readonly #onExit = (): void => ExitFlush.#runAll()

  static readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return
    ExitFlush.#runAll()
    ExitFlush.#stopListening()
    process.kill(process.pid, signal)
  }

  static #listen(): void {
    process.on('exit', ExitFlush.#onExit)
    // Signals are the process's matter, and come to its main thread only.
    if (isMainThread) for (const signal of signals) process.on(signal, ExitFlush.#onSignal)
  }

  static #stopListening(): void {
    process.removeListener('exit', ExitFlush.#onExit)
    for (const signal of signals) process.removeListener(signal, ExitFlush.#onSignal)
  }
}

/** Synchronously, since the process ends; a standard error that is gone keeps nobody. */
function say(line: string): void {
  try {
    writeSync(2, `${line}\n`)
  } catch {}
}
