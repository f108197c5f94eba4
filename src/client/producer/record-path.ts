import { AbortedError, ClosedError, InvalidRecordError, KafkaError } from '../../base/errors/index.ts'
import { InvariantError, invariant } from '../../base/invariant.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { Accumulator } from '../accumulator/accumulator.ts'
import { Batch, type RecordListener } from '../accumulator/batch.ts'
import { callbackError } from '../accumulator/deliveries.ts'
import { recordOverheadBytes } from '../accumulator/memory-budget.ts'
import { writeUtf8 } from '../accumulator/write-utf8.ts'
import type { Transactions } from '../exactly-once/transactions.ts'
import type { ProducerMeters } from '../metrics/meters.ts'
import type { ProducerObserver } from '../observer/observer.ts'
import { areSendsTraced, type SendTrace, SendTraces } from '../observer/send-trace.ts'
import { encodeHeaders } from '../record/headers.ts'
import { checkSignal, fieldsOf, headersIfRight, isBytes, lengthOf, topicOf } from './given-record.ts'
import type { InterceptedRecord } from './intercepted-record.ts'
import type { Lobby } from './lobby.ts'
import type { ResolvedOptions } from './options.ts'
import { ParkedRecord } from './parked-record.ts'
import {
  batchFramingBytes,
  encodedSizeOf,
  isTimestamp,
  type RecordIntake,
  recordFramingBytes,
  type TakenRecord,
  thrownText,
} from './record-intake.ts'
import { RefusedRecord } from './refused-record.ts'
import type { Room } from './room.ts'
import type { ThreadBlocker } from './thread-blocker.ts'
import type { TopicState } from './topic-state.ts'
import type { ProducerState, SendCallback, SendOptions } from './types.ts'
import { type GivenRecord, undeliveredFromGiven } from './undelivered.ts'
import type { UnwatchedFailures } from './unwatched.ts'

export interface RecordPathParts {
  readonly options: ResolvedOptions
  readonly clock: Clock
  readonly accumulator: Accumulator
  readonly intake: RecordIntake
  readonly lobby: Lobby
  readonly room: Room
  readonly blocker: ThreadBlocker
  readonly topics: Map<string, TopicState>
  /** undefined: without transactions. */
  readonly transactions: Transactions | undefined
  readonly meters: ProducerMeters
  readonly observers: ProducerObserver
  readonly unwatched: UnwatchedFailures
  state(): ProducerState
  /** The topic's state, made where there is none yet; it is asked for. */
  stateOf(topic: string): TopicState
  /** Nothing lingers any more: somebody waits for memory. */
  hurry(): void
  refreshMetadata(reason: string): void
  /** Whether somebody listens to `undelivered`. */
  isUndeliveredHeard(): boolean
  /** A record that was in no batch has failed. */
  onFailed(topic: string, error: KafkaError): void
  report(error: KafkaError): void
}

const noKey = new Uint8Array(0)

/**
 * A record's way from the call into its batch (stations 1 to 4 of ARCHITECTURE.md): the short one, straight into the batch, or the
 * long one through checks, serializers and the lobby. And what becomes of records that never come into one.
 */
export class RecordPath {
  readonly #parts: RecordPathParts
  readonly #options: ResolvedOptions
  readonly #clock: Clock
  readonly #accumulator: Accumulator
  readonly #intake: RecordIntake
  readonly #lobby: Lobby
  readonly #room: Room
  readonly #blocker: ThreadBlocker
  readonly #topics: Map<string, TopicState>
  readonly #transactions: Transactions | undefined
  readonly #traces: SendTraces
  /** Until the producer is closed. */
  isOpen = true
  #keyScratch = Buffer.allocUnsafe(1024)
  #lastTopic: TopicState | undefined
  /** Calls of this turn that got nowhere: one list for all, since a loop that never waits makes millions of them. */
  #refused: RefusedRecord[] = []

