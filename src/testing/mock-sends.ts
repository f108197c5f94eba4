import { AbortedError, InvalidRecordError, KafkaError, MetadataTimeoutError } from '../base/errors/index.ts'
import { Fifo } from '../base/fifo.ts'
import type { Clock } from '../base/time/clock.ts'
import type { RecordListener } from '../client/accumulator/batch.ts'
import { callbackError } from '../client/accumulator/deliveries.ts'
import type { ProducerMeters } from '../client/metrics/meters.ts'
import { areSendsTraced, type SendTrace, SendTraces } from '../client/observer/send-trace.ts'
import { checkSignal, fieldsOf, lengthOf, topicOf } from '../client/producer/given-record.ts'
import type { InterceptedRecord } from '../client/producer/intercepted-record.ts'
import type { ResolvedOptions } from '../client/producer/options.ts'
import {
  batchFramingBytes,
  encodedSizeOf,
  RecordIntake,
  recordFramingBytes,
  type SerializedRecord,
  type TakenRecord,
  thrownText,
} from '../client/producer/record-intake.ts'
import { RefusedRecord } from '../client/producer/refused-record.ts'
import type { SettledWaiter } from '../client/producer/settled-waiter.ts'
import type { SendCallback, Undelivered } from '../client/producer/types.ts'
import { type GivenRecord, undeliveredFromGiven } from '../client/producer/undelivered.ts'
import { UnwatchedFailures } from '../client/producer/unwatched.ts'
import { MockRecord } from './mock-record.ts'
import type { MockReports } from './mock-reports.ts'
import type { MockTopics } from './mock-topics.ts'
import type { MockTransactions } from './mock-transactions.ts'

type Listener = SendCallback | RecordListener | undefined

export interface MockSendsParts {
  readonly options: ResolvedOptions
  readonly clock: Clock
  readonly topics: MockTopics
  readonly transactions: MockTransactions
  readonly meters: ProducerMeters
  isAutomatic(): boolean
  readonly reports: MockReports
}

/** A wait that only the blocked thread itself could end. */
const cannotBlock = (message: string) => new KafkaError('BLOCKING_REFUSED', message, { outcome: 'unknown' })

const blocker = {
  blockOnRecord(source: object): void {
    throw cannotBlock(
      (source as MockRecord).state === 'open'
        ? 'nobody can complete this record while the thread is blocked: call completeNext() or errorNext(error) first, or use autoComplete'
        : 'an asynchronous serializer has not answered yet, and cannot while its thread is blocked: await the future instead',
    )
  },
}

/**
 * The way of a record through a mock producer: taken and serialized as by the real one, then kept until it is completed. User
 * code (callbacks, interceptors) is called when the producer's method has returned, or from within `completeNext` and the like.
 */
export class MockSends {
  /** What was sent, without what was refused, and without what is in a transaction that is still open. */
  history: MockRecord[] = []
  readonly #parts: MockSendsParts
  readonly #intake: RecordIntake
  readonly #traces: SendTraces
  readonly #unwatched: UnwatchedFailures
  /** Per topic: records that wait for a serializer, and those behind them. */
  readonly #lines = new Map<string, Fifo<MockRecord>>()
  /** To be completed, oldest first. Those that were taken back are settled already. */
  readonly #open = new Fifo<MockRecord>()
  /** Settled; their callbacks have not been called. */
  readonly #untold = new Fifo<{ record: MockRecord | RefusedRecord; report: Undelivered | undefined }>()
  #isTelling = false

  constructor(parts: MockSendsParts) {
    this.#parts = parts
    this.#intake = new RecordIntake(parts.options, parts.clock, error => parts.reports.error(error))
    this.#traces = new SendTraces(parts.options.clientId, parts.clock)
    this.#unwatched = new UnwatchedFailures(parts.clock, report => parts.reports.undelivered(report))
  }

