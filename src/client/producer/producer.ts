import type { Writable } from 'node:stream'
import {
  BrokerError,
  type BrokerErrorCode,
  ClosedError,
  KafkaError,
  type NetworkError,
  TimeoutError,
} from '../../base/errors/index.ts'
import type { Random } from '../../base/random.ts'
import { software } from '../../base/software.ts'
import { Backoff } from '../../base/time/backoff.ts'
import { type Clock, systemClock, type Timer } from '../../base/time/clock.ts'
import { SteppableClock } from '../../base/time/steppable-clock.ts'
import { loadCodecSync } from '../../wire/compression/index.ts'
import type { CallTarget } from '../../wire/network/index.ts'
import { type Api, apis, type Body, type Draft } from '../../wire/protocol/index.ts'
import { Accumulator } from '../accumulator/accumulator.ts'
import { Batch } from '../accumulator/batch.ts'
import { callbackError, Deliveries } from '../accumulator/deliveries.ts'
import type { PartitionQueue, ProducerIdentity } from '../accumulator/partition-queue.ts'
import { Cluster, type TopicMetadata } from '../cluster/index.ts'
import { Courier } from '../courier/courier.ts'
import type { AskedApi } from '../courier/messages.ts'
import { courierSettings } from '../courier/settings.ts'
import { Identity, type ProducerIdAnswer } from '../exactly-once/identity.ts'
import type { IdentitySource } from '../exactly-once/identity-source.ts'
import { Transactions } from '../exactly-once/transactions.ts'
import { ProducerMeters } from '../metrics/meters.ts'
import { type ProducerMetrics, readMetrics } from '../metrics/producer-metrics.ts'
import { Diagnostics } from '../observer/diagnostics.ts'
import { Observers } from '../observer/observer.ts'
import { ProducerLog } from '../observer/producer-log.ts'
import { topicPartitioner } from '../partitioners/partitioner.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import { topicNameProblem } from '../record/topic-name.ts'
import { Sender } from '../sender/sender.ts'
import { Settlement } from '../sender/settlement.ts'
import { TelemetryPush } from '../telemetry/telemetry-push.ts'
import { ExitFlush } from './exit-flush.ts'
import { OperationFuture, type OperationLinks, RecordFuture } from './future.ts'
import { clientInstanceId } from './instance-id.ts'
import { Lobby } from './lobby.ts'
import type { ResolvedOptions } from './options.ts'
import { ProducerEmitter } from './producer-emitter.ts'
import { RecordIntake } from './record-intake.ts'
import { RecordPath } from './record-path.ts'
import { Room } from './room.ts'
import { sendEach } from './send-all.ts'
import { SettledWaiter } from './settled-waiter.ts'
import { ThreadBlocker } from './thread-blocker.ts'
import { TopicState } from './topic-state.ts'
import { type Sends, TransactionCalls } from './transaction-calls.ts'
import type { ConsumedOffset, ConsumerGroupMetadata, Transaction, TransactionalProducer } from './transactions.ts'
import type {
  AnyTopic,
  Future,
  PartitionInfo,
  Producer,
  ProducerState,
  RecordOf,
  SendCallback,
  SendOptions,
  Undelivered,
  WaitOptions,
  WritableOptions,
} from './types.ts'
import { undeliveredFromBatch } from './undelivered.ts'
import { UnwatchedFailures } from './unwatched.ts'
import { bound, checkTimeout } from './waits.ts'
import { RecordWritable } from './writable.ts'

/** What a test may replace. */
export interface Surroundings {
  readonly clock?: Clock
  readonly random?: Random
}

