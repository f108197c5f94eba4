import { AbortedError, KafkaError, TimeoutError } from '../../base/errors/index.ts'
import { servedPorts } from '../../base/served-ports.ts'
import type { SteppableClock } from '../../base/time/steppable-clock.ts'
import type { Accumulator } from '../accumulator/accumulator.ts'
import type { Batch } from '../accumulator/batch.ts'
import type { Blocker, BlockOptions } from '../accumulator/blocker.ts'
import type { Lane, PartitionQueue } from '../accumulator/partition-queue.ts'
import type { Courier } from '../courier/courier.ts'
import type { IdentitySource } from '../exactly-once/identity-source.ts'
import type { ProducerMeters } from '../metrics/meters.ts'
import type { Sender } from '../sender/sender.ts'
import type { Settlement } from '../sender/settlement.ts'
import type { Lobby } from './lobby.ts'
import { ParkedRecord } from './parked-record.ts'
import type { TopicState } from './topic-state.ts'
import { checkTimeout } from './waits.ts'

/** What a blocked thread waits for. */
interface Awaited {
  readonly isSettled: boolean
  /** Sees to it that the wait can end, before each sleep; gives an error where it cannot. */
  press(): KafkaError | undefined
  timedOut(timeoutMs: number): KafkaError
  aborted(reason: unknown): KafkaError
}

export interface BlockerParts {
  readonly clock: SteppableClock
  readonly courier: Courier
  readonly accumulator: Accumulator
  readonly settlement: Settlement
  /** undefined: without idempotence. */
  readonly identity: IdentitySource | undefined
  readonly lobby: Lobby
  readonly senders: ReadonlyMap<number, Sender>
  readonly topics: ReadonlyMap<string, TopicState>
  readonly meters: ProducerMeters
  /** Where the cluster's brokers are, as far as known. */
  addresses(): Iterable<{ readonly host: string; readonly port: number }>
}

/**
 * Blocks the thread until something has settled. While it is blocked none of the user's code runs and no socket of this thread
 * is read; the producer goes on all the same: its timers are stepped by hand, and its requests go by the courier's connections.
 *
 * Batches that are on their way by this thread's own connections are handed over: sent once more, under the same sequence. The
 * broker recognises whichever copy comes second, and the answer to the first is dropped when it is read at last. Without
 * idempotence no broker would recognise them, so they stay where they are, and who waits for them is told that it cannot be.
 */
export class ThreadBlocker implements Blocker {
  readonly #parts: BlockerParts
  #lane: Lane = 'own'
  #isBlocked = false
  /** The user's serializers, interceptors or partitioner are running. */
  #inUserCode = 0

  constructor(parts: BlockerParts) {
    this.#parts = parts
  }

  /** By which connections requests go now. */
  get lane(): Lane {
    return this.#lane
  }

  get isBlocked(): boolean {
    return this.#isBlocked
  }

  /** Runs code of the user's that may not block the thread, because the producer is in the midst of something. */
  duringUserCode<T>(run: () => T): T {
    this.#inUserCode++
    try {
      return run()
    } finally {
      this.#inUserCode--
    }
  }

  blockOnRecord(source: object, index: number, options: BlockOptions | undefined): void {
    this.#block(new AwaitedRecord(source as Batch | ParkedRecord, index, this.#parts), options)
  }

  /** `press` sees to it that the operation moves on; by default all records that are under way do. */
  blockOnOperation(
    name: string,
    isSettled: () => boolean,
    options: BlockOptions | undefined,
    press?: (courier: Courier) => void,
  ): void {
    const { courier } = this.#parts
    const everything = press === undefined ? new AwaitedEverything(this.#parts) : undefined
    this.#block(
      {
        get isSettled() {
          return isSettled()
        },
        press: () => (everything === undefined ? void press!(courier) : everything.press()),
        timedOut: timeoutMs => new TimeoutError(`${name}: not done after ${timeoutMs} ms; it goes on`),
        aborted: reason => new AbortedError('the wait was aborted', undefined, reason),
      },
      options,
    )
  }

