import { KafkaError } from '../../base/errors/index.ts'
import type { Accumulator } from './accumulator.ts'
import type { Batch, Listener } from './batch.ts'

export interface DeliveryEvents {
  /** Nobody watched this record, and it failed. The batch's bytes are only there during the call. */
  onUnwatched(batch: Batch, index: number, error: KafkaError): void
  /** A callback threw, or its promise rejected. */
  onCallbackFailed(error: unknown, batch: Batch): void
  /** Counts. */
  onAcknowledged(batch: Batch): void
  onFailed(batch: Batch, error: KafkaError): void
}

/** Tells every record of a batch its result, once: callbacks in the order of the sends, then futures, then flush. */
export class Deliveries {
  readonly #accumulator: Accumulator
  readonly #events: DeliveryEvents

  constructor(accumulator: Accumulator, events: DeliveryEvents) {
    this.#accumulator = accumulator
    this.#events = events
  }

  /** The batch is in the log, or (acks=0) on its way there without an answer: then `baseOffset` is −1. */
  acknowledge(batch: Batch, baseOffset: bigint, logAppendTimeMs: number): void {
    batch.move('settled')
    batch.baseOffset = baseOffset
    batch.logAppendTimeMs = logAppendTimeMs
    this.#events.onAcknowledged(batch)
    const { listeners, takenBack } = batch
    for (let index = 0; index < listeners.length; index++) {
      const listener = listeners[index]
      if (listener === undefined || listener === true || takenBack?.has(index)) continue
      this.#tell(batch, listener, null, index)
    }
    this.#end(batch)
  }

  /** No record of the batch was acknowledged. `errors` holds what is particular to single records. */
  fail(batch: Batch, error: KafkaError, errors?: Map<number, KafkaError>): void {
    batch.move('settled')
    batch.error = error
    batch.errors = errors
    this.#events.onFailed(batch, error)
    const { listeners, takenBack } = batch
    for (let index = 0; index < listeners.length; index++) {
      if (takenBack?.has(index)) continue
      const own = errors?.get(index) ?? error
      const listener = listeners[index]
      if (listener === undefined) this.#events.onUnwatched(batch, index, own)
      else if (listener !== true) {
        if (typeof listener === 'object' && !listener.watched) this.#events.onUnwatched(batch, index, own)
        this.#tell(batch, listener, own, index)
      }
    }
    this.#end(batch)
  }

  /** The batch lives on in its parts: its futures get their results from there. */
  replaced(batch: Batch, parts: readonly Batch[]): void {
    batch.move('settled')
    for (const part of parts) this.#accumulator.live.add(part)
    this.#accumulator.live.remove(batch)
    // The parts took over the waiters; one of them stands for the whole in the count.
    for (const waiter of batch.waiters ?? []) for (let more = 1; more < parts.length; more++) waiter.batchAdded()
    batch.waiters = undefined
    this.#accumulator.release(batch)
    void Promise.all(parts.map(part => part.whenSettled())).then(() => batch.announceSettled())
  }

  #tell(batch: Batch, listener: Exclude<Listener, true | undefined>, error: KafkaError | null, index: number): void {
    try {
      let returned: unknown
      if (typeof listener === 'object')
        returned = listener.settled(error, error === null ? batch.metadataAt(index) : undefined)
      else returned = error === null ? listener(null, batch.metadataAt(index)) : listener(error, undefined)
      if (returned instanceof Promise) returned.catch(reason => this.#events.onCallbackFailed(reason, batch))
    } catch (thrown) {
      this.#events.onCallbackFailed(thrown, batch)
    }
  }

  #end(batch: Batch): void {
    batch.listeners = []
    this.#accumulator.live.remove(batch)
    batch.announceSettled()
    const { waiters } = batch
    batch.waiters = undefined
    if (waiters !== undefined) for (const waiter of waiters) waiter.batchSettled()
    this.#accumulator.release(batch)
  }
}

/** What a throwing callback is reported as. */
export const callbackError = (thrown: unknown, what: string): KafkaError =>
  new KafkaError('CALLBACK_FAILED', `${what} threw; the record itself is not affected`, { cause: thrown })