  constructor(parts: RecordPathParts) {
    this.#parts = parts
    this.#options = parts.options
    this.#clock = parts.clock
    this.#accumulator = parts.accumulator
    this.#intake = parts.intake
    this.#lobby = parts.lobby
    this.#room = parts.room
    this.#blocker = parts.blocker
    this.#topics = parts.topics
    this.#transactions = parts.transactions
    this.#traces = new SendTraces(parts.options.clientId, parts.clock, run => parts.blocker.duringUserCode(run))
  }

  /** Where the record's result will be; in a batch the record is the last one now. */
  take(
    record: unknown,
    options: SendOptions | undefined,
    listener: SendCallback | RecordListener | undefined,
  ): Batch | ParkedRecord | RefusedRecord {
    const transactions = this.#transactions
    if (transactions !== undefined && this.isOpen && !transactions.takesRecords)
      return this.refuseRecord(record, transactions.refusal('send'), listener)
    let given = record
    if (this.#intake.isDirect && this.isOpen && options === undefined && !areSendsTraced()) {
      try {
        given = this.#sendDirect(record, listener)
      } catch (thrown) {
        if (thrown instanceof InvariantError) throw thrown
        return this.#refuse({ topic: '' }, thrown, listener, undefined)
      }
      if (given instanceof Batch) return given
    }
    const signal = typeof options === 'object' && options !== null ? options.signal : undefined
    return this.#sendParked(given, signal, listener)
  }