  #block(awaited: Awaited, { timeoutMs, signal }: BlockOptions = {}): void {
    checkTimeout(timeoutMs)
    if (this.#inUserCode > 0 || this.#isBlocked)
      throw new KafkaError(
        'BLOCKING_REFUSED',
        'a serializer, interceptor or partitioner may not block the thread: the producer waits for what it gives',
        { outcome: 'unknown' },
      )
    const { clock, courier, accumulator, meters } = this.#parts
    this.#refuseOwnBroker()
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + timeoutMs
    courier.start()
    const blockedAt = clock.now()
    this.#enter()
    try {
      for (;;) {
        if (awaited.isSettled) return
        const refusal = awaited.press() ?? courier.failure
        if (refusal !== undefined) throw refusal
        const hasCome = courier.deliver()
        const hasRun = clock.step()
        if (awaited.isSettled) return
        const now = clock.now()
        if (signal?.aborted) throw awaited.aborted(signal.reason)
        if (now >= deadline) throw awaited.timedOut(timeoutMs!)
        if (hasCome || hasRun) continue
        if (!courier.isRunning && clock.nextAt === Number.POSITIVE_INFINITY) throw nothingWillCome()
        courier.wait(Math.min(deadline, clock.nextAt, now + longestSleepMs) - now)
      }
    } finally {
      this.#leave()
      meters.blockedMs += clock.now() - blockedAt
      accumulator.calls.release()
    }
  }

  #enter(): void {
    const { accumulator, identity, senders } = this.#parts
    this.#isBlocked = true
    this.#lane = 'courier'
    accumulator.calls.hold()
    accumulator.isBlocked = true
    identity?.handOver()
    for (const sender of senders.values()) sender.hurry()
  }

  /** Back to this thread's connections; without idempotence the courier's stay in use, so that nothing ever has to change them again. */
  #leave(): void {
    const { accumulator, identity, senders } = this.#parts
    this.#isBlocked = false
    accumulator.isBlocked = false
    if (identity !== undefined) this.#lane = 'own'
    identity?.takeBack()
    for (const sender of senders.values()) sender.wake()
  }

  #refuseOwnBroker(): void {
    if (servedPorts.size === 0) return
    for (const { host, port } of this.#parts.addresses())
      if (servedPorts.has(port) && isHere(host))
        throw new KafkaError(
          'BLOCKING_REFUSED',
          `the broker at ${host}:${port} runs in this very thread, and would be blocked with it: start it in another one (startBrokerInThread of ottla/testing), or as a process (npx ottla broker)`,
          { outcome: 'unknown' },
        )
  }
}

/** Nothing is ever missed by sleeping long; it bounds what a lost wake-up would cost. */
const longestSleepMs = 1_000

const isHere = (host: string) => host === 'localhost' || host === '::1' || /^127\./.test(host)

/** One record: its batch moves, and what must come before it. */
class AwaitedRecord implements Awaited {
  #source: Batch | ParkedRecord
  #index: number
  readonly #parts: BlockerParts
  #everything: AwaitedEverything | undefined
  #isTopicWanted = false

  constructor(source: Batch | ParkedRecord, index: number, parts: BlockerParts) {
    this.#source = source
    this.#index = index
    this.#parts = parts
  }

  get isSettled(): boolean {
    return this.#source.isSettledAt(this.#index)
  }

  press(): KafkaError | undefined {
    const batch = this.#batch()
    return batch === undefined ? this.#pressParked(this.#source as ParkedRecord) : this.#pressQueue(batch.queue)
  }

