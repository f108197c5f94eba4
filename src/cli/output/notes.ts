import { KafkaError } from '../../base/errors/index.ts'
import type { Io } from '../io.ts'

/** Notes that repeat are said once, and not more than this many in all. */
const MAX_NOTES = 20

/** What a command says on standard error beside its result. */
export class Notes {
  readonly #command: string
  readonly #io: Io
  readonly #quiet: boolean
  readonly #said = new Set<string>()

  constructor(command: string, io: Io, quiet: boolean) {
    this.#command = command
    this.#io = io
    this.#quiet = quiet
  }

  note(text: string): void {
    if (this.#quiet || this.#said.has(text) || this.#said.size >= MAX_NOTES) return
    this.#said.add(text)
    this.error(text)
  }

  /** Said even if it is to be quiet. */
  error(text: string): void {
    this.#io.stderr.write(`${this.#command}: ${text}\n`)
  }

  /** Says what the cluster or the network did. What is no KafkaError is thrown on: it is a bug. */
  failure(error: unknown): void {
    if (!(error instanceof KafkaError)) throw error
    this.error(`${error.message} (${error.code})`)
  }
}