  /**
   * The short way: straight into the batch, when nothing has to be waited for. Where the long way is needed, be it only to
   * say properly what is wrong, nothing is done, and the record is given back: its fields, which are read only once.
   */
  #sendDirect(record: unknown, listener: SendCallback | RecordListener | undefined): unknown {
    if (typeof record !== 'object' || record === null) return record
    const { topic, key, value, partition, headers, timestamp } = record as Record<string, unknown>
    const batch = this.#appendDirect(topic, key, value, partition, headers, timestamp, listener)
    return batch ?? { topic, key, value, partition, headers, timestamp }
  }

  #appendDirect(
    topic: unknown,
    key: unknown,
    value: unknown,
    partition: unknown,
    headers: unknown,
    timestamp: unknown,
    listener: SendCallback | RecordListener | undefined,
  ): Batch | undefined {
    let state = this.#lastTopic
    if (state === undefined || state.name !== topic) {
      state = this.#topics.get(topic as string)
      if (state === undefined || !state.isKnown) return undefined
      this.#lastTopic = state
    }
    if (state.lobby.length > 0 || state.misfits.length > 0 || this.#lobby.hasLine) return undefined

    let time: number
    if (timestamp === undefined) time = this.#clock.wallTime()
    else if (isTimestamp(timestamp)) time = timestamp
    else return undefined

    let valueLength = 0
    if (typeof value === 'string') valueLength = value.length
    else if (isBytes(value)) valueLength = value.length
    else if (value !== null && value !== undefined) return undefined

    let keyBytes = noKey as Uint8Array
    let keyLength = -1
    if (typeof key === 'string') {
      const most = key.length * 3
      if (most > this.#keyScratch.length) {
        if (most > this.#options.maxRequestSize) return undefined
        this.#keyScratch = Buffer.allocUnsafe(most)
      }
      keyBytes = this.#keyScratch
      keyLength = writeUtf8(this.#keyScratch, key, 0, this.#keyScratch.length)
    } else if (isBytes(key)) {
      keyBytes = key
      keyLength = key.length
    } else if (key !== null && key !== undefined) return undefined

    let headerBytes: Uint8Array | undefined
    if (headers !== undefined) {
      headerBytes = headersIfRight(headers)
      if (headerBytes === undefined) return undefined
    }

    // A string may take three bytes a character: those that might be too large go the long way, which counts.
    const valueMost = valueLength * (typeof value === 'string' ? 3 : 1)
    const most = batchFramingBytes + recordFramingBytes + keyLength + valueMost + (headerBytes?.length ?? 0)
    const { budget } = this.#accumulator
    if (most > this.#options.maxRequestSize || most + recordOverheadBytes > budget.freeBytes) return undefined

    let chosen: number
    if (partition === undefined) chosen = state.partitioner.choose(keyBytes, keyLength, state)
    else if (typeof partition === 'number' && state.queues[partition] !== undefined) chosen = partition
    else return undefined

    const batch = this.#accumulator.append(
      state.queues[chosen]!,
      keyBytes,
      keyLength,
      (value ?? null) as string | Uint8Array | null,
      headerBytes,
      time,
      listener,
    )
    const bytes = recordFramingBytes + valueLength
    if (partition === undefined && this.#ignoresKey(keyLength)) state.partitioner.appended(chosen, bytes, state)
    this.#room.took(bytes)
    return batch
  }

  /** Whether the partitioner chose without looking at the key: then it counts what it placed. */
  #ignoresKey(keyLength: number): boolean {
    return keyLength < 0 || this.#options.partitionerIgnoreKeys
  }

  /** The long way: checks, interceptors, serializers, memory, metadata; each may mean to wait. */
  #sendParked(
    record: unknown,
    signal: AbortSignal | undefined,
    listener: SendCallback | RecordListener | undefined,
  ): ParkedRecord | RefusedRecord {
    const calledAt = this.#clock.now()
    const sent = this.#intake.begin()
    let taken: TakenRecord
    try {
      if (!this.isOpen)
        throw new ClosedError(`the producer is ${this.#parts.state()}: this record was not sent`, 'not-written')
      if (signal !== undefined) checkSignal(signal)
      if (signal?.aborted)
        throw new AbortedError('the record was taken back before it was sent', 'not-written', signal.reason)
      taken = this.#blocker.duringUserCode(() => this.#intake.take(record, sent))
    } catch (thrown) {
      return this.refuseRecord(record, thrown, listener, sent)
    }
    return areSendsTraced()
      ? this.#parkTraced(taken, calledAt, signal, listener, sent)
      : this.#park(taken, calledAt, signal, listener, sent, undefined)
  }

  #parkTraced(
    taken: TakenRecord,
    calledAt: number,
    signal: AbortSignal | undefined,
    listener: SendCallback | RecordListener | undefined,
    sent: InterceptedRecord | undefined,
  ): ParkedRecord | RefusedRecord {
    const trace = this.#traces.start(taken)
    const ours = { ...taken, pairs: trace.headers }
    const parked = trace.inScope(() => this.#park(ours, calledAt, signal, listener, sent, trace))
    this.#traces.end(trace)
    return parked
  }

  #park(
    taken: TakenRecord,
    calledAt: number,
    signal: AbortSignal | undefined,
    listener: SendCallback | RecordListener | undefined,
    sent: InterceptedRecord | undefined,
    trace: SendTrace | undefined,
  ): ParkedRecord | RefusedRecord {
    let parked: ParkedRecord | undefined
    try {
      const leastBytes = recordOverheadBytes + recordFramingBytes + this.#intake.leastBytes(taken)
      if (this.#lobby.hasNoRoomFor(leastBytes)) throw this.#lobby.lineIsFull()
      const { topic, partition, timestamp = -1 } = taken
      parked = new ParkedRecord(topic, partition, timestamp, calledAt, listener, this.#blocker)
      parked.intercepted = sent
      parked.trace = trace
      const state = this.#parts.stateOf(topic)
      this.#serialize(parked, state, taken)
      if (!parked.isSettled && signal !== undefined) this.#watchSignal(parked, state, signal)
      return parked
    } catch (thrown) {
      if (parked !== undefined) this.#lobby.uncharge(parked)
      return this.#refuse(taken, thrown, listener, sent, trace)
    }
  }

  /** The same of a record as it was given. */
  refuseRecord(
    record: unknown,
    error: unknown,
    listener: SendCallback | RecordListener | undefined,
    sent = this.#intake.begin(),
  ): RefusedRecord {
    return this.#refuse({ ...fieldsOf(record), topic: topicOf(record) }, error, listener, sent)
  }

  /** A call that never got anywhere: its error is told after the call has returned, as every result is. */
  #refuse(
    given: GivenRecord,
    thrown: unknown,
    listener: SendCallback | RecordListener | undefined,
    sent: InterceptedRecord | undefined,
    trace?: SendTrace,
  ): RefusedRecord {
    if (sent !== undefined) sent.topic = given.topic
    const error =
      thrown instanceof KafkaError
        ? thrown
        : new InvalidRecordError('INVALID_RECORD', `the record cannot be read: ${thrownText(thrown)}`, thrown)
    this.#failTransaction(error, given.topic)
    const state = this.#topics.get(given.topic)
    if (state !== undefined && !state.isKnown && state.lobby.length === 0) this.#topics.delete(given.topic)
    const record = new RefusedRecord(given.topic, error, listener, sent)
    // Made now: when the call has returned, the caller's bytes may change.
    const isHeard = !record.watched && this.#parts.isUndeliveredHeard()
    if (isHeard) record.report = undeliveredFromGiven(given, error)
    record.trace = trace ?? this.#traces.refused(given)
    record.settled()
    if (this.#refused.length === 0) queueMicrotask(() => this.tellRefused())
    this.#refused.push(record)
    return record
  }

  /** The producer has closed, and all results are told. */
  close(): void {
    if (this.#options.interceptors.length > 0) this.#accumulator.calls.run(() => this.#intake.close())
  }

  tellRefused(): void {
    const refused = this.#refused
    this.#refused = []
    for (const record of refused) {
      this.#parts.meters.failed(1, record.errorAt(), this.#topics.get(record.topic)?.meter)
      this.#parts.observers.recordFailed(record.topic, record.errorAt())
      this.#accumulator.calls.run(() => this.#tell(record, record.topic))
      if (!record.watched)
        this.#parts.unwatched.add({ batch: undefined, index: 0, parked: record, report: record.report })
    }
  }

  /** Calls the callback of a record that is in no batch. */
  #tell(record: RecordListener, topic: string): void {
    const failed = (thrown: unknown) => this.#parts.report(callbackError(thrown, `a callback for a record of ${topic}`))
    try {
      const returned = record.tell()
      if (returned instanceof Promise) returned.catch(failed)
    } catch (thrown) {
      failed(thrown)
    }
  }

  #serialize(parked: ParkedRecord, state: TopicState, taken: ReturnType<RecordIntake['take']>): void {
    const serialized = this.#blocker.duringUserCode(() => this.#intake.serialize(taken))
    if (!(serialized instanceof Promise)) {
      parked.serialized(serialized.key, serialized.value, serialized.pairs)
      this.#admit(parked, state)
      return
    }
    // Charged with an estimate, so that a million slow serializers are bounded as well.
    this.#charge(parked, recordOverheadBytes + this.#intake.estimateBytes(taken))
    this.#lobby.park(parked, state)
    serialized.then(
      result => {
        if (parked.isSettled) return
        parked.serialized(result.key, result.value, result.pairs)
        try {
          this.#intake.checkSize(parked.topic, batchFramingBytes + encodedSizeOf(parked))
          this.#lobby.recharge(parked, encodedSizeOf(parked) + recordOverheadBytes)
        } catch (error) {
          this.fail(parked, error as KafkaError)
        }
        this.#lobby.drain(state)
      },
      error => {
        if (!parked.isSettled) this.fail(parked, this.#intake.serializationError(taken.topic, error))
        this.#lobby.drain(state)
      },
    )
  }

  /** A record whose bytes are known: into its batch if nothing is before it, else into the lobby. */
  #admit(parked: ParkedRecord, state: TopicState): void {
    this.#intake.checkSize(parked.topic, batchFramingBytes + encodedSizeOf(parked))
    this.#charge(parked, encodedSizeOf(parked) + recordOverheadBytes)
    this.#lobby.park(parked, state)
    this.#room.took(parked.chargedBytes)
    this.#lobby.drain(state)
    if (state.misfits.length > 0)
      this.#parts.refreshMetadata(`partition ${parked.partition} of ${state.name} is asked for`)
  }

  /** Whoever waits for memory waits for batches to leave: none of them lingers then. */
  #charge(parked: ParkedRecord, bytes: number): void {
    this.#lobby.charge(parked, bytes)
    if (parked.charge === 'line') this.#parts.hurry()
  }

  /** Into the batch. False where the partition is not there (yet). */
  place(parked: ParkedRecord, state: TopicState): boolean {
    const key = typeof parked.key === 'string' ? Buffer.from(parked.key) : parked.key
    const keyLength = key === null ? -1 : key.length
    let { partition } = parked
    try {
      if (partition === undefined)
        partition =
          this.#blocker.duringUserCode(() => this.#intake.partitionFor(key, state)) ??
          state.partitioner.choose(key ?? noKey, keyLength, state)
      else if (partition >= state.queues.length) return false
    } catch (thrown) {
      this.fail(parked, thrown as KafkaError)
      return true
    }
    const queue = state.queues[partition]
    invariant(queue !== undefined, 'a chosen partition exists')
    const time = parked.timestamp >= 0 ? parked.timestamp : this.#clock.wallTime()
    const headers = parked.pairs.length === 0 ? undefined : encodeHeaders(parked.pairs)
    if (parked.intercepted !== undefined) parked.intercepted.partition = partition
    parked.move('placed')
    parked.trace?.placed(partition)
    const batch = this.#accumulator.append(
      queue,
      key ?? noKey,
      keyLength,
      parked.value,
      headers,
      time,
      parked,
      parked.calledAt,
    )
    parked.batch = batch
    parked.index = batch.count - 1
    if (parked.waiters !== undefined) {
      batch.waiters = [...(batch.waiters ?? []), ...parked.waiters]
      parked.waiters = undefined
    }
    if (parked.partition === undefined && this.#ignoresKey(keyLength))
      state.partitioner.appended(partition, recordFramingBytes + lengthOf(parked.value), state)
    return true
  }

  /** A record of the transaction that is in no batch will not be written; unless it was taken back, or came at the wrong time. */
  #failTransaction(error: KafkaError, topic: string): void {
    const wasNotMeant = error instanceof AbortedError || error.code === 'INVALID_TXN_STATE'
    if (!wasNotMeant) this.#transactions?.recordFailed(error, topic)
  }

  fail(parked: ParkedRecord, error: KafkaError): void {
    if (parked.isSettled) return
    this.#failTransaction(error, parked.topic)
    const wasWaiting = parked.state !== 'placed'
    if (wasWaiting) this.#lobby.settled(parked)
    const isHeard = !parked.watched && this.#parts.isUndeliveredHeard()
    const report = isHeard ? undeliveredFromGiven(parked, error) : undefined
    this.#parts.meters.failed(1, error, this.#topics.get(parked.topic)?.meter)
    this.#parts.observers.recordFailed(parked.topic, error)
    this.#parts.onFailed(parked.topic, error)
    const { waiters } = parked
    parked.waiters = undefined
    parked.settled(error, undefined)
    this.#accumulator.calls.run(() => this.#tell(parked, parked.topic))
    for (const waiter of waiters ?? []) waiter.batchSettled()
    if (!parked.watched) this.#parts.unwatched.add({ batch: undefined, index: 0, parked, report })
  }

  #watchSignal(parked: ParkedRecord, state: TopicState, signal: AbortSignal): void {
    const onAbort = () => {
      if (parked.isSettled) return
      const { batch } = parked
      const isBack = batch === undefined || this.#accumulator.takeBack(batch, parked.index)
      const error = isBack
        ? new AbortedError('the record was taken back before it was on the wire', 'not-written', signal.reason)
        : new AbortedError('the wait was aborted, but the record is on the wire', 'unknown', signal.reason)
      this.fail(parked, error)
      this.#lobby.drain(state)
    }
    parked.onSettled = () => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
  }
}