  /** The batch that the record is in by now. */
  #batch(): Batch | undefined {
    let source = this.#source
    let index = this.#index
    if (source instanceof ParkedRecord) {
      if (source.batch === undefined) return undefined
      index = source.index
      source = source.batch
    }
    for (let parts = source.parts; parts !== undefined; parts = source.parts) {
      const part = parts[index]!
      source = part.batch
      index = part.index
    }
    return source
  }

  #pressParked(parked: ParkedRecord): KafkaError | undefined {
    const { lobby, topics, courier } = this.#parts
    const topic = topics.get(parked.topic)
    if (topic !== undefined && lobby.isBehindSerializer(parked, topic)) return serializerIsDue(parked.topic)
    if (!this.#isTopicWanted) courier.want(parked.topic)
    this.#isTopicWanted = true
    if (parked.charge !== 'line') return undefined
    // Memory comes back with whatever batch settles.
    this.#everything ??= new AwaitedEverything(this.#parts)
    return this.#everything.press()
  }

  #pressQueue(queue: PartitionQueue): KafkaError | undefined {
    const { courier, identity } = this.#parts
    courier.keep(queue.topic)
    for (const batch of [...queue.waiting]) this.#parts.accumulator.finishCompression(batch)
    if (!isOnOwnConnections(queue)) return undefined
    if (identity === undefined) return cannotHandOver(queue)
    this.#parts.settlement.handOver(queue)
    return undefined
  }

  timedOut(timeoutMs: number): KafkaError {
    const batch = this.#batch()
    const where = batch?.queue.name ?? (this.#source as ParkedRecord).topic
    const cause = batch?.lastError ?? this.#parts.courier.lastProblem
    const last = cause === undefined ? '' : `; last: ${cause.message}`
    return new TimeoutError(
      `no acknowledgement for ${where} after ${timeoutMs} ms of waiting; the record is still under way, and may be written later${last}`,
      { outcome: 'unknown', cause },
    )
  }

  aborted(reason: unknown): KafkaError {
    return new AbortedError('the wait was aborted; the record is still under way', 'unknown', reason)
  }
}

/** All that is under way. */
class AwaitedEverything {
  readonly #parts: BlockerParts
  #isHandedOver = false

  constructor(parts: BlockerParts) {
    this.#parts = parts
  }

  press(): KafkaError | undefined {
    const { lobby, accumulator } = this.#parts
    if (!this.#isHandedOver) this.#handOver()
    if (lobby.count > 0 && !lobby.isStuckOnSerializers) return undefined
    // What is left may be such as this thread alone could see to.
    let stuck: PartitionQueue | undefined
    for (const batch of accumulator.live) {
      if (!this.#isStuck(batch)) return undefined
      stuck = batch.queue
    }
    if (stuck !== undefined) return cannotHandOver(stuck)
    for (const topic of lobby.topics) return serializerIsDue(topic.name)
    return undefined
  }

  #handOver(): void {
    this.#isHandedOver = true
    const { accumulator, settlement, identity, courier, lobby } = this.#parts
    for (const topic of lobby.topics) courier.want(topic.name)
    const queues = new Set<PartitionQueue>()
    for (const batch of accumulator.live) queues.add(batch.queue)
    for (const queue of queues) {
      courier.keep(queue.topic)
      for (const batch of [...queue.waiting]) accumulator.finishCompression(batch)
      if (identity !== undefined && isOnOwnConnections(queue)) settlement.handOver(queue)
    }
  }

  #isStuck({ queue }: Batch): boolean {
    return this.#parts.identity === undefined && isOnOwnConnections(queue)
  }
}

const isOnOwnConnections = (queue: PartitionQueue) => queue.inFlight.length > 0 && queue.inFlightLane === 'own'

const serializerIsDue = (topic: string) =>
  new KafkaError(
    'BLOCKING_REFUSED',
    `an asynchronous serializer for ${topic} has not answered yet, and cannot while its thread is blocked: await the future instead`,
    { outcome: 'unknown' },
  )

/** Rather than sleep for ever: the producer was closed, and what is waited for ends in a promise. */
const nothingWillCome = () =>
  new KafkaError(
    'BLOCKING_REFUSED',
    'nothing that a blocked thread could learn of will end this wait: await it instead',
  )

const cannotHandOver = (queue: PartitionQueue) =>
  new KafkaError(
    'BLOCKING_REFUSED',
    `records of ${queue.name} are on the wire already, and without idempotence they cannot be sent by another connection without the risk of writing them twice: await the future, set enableIdempotence: true, or block on connect() before the first send`,
    { outcome: 'unknown' },
  )