  /** `check` throws where nothing may be sent at all. */
  take(given: unknown, signal: AbortSignal | undefined, listener: Listener, check: () => void) {
    try {
      check()
    } catch (error) {
      return this.#refuse(
        { ...fieldsOf(given), topic: topicOf(given) },
        error as KafkaError,
        listener,
        this.#intake.begin(),
      )
    }
    const sent = this.#intake.begin()
    let taken: TakenRecord | undefined
    let trace: SendTrace | undefined
    try {
      if (signal !== undefined) checkSignal(signal)
      if (signal?.aborted)
        throw new AbortedError('the record was taken back before it was sent', 'not-written', signal.reason)
      taken = this.#intake.take(given, sent)
      if (areSendsTraced()) {
        trace = this.#traces.start(taken)
        taken = { ...taken, pairs: trace.headers }
      }
      const { partition } = taken
      if (partition !== undefined && !this.#parts.topics.has(taken.topic, partition))
        throw new MetadataTimeoutError(
          `${taken.topic} has no partition ${partition}; the real producer would wait maxBlockMs (${this.#parts.options.maxBlockMs} ms) for it`,
        )
      const record = new MockRecord(given, taken, listener, sent, blocker, this.#parts.transactions.isInFlight)
      record.trace = trace
      const own = taken
      const serialize = () => this.#intake.serialize(own)
      const serialized = trace === undefined ? serialize() : trace.inScope(serialize)
      if (!(serialized instanceof Promise)) this.#serialized(record, serialized)
      this.#lineOf(record.topic).push(record)
      this.#drain(record.topic)
      if (serialized instanceof Promise) this.#await(record, serialized)
      if (signal !== undefined && record.state !== 'settled') this.#watchSignal(record, signal)
      return record
    } catch (thrown) {
      const error =
        thrown instanceof KafkaError
          ? thrown
          : new InvalidRecordError('INVALID_RECORD', `the record cannot be read: ${thrownText(thrown)}`, thrown)
      return this.#refuse(taken ?? { ...fieldsOf(given), topic: topicOf(given) }, error, listener, sent, trace)
    } finally {
      if (trace !== undefined) this.#traces.end(trace)
    }
  }

  #serialized(record: MockRecord, result: SerializedRecord): void {
    this.#intake.checkSize(record.topic, batchFramingBytes + encodedSizeOf(result))
    record.serialized(result)
  }

  #await(record: MockRecord, serialized: Promise<SerializedRecord>): void {
    const settledAlready = () => record.state === 'settled'
    serialized
      .then(result => {
        if (!settledAlready()) this.#serialized(record, result)
      })
      .catch(thrown => {
        if (!settledAlready()) this.#settle(record, this.#intake.serializationError(record.topic, thrown))
      })
      .then(() => this.#drain(record.topic))
  }