/** The producer: the only file that knows every room. A record's way through it is described in ARCHITECTURE.md. */
export class KafkaProducer<Topics = AnyTopic> extends ProducerEmitter implements TransactionalProducer<Topics> {
  readonly #options: ResolvedOptions
  readonly #clock: SteppableClock
  readonly #random: Random
  readonly #cluster: Cluster
  readonly #accumulator: Accumulator
  readonly #deliveries: Deliveries
  readonly #identity: IdentitySource | undefined
  readonly #transactions: Transactions | undefined
  readonly #transactionCalls: TransactionCalls
  readonly #settlement: Settlement
  readonly #senders = new Map<number, Sender>()
  readonly #topics = new Map<string, TopicState>()
  readonly #lobby: Lobby
  readonly #room: Room
  readonly #path: RecordPath
  readonly #courier: Courier
  readonly #blocker: ThreadBlocker
  readonly #unwatched: UnwatchedFailures
  readonly #exitFlush: ExitFlush | undefined
  readonly #meters: ProducerMeters
  readonly #observers: Observers
  /** undefined: metrics are not pushed to brokers. */
  readonly #telemetry: TelemetryPush | undefined
  readonly #log: ProducerLog | undefined
  #state: ProducerState = 'open'
  #closing: OperationFuture<void> | undefined
  /** Ends the closing though sockets and thread are still on their way out; set once nothing else is left to do. */
  #endClosing: (() => void) | undefined
  /** Flushes under way: nothing waits for company meanwhile. */
  #flushes = 0
  #expiryTimer: Timer | undefined
  #toldIdentity: ProducerIdentity | undefined

