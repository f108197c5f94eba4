import { KafkaError } from '../../base/errors/index.ts'
import type { Accumulator } from './accumulator.ts'
import type { Batch, Listener } from './batch.ts'
import type { UserCalls } from './user-calls.ts'

export interface DeliveryEvents {
  /** Nobody watched this record, and it failed. The batch's bytes are only there during the call. */
  onUnwatched(batch: Batch, index: number, error: KafkaError): void
  /** A callback threw, or its promise rejected. */
  onCallbackFailed(error: unknown, batch: Batch): void
  /** Counts. */
  onAcknowledged(batch: Batch): void
  onFailed(batch: Batch, error: KafkaError): void
}

/**
 * Tells every record of a batch its result, once: callbacks in the order of the sends, then futures, then flush. What belongs
 * to the user is called through `UserCalls`: while the thread is blocked it has to wait, though the results are there.
 */
export class Deliveries {
  readonly #accumulator: Accumulator
  readonly #events: DeliveryEvents
  readonly #calls: UserCalls

  constructor(accumulator: Accumulator, events: DeliveryEvents) {
    this.#accumulator = accumulator
    this.#events = events
    this.#calls = accumulator.calls
  }

  /** The batch is in the log, or (acks=0) on its way there without an answer: then `baseOffset` is −1. */
  acknowledge(batch: Batch, baseOffset: bigint, logAppendTimeMs: number): void {
    batch.move('settled')
    batch.baseOffset = baseOffset
    batch.logAppendTimeMs = logAppendTimeMs
    this.#events.onAcknowledged(batch)
    if (batch.hasRecordListeners) settleListeners(batch, () => null)
    this.#tellFrom(batch, batch.listeners, 0, undefined)
    this.#end(batch)
  }

  /** No record of the batch was acknowledged. `errors` holds what is particular to single records. */
  fail(batch: Batch, error: KafkaError, errors?: Map<number, KafkaError>): void {
    batch.move('settled')
    batch.error = error
    batch.errors = errors
    this.#events.onFailed(batch, error)
    const { listeners, takenBack } = batch
    const errorOf = (index: number) => errors?.get(index) ?? error
    for (let index = 0; index < listeners.length; index++) {
      const listener = listeners[index]
      const isWatched = typeof listener === 'object' ? listener.watched : listener !== undefined
      if (!isWatched && !takenBack?.has(index)) this.#events.onUnwatched(batch, index, errorOf(index))
    }
    if (batch.hasRecordListeners) settleListeners(batch, errorOf)
    this.#tellFrom(batch, listeners, 0, errorOf)
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

  /** Calls whoever is to be called, from a record on; all of the rest later, where calls have to wait. */
  #tellFrom(
    batch: Batch,
    listeners: readonly Listener[],
    from: number,
    errorOf: ((index: number) => KafkaError) | undefined,
  ): void {
    const { takenBack } = batch
    for (let index = from; index < listeners.length; index++) {
      const listener = listeners[index]
      if (listener === undefined || listener === true || takenBack?.has(index)) continue
      if (!this.#calls.isOpen) {
        this.#calls.run(() => {
          for (let later = index; later < listeners.length; later++) {
            const own = listeners[later]
            if (own !== undefined && own !== true && !takenBack?.has(later)) this.#tell(batch, own, later, errorOf)
          }
        })
        return
      }
      this.#tell(batch, listener, index, errorOf)
    }
  }

  #tell(
    batch: Batch,
    listener: Exclude<Listener, true | undefined>,
    index: number,
    errorOf: ((index: number) => KafkaError) | undefined,
  ): void {
    try {
      let returned: unknown
      if (typeof listener === 'object') returned = listener.tell()
      else
        returned = errorOf === undefined ? listener(null, batch.metadataAt(index)) : listener(errorOf(index), undefined)
      if (returned instanceof Promise) returned.catch(reason => this.#events.onCallbackFailed(reason, batch))
    } catch (thrown) {
      this.#events.onCallbackFailed(thrown, batch)
    }
  }

  #end(batch: Batch): void {
    batch.listeners = []
    this.#accumulator.live.remove(batch)
    if (this.#calls.isOpen) batch.announceSettled()
    else this.#calls.run(() => batch.announceSettled()) // behind the callbacks that wait
    const { waiters } = batch
    batch.waiters = undefined
    if (waiters !== undefined) for (const waiter of waiters) waiter.batchSettled()
    this.#accumulator.release(batch)
  }
}

/** Objects learn their results first, all of them: a callback may block on a record of its own batch. */
function settleListeners(batch: Batch, errorOf: (index: number) => KafkaError | null): void {
  const { listeners, takenBack } = batch
  for (let index = 0; index < listeners.length; index++) {
    const listener = listeners[index]
    if (typeof listener !== 'object' || takenBack?.has(index)) continue
    const error = errorOf(index)
    listener.settled(error, error === null ? batch.metadataAt(index) : undefined)
  }
}

/** What a throwing callback is reported as. */
export const callbackError = (thrown: unknown, what: string): KafkaError =>
  new KafkaError('CALLBACK_FAILED', `${what} threw; the record itself is not affected`, { cause: thrown })