  #lineOf(topic: string): Fifo<MockRecord> {
    let line = this.#lines.get(topic)
    if (line === undefined) {
      line = new Fifo()
      this.#lines.set(topic, line)
    }
    return line
  }

  /** As far as serializers have answered, in the order of the calls. */
  #drain(topic: string): void {
    const line = this.#lineOf(topic)
    while (line.first !== undefined && line.first.state !== 'serializing') {
      const record = line.shift()!
      if (record.state === 'waiting') this.#place(record)
    }
    if (line.length === 0) this.#lines.delete(topic)
  }

  #place(record: MockRecord): void {
    const { transactions, clock } = this.#parts
    try {
      record.placedIn(record.askedPartition ?? this.#choose(record))
    } catch (error) {
      this.#settle(record, error as KafkaError)
      return
    }
    record.trace?.placed(record.partition)
    if (record.timestamp < 0) record.timestamp = clock.wallTime()
    record.move('open')
    if (record.isTransactional) transactions.records.push(record)
    else this.history.push(record)
    this.#countSent(record)
    if (this.#parts.isAutomatic() || record.waiters.length > 0) this.#settle(record, null)
    else this.#open.push(record)
  }

  #countSent(record: MockRecord): void {
    const { meters, clock } = this.#parts
    const now = clock.now()
    const meter = meters.topic(record.topic)
    meter.lastUsedAt = now
    for (const { recordsSent } of [meters, meter]) recordsSent.record(1, now)
  }

  #choose(record: MockRecord): number {
    const { topics } = this.#parts
    const { key } = record
    const own = this.#intake.partitionFor(key, topics.of(record.topic))
    return own ?? topics.choose(record.topic, key, recordFramingBytes + lengthOf(record.bytes.value))
  }

  #watchSignal(record: MockRecord, signal: AbortSignal): void {
    const onAbort = () => {
      const isBack = record.state !== 'open'
      const error = isBack
        ? new AbortedError('the record was taken back before it was on the wire', 'not-written', signal.reason)
        : new AbortedError('the wait was aborted, but the record is on the wire', 'unknown', signal.reason)
      this.#settle(record, error)
      this.#drain(record.topic)
    }
    record.onSettled = () => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
  }

  // ---- completion

  /** The oldest open record; false where there is none. `error`: what it fails with. */
  complete(error: KafkaError | null): boolean {
    for (let record = this.#open.shift(); record !== undefined; record = this.#open.shift()) {
      if (record.state === 'settled') continue
      this.#settle(record, error)
      this.tell()
      return true
    }
    return false
  }

  get isFlushed(): boolean {
    return this.unsettled().next().done === true
  }

  *unsettled(): Generator<MockRecord> {
    for (const record of this.#open) if (record.state !== 'settled') yield record
    for (const line of this.#lines.values()) for (const record of line) if (record.state !== 'settled') yield record
  }

  /** Completes what is open now, and what waits for a serializer as soon as it has answered. */
  flush(waiter: SettledWaiter): void {
    waiter.add(1) // itself, so that it is not done before all are counted
    for (const record of this.unsettled()) {
      record.waiters.push(waiter)
      waiter.add(1)
    }
    for (const record of this.#open) if (record.state !== 'settled') this.#settle(record, null)
    while (this.#open.length > 0) this.#open.shift()
    waiter.batchSettled()
  }

  /** The producer has closed: results first, then the interceptors are told. */
  close(): void {
    this.tell()
    this.#intake.close()
  }

  /** Whatever is unsettled fails: with `unknown` where it had been sent. */
  failAll(errorOf: (outcome: 'not-written' | 'unknown') => KafkaError): void {
    for (const record of [...this.unsettled()])
      this.#settle(record, errorOf(record.state === 'open' ? 'unknown' : 'not-written'))
    while (this.#open.length > 0) this.#open.shift()
    this.#lines.clear()
  }

  #settle(record: MockRecord, error: KafkaError | null): void {
    const { options, topics, meters, transactions, clock } = this.#parts
    const isAcknowledged = error === null
    const offset = isAcknowledged ? topics.of(record.topic).nextOffset(record.partition) : -1n
    record.settle(error, options.acks === 0 ? -1n : offset)
    record.position = offset
    const meter = meters.topics.get(record.topic)
    if (isAcknowledged) meters.acknowledged({ writtenCount: 1, createdAt: clock.now(), queue: { meter } })
    else {
      meters.failed(1, error, meter)
      if (record.isTransactional) transactions.recordFailed(error)
    }
    this.#queueTold(record, error, isAcknowledged ? undefined : reportable(record))
  }

  #refuse(
    given: GivenRecord,
    error: KafkaError,
    listener: Listener,
    sent: InterceptedRecord | undefined,
    trace?: SendTrace,
  ): RefusedRecord {
    if (sent !== undefined) sent.topic = given.topic
    const record = new RefusedRecord(given.topic, error, listener, sent)
    record.trace = trace ?? this.#traces.refused(given)
    record.settled()
    this.#parts.meters.failed(1, error, this.#parts.meters.topics.get(given.topic))
    if (this.#parts.transactions.isInFlight) this.#parts.transactions.recordFailed(error)
    this.#queueTold(record, error, given)
    return record
  }

  #queueTold(record: MockRecord | RefusedRecord, error: KafkaError | null, given: GivenRecord | undefined): void {
    // Made now: when the call has returned, the caller's bytes may change.
    const isHeard = error !== null && !record.watched && this.#parts.reports.isUndeliveredHeard
    const report = isHeard ? undeliveredFromGiven(given!, error) : undefined
    if (this.#untold.length === 0) queueMicrotask(() => this.tell())
    this.#untold.push({ record, report })
  }

  /** Calls the callbacks that are due, in the order in which the records were settled. */
  tell(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) {
      const { record, report } = next
      const failed = (thrown: unknown) =>
        this.#parts.reports.error(callbackError(thrown, `a callback for a record of ${record.topic}`))
      try {
        const returned = record.tell()
        if (returned instanceof Promise) returned.catch(failed)
      } catch (thrown) {
        failed(thrown)
      }
      if (record.errorAt() !== undefined && !record.watched)
        this.#unwatched.add({ batch: undefined, index: 0, parked: record, report })
    }
    this.#isTelling = false
  }
}

const reportable = (record: MockRecord): GivenRecord => {
  const { topic, partition, timestamp, known } = record
  return { topic, partition, timestamp, key: known.key, value: known.value, pairs: known.pairs }
}
