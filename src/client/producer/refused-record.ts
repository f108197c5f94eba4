import type { KafkaError } from '../../base/errors/index.ts'
import type { RecordListener } from '../accumulator/batch.ts'
import type { SendTrace } from '../observer/send-trace.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import type { ResultSource } from './future.ts'
import type { InterceptedRecord } from './intercepted-record.ts'
import type { SendCallback, Undelivered } from './types.ts'

/**
 * A record that never got anywhere: it was wrong, or there was no room for it. Its error is there at once; callbacks are told
 * when the call has returned.
 *
 * A class of its own, and a small one: a loop that never waits makes millions. Were it made where the records are made that do
 * wait, the engine would learn that such objects live long, and keep every refused one until the next full collection.
 */
export class RefusedRecord implements RecordListener, ResultSource {
  readonly blocker = undefined
  readonly topic: string
  readonly #error: KafkaError
  readonly #listener: SendCallback | RecordListener | undefined
  readonly #intercepted: InterceptedRecord | undefined
  watched: boolean
  /** For the `undelivered` event, where somebody listens and nobody watches. */
  report: Undelivered | undefined = undefined
  trace: SendTrace | undefined = undefined

  constructor(
    topic: string,
    error: KafkaError,
    listener: SendCallback | RecordListener | undefined,
    intercepted: InterceptedRecord | undefined,
  ) {
    this.topic = topic
    this.#error = error
    this.#listener = listener
    this.#intercepted = intercepted
    this.watched = listener !== undefined
  }

  isSettledAt(): boolean {
    return true
  }

  errorAt(): KafkaError {
    return this.#error
  }

  metadataAt(): RecordMetadata {
    throw this.#error
  }

  whenSettled(): Promise<unknown> {
    return Promise.resolve()
  }

  watch(): void {
    this.watched = true
  }

  settled(): void {
    this.trace?.settled(this.#error, undefined)
    if (typeof this.#listener === 'object') this.#listener.settled(this.#error, undefined)
  }

  tell(): unknown {
    return this.trace === undefined ? this.#call() : this.trace.tell(() => this.#call())
  }

  #call(): unknown {
    this.#intercepted?.observe(this.#error, undefined)
    return typeof this.#listener === 'function' ? this.#listener(this.#error) : this.#listener?.tell()
  }
}