  constructor(options: ResolvedOptions, surroundings: Surroundings = {}) {
    super()
    this.#options = options
    const { clock = systemClock, random = Math.random } = surroundings
    this.#clock = new SteppableClock(clock)
    this.#random = random
    this.#meters = new ProducerMeters(
      this.#clock,
      { samples: options.metricsNumSamples, windowMs: options.metricsSampleWindowMs },
      options.batchSize,
    )
    this.#log = this.#makeLog()
    this.#observers = new Observers([
      new Diagnostics(options.clientId, this.#clock, call => this.#accumulator.calls.later(call)),
      ...(this.#log ? [this.#log] : []),
    ])
    this.#cluster = new Cluster({
      ...options,
      clock,
      waitersClock: this.#clock,
      random,
      meters: this.#meters,
      onTopic: topic => this.#learnTopic(topic),
      onBrokerReady: brokerId => this.#brokerReady(brokerId),
      onConnected: (brokerId, remote) => this.#observers.connected(brokerId, remote),
      onError: (error, brokerId) => {
        if (brokerId === undefined) this.#observers.metadataFailed(error)
        else this.#observers.connectionFailed(brokerId, error)
        this.#report(error)
      },
      onAnswered: () => {
        this.#observers.metadataLearnt()
        this.#telemetry?.clusterAnswered()
      },
    })
    this.#courier = new Courier(
      courierSettings(options),
      {
        onPicture: (brokers, topics) => this.#cluster.adopt(brokers, topics),
        onBrokerReady: brokerId => this.#brokerReady(brokerId),
        onError: error => this.#report(error),
        meterOf: brokerId => this.#meters.broker(brokerId).traffic,
      },
      this.#clock,
    )
    this.#unwatched = new UnwatchedFailures(clock, report => this.#undelivered(report))
    this.#accumulator = new Accumulator({
      batchSize: options.batchSize,
      bufferMemory: options.bufferMemory,
      deliveryTimeoutMs: options.deliveryTimeoutMs,
      clock: this.#clock,
      codec: options.compressionType === 'none' ? undefined : loadCodecSync(options.compressionType),
      compressionLevel: compressionLevel(options),
      isTransactional: options.transactionalId !== undefined,
    })
    this.#deliveries = new Deliveries(this.#accumulator, {
      onUnwatched: (batch, index, error) => this.#nobodyWatched(batch, index, error),
      onCallbackFailed: (thrown, batch) =>
        this.#report(callbackError(thrown, `a callback for a record of ${batch.queue.name}`)),
      onAcknowledged: batch => {
        this.#meters.acknowledged(batch)
        this.#observers.batchAcknowledged(batch)
      },
      onFailed: (batch, error) => {
        this.#meters.failed(batch.writtenCount, error, batch.queue.meter)
        this.#observers.batchFailed(batch, error)
        this.#transactions?.recordFailed(error, batch.queue.name)
        this.#exitFlush?.failed(batch.topic, error, batch.writtenCount)
      },
    })
    this.#accumulator.deliveries = this.#deliveries
    this.#accumulator.onReady = (queue, isFull) => this.#ready(queue, isFull)
    // With nothing under way its timer is left to run out, and keeps no process alive meanwhile.
    this.#accumulator.live.onEmpty = () => this.#expiryTimer?.hold?.(false)
    this.#accumulator.onMemory = () => {
      this.#lobby.memoryFreed()
      this.#room.look()
    }
    const backoff = new Backoff(options.retryBackoffMs, options.retryBackoffMaxMs, random)
    const { transactionalId } = options
    if (transactionalId !== undefined)
      this.#identity = this.#transactions = new Transactions(
        { ...options, transactionalId, random, clock: this.#clock },
        {
          connectionTo: brokerId => this.#connectionTo(brokerId),
          introduce: (brokerId, address) => this.#cluster.introduce(brokerId, address),
          findCoordinator: (question, answered, failed) => this.#ask('findCoordinator', question, answered, failed),
        },
        {
          onMaySend: () => this.#mayNumber(),
          // Later: the batch whose failure this is has not told its own callbacks yet.
          onStopped: () => this.#clock.afterThis(() => this.#failUnsent()),
        },
      )
    else if (options.enableIdempotence)
      this.#identity = new Identity(
        (answered, failed) => this.#askProducerId(answered, failed),
        {
          onReady: () => this.#mayNumber(),
          onRefused: error => {
            for (const topic of this.#topics.values())
              for (const queue of topic.queues) this.#settlement.failWaiting(queue, error)
          },
        },
        backoff,
        this.#clock,
      )
    this.#settlement = new Settlement(
      this.#accumulator,
      this.#deliveries,
      this.#identity,
      this.#transactions,
      {
        refresh: reason => this.#refreshMetadata(reason),
        applyLeaderHint: (...hint) => void this.#cluster.applyLeaderHint(...hint),
        ready: (queue, isFull) => this.#ready(queue, isFull),
        brokerProblem: brokerId => this.#brokerProblem(brokerId)?.message,
      },
      this.#meters,
      this.#observers,
      this.#clock,
      backoff,
      options.retries,
    )
    this.#lobby = new Lobby(
      this.#accumulator.budget,
      {
        place: (record, topic) => this.#path.place(record, topic),
        fail: (record, error) => this.#path.fail(record, error),
        lineFormed: () => {
          for (const sender of this.#senders.values()) sender.hurry()
        },
        drained: () => this.#room.look(),
        forget: topic => void this.#topics.delete(topic.name),
        metadataProblem: topic =>
          this.#cluster.lastErrorOf(topic) ?? (this.#blocker.isBlocked ? this.#courier.lastProblem : undefined),
      },
      this.#clock,
      options.maxBlockMs,
      options.deliveryTimeoutMs,
      this.#meters,
    )
    this.#room = new Room(this.#accumulator.budget, () => this.#lobby.isCrowded, this.#clock)
    this.#blocker = new ThreadBlocker({
      clock: this.#clock,
      courier: this.#courier,
      accumulator: this.#accumulator,
      settlement: this.#settlement,
      identity: this.#identity,
      lobby: this.#lobby,
      senders: this.#senders,
      topics: this.#topics,
      meters: this.#meters,
      addresses: () => [...options.bootstrapServers, ...this.#cluster.brokers.values()],
    })
    this.#path = new RecordPath({
      options,
      clock: this.#clock,
      accumulator: this.#accumulator,
      intake: new RecordIntake(options, this.#clock, error => this.#report(error)),
      lobby: this.#lobby,
      room: this.#room,
      blocker: this.#blocker,
      topics: this.#topics,
      transactions: this.#transactions,
      meters: this.#meters,
      observers: this.#observers,
      unwatched: this.#unwatched,
      state: () => this.#state,
      stateOf: topic => this.#stateOf(topic),
      hurry: () => {
        for (const sender of this.#senders.values()) sender.hurry()
      },
      refreshMetadata: reason => this.#refreshMetadata(reason),
      isUndeliveredHeard: () => this.listenerCount('undelivered') > 0,
      onFailed: (topic, error) => this.#exitFlush?.failed(topic, error, 1),
      report: error => this.#report(error),
    })
    this.#transactionCalls = new TransactionCalls({
      transactions: this.#transactions,
      meters: this.#meters,
      observers: this.#observers,
      clock: this.#clock,
      maxBlockMs: options.maxBlockMs,
      state: () => this.#state,
      operation: name => this.#operation(name),
      flush: () => this.#flush({}),
      failUnsent: () => this.#failUnsent(),
      report: error => this.#report(error),
      sends: this as unknown as Sends,
      refuse: (record, error, listener) => this.#path.refuseRecord(record, error, listener),
    })
    if (options.enableMetricsPush)
      this.#telemetry = new TelemetryPush(
        { clock, random, transactionalId },
        {
          isSpoken: () => this.#cluster.speaks(apis.pushTelemetry.request),
          request: (api, body) => this.#cluster.requestApart(api, body),
          metrics: () => this.metrics(),
          onError: error => this.#report(error),
        },
      )
    if (options.flushOnExit)
      this.#exitFlush = new ExitFlush({ name: options.clientId, timeoutMs: options.flushOnExitTimeoutMs }, timeoutMs =>
        this.#flushAtExit(timeoutMs),
      )
  }

  #makeLog(): ProducerLog | undefined {
    const { logger, logLevel, clientId } = this.#options
    if (logger === undefined || logLevel === 'silent') return undefined
    return new ProducerLog(logger, logLevel, {
      clientId,
      clock: this.#clock,
      run: call => this.#accumulator.calls.run(call),
      onFailed: thrown => this.#report(callbackError(thrown, 'the logger')),
    })
  }

  // ---- sending

  send(record: RecordOf<Topics>, options?: SendOptions): Future<RecordMetadata>
  send(record: RecordOf<Topics>, callback: SendCallback): void
  send(record: RecordOf<Topics>, options: SendOptions, callback: SendCallback): void
  send(
    record: RecordOf<Topics>,
    second?: SendOptions | SendCallback,
    third?: SendCallback,
  ): Future<RecordMetadata> | undefined {
    const callback = typeof second === 'function' ? second : third
    const options = second === callback ? undefined : (second as SendOptions | undefined)
    const source = this.#path.take(record, options, callback)
    if (callback !== undefined) return undefined
    return new RecordFuture(source, source instanceof Batch ? source.count - 1 : 0)
  }

  sendAll(records: Iterable<RecordOf<Topics>>, options?: SendOptions): Future<RecordMetadata[]> {
    const all = this.#operation<RecordMetadata[]>('sendAll')
    const own = options?.signal === undefined ? undefined : options
    sendEach(records, (record, listener) => void this.#path.take(record, own, listener), all)
    return all
  }

  /** The future of an operation; `press` makes it move, once, when the thread is blocked on it. */
  #operation<T>(name: string, press?: (courier: Courier) => void): OperationFuture<T> {
    let isPressed = false
    const pressOnce = (courier: Courier) => {
      if (!isPressed) press?.(courier)
      isPressed = true
    }
    const links: OperationLinks = {
      block: (isSettled, options) => this.#blocker.blockOnOperation(name, isSettled, options, press && pressOnce),
      call: call => this.#accumulator.calls.run(call),
    }
    return new OperationFuture<T>(links)
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

  // ---- the cluster's news

  #senderFor(brokerId: number): Sender {
    let sender = this.#senders.get(brokerId)
    if (sender === undefined) {
      const blocker = this.#blocker
      const links = {
        get lane() {
          return blocker.lane
        },
        connectionTo: (id: number) => this.#connectionTo(id),
        topicIdOf: (topic: string) => this.#topics.get(topic)!.id,
        refresh: (reason: string) => this.#refreshMetadata(reason),
      }
      sender = new Sender(
        brokerId,
        this.#options,
        links,
        this.#accumulator,
        this.#identity,
        this.#transactions,
        this.#settlement,
        this.#meters,
        this.#observers,
        this.#clock,
      )
      this.#senders.set(brokerId, sender)
    }
    return sender
  }

  /** The open connection to a broker, by the way that requests go now. */
  #connectionTo(brokerId: number): CallTarget | undefined {
    return this.#blocker.lane === 'own'
      ? this.#cluster.connectionTo(brokerId)
      : this.#courier.connectionTo(brokerId, this.#cluster.brokers.get(brokerId))
  }

  #brokerReady(brokerId: number): void {
    this.#senders.get(brokerId)?.wake()
    this.#transactions?.brokerReady(brokerId)
  }

  /** A partition has something to send: its leader's sender is told. Without a leader the cluster is asked. */
  #ready(queue: PartitionQueue, isFull: boolean): void {
    this.#armExpiry()
    this.#cluster.want(queue.topic) // once a batch: a topic in use is not forgotten
    if (queue.leader < 0) {
      this.#refreshMetadata(`${queue.name} has no leader`)
      return
    }
    const sender = this.#senderFor(queue.leader)
    const hurry = this.#flushes > 0 || this.#lobby.hasLine || this.#blocker.isBlocked
    sender.add(queue, isFull)
    if (hurry) sender.hurry()
  }

  /** Asks the cluster again: by the courier as well, where this thread cannot read answers. */
  #refreshMetadata(reason: string): void {
    this.#cluster.refresh(reason)
    if (this.#blocker.isBlocked) this.#courier.refresh(reason)
  }

  #brokerProblem(brokerId: number): KafkaError | undefined {
    return this.#blocker.lane === 'own' ? this.#cluster.availability(brokerId).lastError : this.#courier.lastProblem
  }

  /** There is an identity, or partitions belong to the transaction. */
  #mayNumber(): void {
    const current = this.#identity?.current
    if (current !== undefined && current !== this.#toldIdentity)
      this.#observers.identified(current.producerId, current.producerEpoch)
    this.#toldIdentity = current
    this.#wakeAll()
  }

  #wakeAll(): void {
    for (const sender of this.#senders.values()) sender.wake()
  }

  #stateOf(topic: string): TopicState {
    let state = this.#topics.get(topic)
    if (state === undefined) {
      const partitioner = topicPartitioner({ ...this.#options, random: this.#random })
      state = new TopicState(
        topic,
        partitioner,
        leader => this.#senders.get(leader),
        this.#options.partitionerAvailabilityTimeoutMs,
        this.#clock,
        this.#blocker,
        () => this.#meters.topic(topic),
      )
      this.#topics.set(topic, state)
      const known = this.#cluster.topic(topic)
      // What the cluster has refused is asked for again, below: the record waits for that answer.
      if (known !== undefined && (known.error === undefined || known.error.retriable)) this.#learnTopic(known)
    }
    this.#cluster.want(topic)
    return state
  }

  #learnTopic(metadata: TopicMetadata): void {
    const state = this.#topics.get(metadata.name)
    if (state === undefined) return
    if (metadata.error !== undefined && !metadata.error.retriable) {
      const error = topicRefused(metadata.name, metadata.error)
      this.#lobby.failTopic(state, () => error)
      return
    }
    if (metadata.partitions.length === 0) return
    const isNew = !state.isKnown
    const isRecreated = state.id !== '' && metadata.id !== state.id && !isNew
    state.id = metadata.id
    state.growTo(metadata.partitions.length)
    state.availablePartitions = metadata.partitions.filter(own => own.leader >= 0).map(own => own.partition)
    for (const { partition, leader, leaderEpoch } of metadata.partitions) {
      const queue = state.queues[partition]!
      // A topic made anew has no memory of our sequence: numbers begin again under a newer epoch.
      if (isRecreated && queue.identity !== undefined) queue.hasGap = true
      if (queue.leader === leader && queue.leaderEpoch === leaderEpoch && !isRecreated) continue
      if (queue.leader !== leader) this.#observers.leaderChanged(metadata.name, partition, queue.leader, leader)
      queue.leader = leader
      queue.leaderEpoch = leaderEpoch
      queue.confirmed = false
      queue.retryAt = 0 // news of the leader ends the back-off (KIP-580)
      if (queue.waiting.length > 0 && leader >= 0) this.#ready(queue, true)
    }
    this.#lobby.drain(state)
  }

  #askProducerId(answered: (answer: ProducerIdAnswer) => void, failed: (error: unknown) => void): void {
    this.#ask('initProducerId', { transactionalId: null, transactionTimeoutMs: 2 ** 31 - 1 }, answered, failed)
  }

  /** A question that any broker may answer, by the way that requests go now. One of the two is called, later. */
  #ask<A extends AskedApi>(
    api: A,
    question: Draft<(typeof apis)[A]['request']>,
    answered: (answer: Body<(typeof apis)[A]['response']>) => void,
    failed: (error: unknown) => void,
  ): void {
    const { requestTimeoutMs: timeoutMs } = this.#options
    if (this.#blocker.isBlocked)
      this.#courier.ask(api, question, timeoutMs, answer => answered(answer as never), failed)
    else this.#cluster.request(apis[api] as Api, question as never, { timeoutMs }).then(answered as never, failed)
  }

  // ---- deadlines

  /** One timer for the deadlines of all batches: the list is in their order. */
  #armExpiry(): void {
    const first = this.#accumulator.live.first
    this.#expiryTimer?.hold?.(first !== undefined)
    if (this.#expiryTimer !== undefined || first === undefined) return
    this.#expiryTimer = this.#clock.schedule(() => {
      // After a stall of the loop, answers that are there already are read before anything is given up.
      this.#clock.atEndOfTurn(() =>
        this.#clock.atEndOfTurn(() => {
          this.#expiryTimer = undefined
          const now = this.#clock.now()
          for (const batch of this.#accumulator.live) {
            if (batch.deadline > now) break
            this.#settlement.expire(batch)
          }
          this.#armExpiry()
        }),
      )
    }, first.deadline - this.#clock.now())
  }

  // ---- what nobody watches

  #nobodyWatched(batch: Batch, index: number, error: KafkaError): void {
    batch.unwatchedFailures ??= new Set()
    batch.unwatchedFailures.add(index)
    const listener = batch.listeners[index]
    const parked = typeof listener === 'object' ? listener : undefined
    // The batch's bytes are there now only, and are read for a listener only.
    const report =
      this.listenerCount('undelivered') === 0 ? undefined : undeliveredFromBatch(this.#accumulator, batch, index, error)
    this.#unwatched.add({ batch, index, parked, report })
  }

  #undelivered(report: Undelivered | undefined): void {
    this.#meters.undelivered++
    if (report === undefined) return
    try {
      this.emit('undelivered', report)
    } catch (thrown) {
      this.#report(callbackError(thrown, "a listener of 'undelivered'"))
    }
  }

  /** What belongs to no record. Never thrown when nobody listens. */
  #report(error: KafkaError): void {
    this.#meters.reportedErrors++
    this.#observers.reported(error)
    if (this.listenerCount('error') === 0) return
    this.#accumulator.calls.run(() => {
      try {
        this.emit('error', error)
      } catch {
        // A listener that throws about an error has nobody left to tell.
      }
    })
  }

  /** A listener's promise rejected. One that belongs to `error` has nobody left to tell. */
  [Symbol.for('nodejs.rejection')](reason: unknown, event: string): void {
    if (event !== 'error') this.#report(callbackError(reason, `a listener of '${event}'`))
  }

  // ---- flush, close and the rest

  flush(options: WaitOptions = {}): Future<void> {
    const beganAt = this.#clock.now()
    const flush = this.#flush(options)
    flush.whenSettled(() => {
      this.#meters.flushMs += this.#clock.now() - beganAt
    })
    return flush
  }

  #flush(options: WaitOptions): OperationFuture<void> {
    const flush = this.#operation<void>('flush')
    try {
      checkTimeout(options.timeoutMs)
    } catch (error) {
      flush.reject(error)
      return flush
    }
    const waiter = new SettledWaiter(() => flush.resolve())
    waiter.add(this.#accumulator.live.watchAll(waiter))
    for (const parked of this.#lobby.records()) {
      parked.waiters = [...(parked.waiters ?? []), waiter]
      waiter.add(1)
    }
    waiter.check()
    const { timeoutMs } = options
    bound(
      flush,
      this.#clock,
      options,
      () => new TimeoutError(`flush: ${waiter.left} batches are still open after ${timeoutMs} ms`),
    )
    if (flush.settled) return flush
    this.#flushes++
    for (const sender of this.#senders.values()) sender.hurry()
    flush.whenSettled(() => {
      this.#flushes--
    })
    return flush
  }

  close(options: { timeoutMs?: number } = {}): Future<void> {
    if (this.#closing !== undefined) return this.#closing
    const { timeoutMs } = options
    try {
      checkTimeout(timeoutMs)
    } catch (error) {
      const refused = this.#operation<void>('close')
      refused.reject(error)
      return refused
    }
    const calledAt = this.#clock.now()
    const ending = this.#transactionCalls.endForClose(timeoutMs)
    this.#state = 'closing'
    this.#path.isOpen = false
    const closing = new OperationFuture<void>({
      block: (isSettled, waitOptions) => {
        // What is left by then ends in promises, which a blocked thread would wait for in vain.
        this.#telemetry?.abandon()
        if (this.#endClosing !== undefined) this.#endClosing()
        else this.#blocker.blockOnOperation('close', isSettled, waitOptions)
      },
      call: call => this.#accumulator.calls.run(call),
    })
    this.#closing = closing
    const flushAndEnd = () => {
      const leftMs = timeoutMs === undefined ? undefined : Math.max(0, timeoutMs - (this.#clock.now() - calledAt))
      const flush = this.#flush(leftMs === undefined ? {} : { timeoutMs: leftMs })
      flush.whenSettled(() => {
        if (flush.error !== undefined)
          this.#abandonAll(`the producer was closed before this record was acknowledged (close waited ${timeoutMs} ms)`)
        // The last batch is still being settled by whoever called.
        const leftMs = timeoutMs === undefined ? lastPushTimeoutMs : timeoutMs - (this.#clock.now() - calledAt)
        this.#clock.afterThis(() => this.#pushLast(leftMs, () => this.#shutDown(closing)))
      })
    }
    if (ending === undefined) flushAndEnd()
    else ending.whenSettled(flushAndEnd)
    return closing
  }

  /** What brokers want to know at last. A blocked thread would hear of no answer. */
  #pushLast(leftMs: number, done: () => void): void {
    if (this.#blocker.isBlocked) this.#telemetry?.abandon()
    if (this.#telemetry === undefined) done()
    else this.#telemetry.terminate(Math.min(leftMs, lastPushTimeoutMs), done)
  }

  /** The transaction goes no further: what is not on the wire fails. Callbacks hear of it in the order of the sends. */
  #failUnsent(): void {
    if (this.#transactions?.stoppedError('not-written') === undefined) return // another one has begun since
    this.#accumulator.calls.hold()
    this.#lobby.failAll(() => this.#transactions!.stoppedError('not-written')!)
    for (const batch of this.#accumulator.live) this.#settlement.failUnsent(batch)
    this.#accumulator.calls.release()
  }

  /** Every record that is still open fails, with what is known of it. */
  #abandonAll(message: string): void {
    this.#lobby.failAll(() => new ClosedError(message, 'not-written'))
    for (const batch of this.#accumulator.live) this.#settlement.abandonOnClose(batch, message)
  }

  #shutDown(closing: OperationFuture<void>): void {
    this.#exitFlush?.leave()
    for (const sender of this.#senders.values()) sender.close()
    this.#identity?.close()
    this.#lobby.close()
    this.#expiryTimer?.cancel()
    this.#endClosing = () => {
      this.#state = 'closed'
      this.#room.close()
      this.#path.close()
      this.#observers.closed()
      closing.resolve()
    }
    let left = 2
    const gone = () => {
      if (--left === 0) this.#endClosing?.()
    }
    // Of its own sockets and of a thread's end a blocked thread hears nothing; they end all the same.
    const unlessBlocked = (ended: Promise<unknown>) => {
      if (this.#blocker.isBlocked) gone()
      else void ended.then(gone)
    }
    this.#courier.close(() => unlessBlocked(this.#courier.ended))
    unlessBlocked(this.#cluster.close())
  }

  /** The process ends: delivers what is under way, as far as the time allows, and tells everybody what became of it. */
  #flushAtExit(timeoutMs: number): void {
    // A transaction that is open would keep its readers waiting until it times out.
    try {
      this.#transactionCalls.endForClose(timeoutMs)?.get({ timeoutMs })
    } catch (error) {
      this.#report(error as KafkaError)
    }
    const isEmpty = this.#accumulator.live.count === 0 && this.#lobby.count === 0
    if (!isEmpty) {
      try {
        this.#flush({}).get({ timeoutMs })
      } catch (error) {
        this.#abandonAll(`the process ended before this record was acknowledged: ${(error as Error).message}`)
      }
    }
    // No promise will have its turn again; callbacks and listeners have it now.
    this.#path.tellRefused()
    this.#log?.processEnds()
    this.#accumulator.calls.runWaiting()
    this.#unwatched.tell()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  connect(options: WaitOptions = {}): Future<void> {
    const connect = this.#operation<void>('connect', courier =>
      courier.warmUp(
        () => this.#whenIdentified(() => connect.resolve()),
        error => connect.reject(error),
      ),
    )
    try {
      checkTimeout(options.timeoutMs)
      if (this.#state !== 'open') throw new ClosedError(`the producer is ${this.#state}`)
    } catch (error) {
      connect.reject(error)
      return connect
    }
    bound(
      connect,
      this.#clock,
      options,
      () => new TimeoutError(`connect: no broker answered within ${options.timeoutMs} ms`),
    )
    this.#cluster.connect().then(
      () => connect.resolve(),
      (error: NetworkError) => connect.reject(error),
    )
    return connect
  }

  /** Asks for a producer id, so that the first send need not; that none is given is for the first send to tell. */
  #whenIdentified(done: () => void): void {
    const identity = this.#identity
    if (identity === undefined) done()
    else identity.prepare(done)
  }

  partitionsFor(topic: keyof Topics & string): Future<PartitionInfo[]> {
    const known = this.#operation<PartitionInfo[]>('partitionsFor', courier => courier.want(topic))
    const problem = topicNameProblem(topic)
    if (this.#state !== 'open') known.reject(new ClosedError(`the producer is ${this.#state}`))
    else if (problem !== undefined) known.reject(new KafkaError('INVALID_TOPIC', problem))
    else
      this.#cluster.whenTopicKnown(topic, this.#options.maxBlockMs, {
        resolve: metadata => known.resolve(partitionInfos(metadata)),
        reject: error => known.reject(error),
      })
    return known
  }

  // ---- transactions

  initTransactions(options: WaitOptions = {}): Future<void> {
    return this.#transactionCalls.init(options)
  }

  beginTransaction(): void {
    this.#transactionCalls.begin()
  }

  sendOffsetsToTransaction(offsets: Iterable<ConsumedOffset>, group: ConsumerGroupMetadata): Future<void> {
    return this.#transactionCalls.sendOffsets(offsets, group)
  }

  commitTransaction(options: WaitOptions = {}): Future<void> {
    return this.#transactionCalls.commit(options)
  }

  abortTransaction(options: WaitOptions = {}): Future<void> {
    return this.#transactionCalls.abort(options)
  }

  transaction<R>(
    work: (transaction: Transaction<Topics>) => R | PromiseLike<R>,
    options: WaitOptions = {},
  ): Promise<R> {
    return this.#transactionCalls.run(work, options)
  }

  metrics(): ProducerMetrics {
    const { totalBytes, freeBytes } = this.#accumulator.budget
    return readMetrics({
      meters: this.#meters,
      clientId: this.#options.clientId,
      version: software.version,
      now: this.#clock.now(),
      maxIdleMs: this.#options.metadataMaxIdleMs,
      bufferTotalBytes: totalBytes,
      bufferFreeBytes: freeBytes,
      requestsInFlight: [...this.#senders.values()].reduce((sum, sender) => sum + sender.requestsInFlight, 0),
      waitingRecords: this.#lobby.count,
      waitingForMemory: this.#lobby.lineLength,
      metadataAgeMs: this.#cluster.metadataAgeMs,
    })
  }

  clientInstanceId(options: WaitOptions = {}): Future<string> {
    const { maxBlockMs, requestTimeoutMs } = this.#options
    return clientInstanceId(
      {
        ...{ telemetry: this.#telemetry, clock: this.#clock, maxBlockMs, requestTimeoutMs, state: this.#state },
        operation: (name, press) => this.#operation<string>(name, press),
        connect: () => this.#cluster.connect(),
      },
      options,
    )
  }

  get state(): ProducerState {
    return this.#state
  }
}

/** How long closing may take because a broker does not answer to the last metrics. */
const lastPushTimeoutMs = 2000

function topicRefused(topic: string, code: BrokerErrorCode): KafkaError {
  return new BrokerError(code.name, code.code, `the cluster refuses topic ${topic}: ${code.name}`, {
    outcome: 'not-written',
  })
}

function compressionLevel(options: ResolvedOptions): number | undefined {
  switch (options.compressionType) {
    case 'gzip':
      return options.compressionGzipLevel
    case 'lz4':
      return options.compressionLz4Level
    case 'zstd':
      return options.compressionZstdLevel
    default:
      return undefined
  }
}

const partitionInfos = ({ name, partitions }: TopicMetadata): PartitionInfo[] =>
  partitions.map(({ partition, leader, replicas, inSyncReplicas }) => ({
    topic: name,
    partition,
    leader,
    replicas,
    inSyncReplicas,
  }))
