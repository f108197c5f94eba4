import type { Writable } from 'node:stream'
import { ClosedError, KafkaError, TimeoutError } from '../base/errors/index.ts'
import { seededRandom } from '../base/random.ts'
import { software } from '../base/software.ts'
import { type Clock, systemClock } from '../base/time/clock.ts'
import type { RecordListener } from '../client/accumulator/batch.ts'
import { callbackError } from '../client/accumulator/deliveries.ts'
import { MemoryBudget } from '../client/accumulator/memory-budget.ts'
import { ProducerMeters } from '../client/metrics/meters.ts'
import type { ProducerMetricName } from '../client/metrics/metric-table.ts'
import { type ProducerMetrics, readMetrics } from '../client/metrics/producer-metrics.ts'
import { attempt, type OperationFuture, RecordFuture } from '../client/producer/future.ts'
import type { ResolvedOptions } from '../client/producer/options.ts'
import { ProducerEmitter } from '../client/producer/producer-emitter.ts'
import { Room } from '../client/producer/room.ts'
import { runTransaction, type TransactionPart, transactionIsOver } from '../client/producer/run-transaction.ts'
import { sendEach } from '../client/producer/send-all.ts'
import { SettledWaiter } from '../client/producer/settled-waiter.ts'
import type {
  ConsumedOffset,
  ConsumerGroupMetadata,
  Transaction,
  TransactionalProducer,
} from '../client/producer/transactions.ts'
import type {
  AnyTopic,
  Future,
  PartitionInfo,
  Producer,
  ProducerState,
  RecordOf,
  SendCallback,
  SendOptions,
  WaitOptions,
  WritableOptions,
} from '../client/producer/types.ts'
import { bound, checkTimeout } from '../client/producer/waits.ts'
import { RecordWritable } from '../client/producer/writable.ts'
import type { RecordMetadata } from '../client/record/record-metadata.ts'
import { topicNameProblem } from '../client/record/topic-name.ts'
import { operation } from './mock-operation.ts'
import { type MockProducerOptions, resolveMockOptions } from './mock-options.ts'
import type { MockRecord } from './mock-record.ts'
import { MockReports } from './mock-reports.ts'
import { MockSends } from './mock-sends.ts'
import { MockTopics } from './mock-topics.ts'
import { MockTransactionCalls } from './mock-transaction-calls.ts'
import { fenced, type GroupOffsets, MockTransactions } from './mock-transactions.ts'

/** A record as a consumer would read it back: the fields that the embedded broker's `records()` gives as well. */
export interface MockStoredRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** In order, repeats kept. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
}

/**
 * A producer that sends nothing: for unit tests of code that is given a `Producer`. It takes records as the real one does
 * (checks, interceptors, serializers, partitioner), keeps them, and acknowledges them, at once or when the test says so.
 *
 * @source MockProducer.java of Kafka's clients
 */
export class MockProducer<Topics = AnyTopic> extends ProducerEmitter implements TransactionalProducer<Topics> {
  /** Whether records are acknowledged at once. It may be changed; what is open then stays open. */
  autoComplete: boolean
  /** What `send` fails with; undefined: it goes well. The same for the other methods, below. */
  sendException: KafkaError | undefined
  flushException: KafkaError | undefined
  partitionsForException: KafkaError | undefined
  connectException: KafkaError | undefined
  /** The producer stays open. */
  closeException: KafkaError | undefined
  initTransactionException: KafkaError | undefined
  /** Thrown: `beginTransaction` gives no future. */
  beginTransactionException: KafkaError | undefined
  sendOffsetsToTransactionException: KafkaError | undefined
  /** The transaction stays open. */
  commitTransactionException: KafkaError | undefined
  /** The transaction stays open. */
  abortTransactionException: KafkaError | undefined
  readonly #clock: Clock
  readonly #topics: MockTopics
  readonly #transactions = new MockTransactions()
  readonly #sends: MockSends
  readonly #calls: MockTransactionCalls
  readonly #meters: ProducerMeters
  readonly #reports: MockReports
  readonly #options: ResolvedOptions
  readonly #budget: MemoryBudget
  readonly #room: Room
  #isCrowded = false
  readonly #metrics: Partial<Record<ProducerMetricName, number>> = {}
  #state: ProducerState = 'open'
  #closing: OperationFuture<void> | undefined
  #clientInstanceId: string | undefined

  /** @throws ConfigError with every wrong option */
  constructor(given: MockProducerOptions<Topics> = {}) {
    super()
    const { own, options } = resolveMockOptions(given as unknown as MockProducerOptions<never>)
    this.autoComplete = own.autoComplete
    this.#clock = own.clock ?? systemClock
    this.#options = options
    const windows = { samples: options.metricsNumSamples, windowMs: options.metricsSampleWindowMs }
    this.#meters = new ProducerMeters(this.#clock, windows, options.batchSize)
    this.#reports = new MockReports(this, this.#meters)
    this.#topics = new MockTopics(own.topics, options, seededRandom(own.seed))
    this.#budget = new MemoryBudget(options.bufferMemory)
    this.#room = new Room(this.#budget, () => this.#isCrowded, this.#clock)
    this.#sends = new MockSends({
      options,
      clock: this.#clock,
      topics: this.#topics,
      transactions: this.#transactions,
      meters: this.#meters,
      isAutomatic: () => this.autoComplete,
      reports: this.#reports,
    })
    this.#calls = new MockTransactionCalls({
      transactions: this.#transactions,
      clock: this.#clock,
      exceptions: this,
      checkOpen: () => this.#checkOpen(),
      flush: waiter => this.#sends.flush(waiter),
      committed: records => void this.#sends.history.push(...records),
    })
  }

  // ---- what the code under test calls

  send(record: RecordOf<Topics>, callback: SendCallback): void
  send(record: RecordOf<Topics>, options: SendOptions, callback: SendCallback): void
  send(record: RecordOf<Topics>, options?: SendOptions): Future<RecordMetadata>
  send(
    record: RecordOf<Topics>,
    second?: SendOptions | SendCallback,
    third?: SendCallback,
  ): Future<RecordMetadata> | undefined {
    return this.#send(record, second, third)
  }

  #send(record: unknown, second?: SendOptions | SendCallback, third?: SendCallback, part?: TransactionPart) {
    const callback = typeof second === 'function' ? second : third
    const options = second === callback ? undefined : (second as SendOptions | undefined)
    const source = this.#take(record, options, callback, part)
    return callback === undefined ? new RecordFuture(source, 0) : undefined
  }

  #take(
    record: unknown,
    options: SendOptions | undefined,
    listener: SendCallback | RecordListener | undefined,
    part: TransactionPart | undefined,
  ) {
    const signal = typeof options === 'object' && options !== null ? options.signal : undefined
    return this.#sends.take(record, signal, listener, () => {
      if (part?.isOver) throw transactionIsOver('not-written')
      if (this.#state !== 'open')
        throw new ClosedError(`the producer is ${this.#state}: this record was not sent`, 'not-written')
      this.#transactions.checkSend()
      if (this.sendException !== undefined) throw this.sendException
    })
  }

  sendAll(records: Iterable<RecordOf<Topics>>, options?: SendOptions): Future<RecordMetadata[]> {
    return this.#sendAll(records, options)
  }

  #sendAll(records: Iterable<unknown>, options?: SendOptions, part?: TransactionPart): Future<RecordMetadata[]> {
    const all = operation<RecordMetadata[]>('sendAll')
    sendEach(records, (record, listener) => void this.#take(record, options, listener, part), all)
    return all
  }

  writable(options: WritableOptions<Topics> = {}): Writable {
    return new RecordWritable(this as unknown as Producer, options.topic)
  }

  get hasRoom(): boolean {
    return this.#room.isThere
  }

  room(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(new ClosedError(`the producer is ${this.#state}`))
    return this.#room.wait(options.signal)
  }

  /** Completes every open record successfully. */
  flush(options: WaitOptions = {}): Future<void> {
    const flush = operation<void>('flush')
    attempt(flush, () => {
      checkTimeout(options.timeoutMs)
      if (this.flushException !== undefined) throw this.flushException
      this.#flushInto(flush, options)
    })
    return flush
  }

  #flushInto(flush: OperationFuture<void>, options: WaitOptions): void {
    const waiter = new SettledWaiter(() => flush.resolve())
    this.#sends.flush(waiter)
    const timedOut = () =>
      new TimeoutError(`flush: ${waiter.left} records are still open after ${options.timeoutMs} ms`)
    bound(flush, this.#clock, options, timedOut)
  }

  /** Completes every open record, drops what an open transaction holds, and refuses whatever comes then. */
  close(options: { timeoutMs?: number } = {}): Future<void> {
    if (this.#closing !== undefined) return this.#closing
    const closing = operation<void>('close')
    attempt(closing, () => {
      checkTimeout(options.timeoutMs)
      if (this.closeException !== undefined) throw this.closeException
      this.#closing = closing
      this.#state = 'closing'
      const flush = operation<void>('close')
      this.#flushInto(flush, options)
      flush.whenSettled(() => {
        const message = 'the producer was closed before this record was acknowledged'
        this.#sends.failAll(outcome => new ClosedError(message, outcome))
        if (this.#transactions.isInFlight) this.#transactions.abort()
        this.#room.close()
        this.#state = 'closed'
        this.#sends.close()
        closing.resolve()
      })
    })
    return closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  connect(options: WaitOptions = {}): Future<void> {
    const connect = operation<void>('connect')
    attempt(connect, () => {
      checkTimeout(options.timeoutMs)
      this.#checkOpen()
      if (this.connectException !== undefined) throw this.connectException
      connect.resolve()
    })
    return connect
  }

  partitionsFor(topic: keyof Topics & string): Future<PartitionInfo[]> {
    const known = operation<PartitionInfo[]>('partitionsFor')
    attempt(known, () => {
      this.#checkOpen()
      if (this.partitionsForException !== undefined) throw this.partitionsForException
      const problem = topicNameProblem(topic)
      if (problem !== undefined) throw new KafkaError('INVALID_TOPIC', problem)
      known.resolve(this.#topics.partitionInfos(topic))
    })
    return known
  }

  /** What `setClientInstanceId` has set; without it `TELEMETRY_DISABLED`: no broker has given an id. */
  clientInstanceId(options: WaitOptions = {}): Future<string> {
    const id = operation<string>('clientInstanceId')
    attempt(id, () => {
      checkTimeout(options.timeoutMs)
      this.#checkOpen()
      if (this.#clientInstanceId === undefined)
        throw new KafkaError('TELEMETRY_DISABLED', 'the mock producer has no id for telemetry: setClientInstanceId(id)')
      id.resolve(this.#clientInstanceId)
    })
    return id
  }

  /** The real one's names, with what the mock has counted, and with what `setMetric` has set. */
  metrics(): ProducerMetrics {
    const { clientId, metadataMaxIdleMs: maxIdleMs } = this.#options
    return readMetrics(
      {
        meters: this.#meters,
        clientId,
        version: software.version,
        now: this.#clock.now(),
        maxIdleMs,
        bufferTotalBytes: this.#budget.totalBytes,
        bufferFreeBytes: this.#budget.freeBytes,
        requestsInFlight: 0,
        waitingRecords: [...this.#sends.unsettled()].filter(({ state }) => state !== 'open').length,
        waitingForMemory: 0,
        metadataAgeMs: undefined,
      },
      this.#metrics,
    )
  }

  get state(): ProducerState {
    return this.#state
  }

  #checkOpen(): void {
    if (this.#state !== 'open') throw new ClosedError(`the producer is ${this.#state}`)
  }

  // ---- transactions

  initTransactions(options: WaitOptions = {}): Future<void> {
    return this.#calls.init(options)
  }

  beginTransaction(): void {
    this.#calls.begin()
  }

  sendOffsetsToTransaction(offsets: Iterable<ConsumedOffset>, group: ConsumerGroupMetadata): Future<void> {
    return this.#calls.sendOffsets(offsets, group)
  }

  /** Completes what is open, and puts the transaction's records into the history. */
  commitTransaction(options: WaitOptions = {}): Future<void> {
    return this.#calls.commit(options)
  }

  /** Completes what is open, and drops the transaction's records and offsets. */
  abortTransaction(options: WaitOptions = {}): Future<void> {
    return this.#calls.abort(options)
  }

  transaction<R>(
    work: (transaction: Transaction<Topics>) => R | PromiseLike<R>,
    options: WaitOptions = {},
  ): Promise<R> {
    const transactionOf = (part: TransactionPart): Transaction<Topics> => ({
      send: (record: unknown, second?: SendOptions | SendCallback, third?: SendCallback) =>
        this.#send(record, second, third, part) as never,
      sendAll: (records, own) => this.#sendAll(records, own, part),
      sendOffsets: (offsets, group) => this.#calls.sendOffsets(offsets, group, part),
    })
    return runTransaction(part => work(transactionOf(part)), options, {
      clock: this.#clock,
      init: () => {
        // Of a mock it has settled: no turn of the event loop lies between it and the beginning.
        if (!this.transactionInitialized) this.initTransactions().get()
        return undefined
      },
      begin: () => this.beginTransaction(),
      commit: () => this.commitTransaction(),
      abort: () => this.abortTransaction(),
      mayAbort: () => this.transactionInFlight,
      failed: error => this.#reports.error(error),
    })
  }

  // ---- what the test calls

  /** The records that were sent since the last `clear()`, as they were given; those of a transaction once it is committed. */
  history(): RecordOf<Topics>[] {
    return asGiven<Topics>(this.#sends.history)
  }

  /** The records of the transaction that is open. */
  uncommittedRecords(): RecordOf<Topics>[] {
    return asGiven<Topics>(this.#transactions.records)
  }

  /** What a consumer would read: acknowledged records with their offsets, serialized, in the order in which they were sent. */
  records(topic?: keyof Topics & string, partition?: number): MockStoredRecord[] {
    return this.#sends.history
      .filter(record => record.isAcknowledged)
      .filter(record => topic === undefined || record.topic === topic)
      .filter(record => partition === undefined || record.partition === partition)
      .map(({ topic, partition, position: offset, timestamp, key, value, headers }) => ({
        topic,
        partition,
        offset,
        timestamp,
        key,
        value,
        headers,
      }))
  }

  /** The offsets of each transaction that was committed with some, oldest first. */
  consumerGroupOffsetsHistory(): GroupOffsets[] {
    return [...this.#transactions.offsetsHistory]
  }

  /** The offsets of the transaction that is open. */
  uncommittedOffsets(): GroupOffsets {
    return this.#transactions.uncommittedOffsets
  }

  /** Forgets everything sent. Records that are open fail: nobody could complete them any more. Offsets count on. */
  clear(): void {
    this.#sends.failAll(outcome => new ClosedError('the history of the mock producer was cleared', outcome))
    this.#sends.history = []
    this.#transactions.clear()
  }

  /** Acknowledges the oldest open record, and calls its callback. False where none is open. */
  completeNext(): boolean {
    return this.#sends.complete(null)
  }

  /** Fails the oldest open record, and calls its callback. It stays in the history; in the log it would not be. */
  errorNext(error: KafkaError): boolean {
    return this.#sends.complete(error)
  }

  /** What `hasRoom` says and `room()` waits for: true in the beginning. */
  setRoom(isThere: boolean): void {
    this.#isCrowded = !isThere
    this.#room.look()
  }

  /** What `clientInstanceId()` gives from now on; undefined: telemetry is disabled, as in the beginning. */
  setClientInstanceId(id: string | undefined): void {
    this.#clientInstanceId = id
  }

  /** Puts a number among the metrics. */
  setMetric(name: ProducerMetricName, value: number): void {
    this.#metrics[name] = value
  }

  /**
   * As if another producer had begun with this one's transactional id: what is open fails, and so does every call from now on
   * but `close`.
   *
   * @throws KafkaError `CLOSED`, or `INVALID_TXN_STATE` before `initTransactions`
   */
  fenceProducer(): void {
    this.#checkOpen()
    this.#transactions.fence()
    this.#sends.failAll(outcome => fenced(outcome))
  }

  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** Whether nothing is open. */
  get flushed(): boolean {
    return this.#sends.isFlushed
  }

  get transactionInitialized(): boolean {
    return this.#transactions.isInitialized
  }

  get transactionInFlight(): boolean {
    return this.#transactions.isInFlight
  }

  /** Whether the last transaction that began was committed. */
  get transactionCommitted(): boolean {
    return this.#transactions.lastEnd === 'committed'
  }

  /** Whether the last transaction that began was aborted. */
  get transactionAborted(): boolean {
    return this.#transactions.lastEnd === 'aborted'
  }

  /** Transactions that were committed. */
  get commitCount(): number {
    return this.#transactions.commitCount
  }

  /** Whether offsets were sent to the last transaction that began. */
  get sentOffsets(): boolean {
    return this.#transactions.sentOffsets
  }

  /** A listener's promise rejected. One that belongs to `error` has nobody left to tell. */
  [Symbol.for('nodejs.rejection')](reason: unknown, event: string): void {
    if (event !== 'error') this.#reports.error(callbackError(reason, `a listener of '${event}'`))
  }
}

const asGiven = <Topics>(records: readonly MockRecord[]) => records.map(({ given }) => given as RecordOf<Topics>)
