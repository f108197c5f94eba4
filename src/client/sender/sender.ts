import { type NetworkError, UnsupportedVersionError } from '../../base/errors/index.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import { believedThrottleMs } from '../../base/time/throttle.ts'
import type { Call, CallTarget } from '../../wire/network/index.ts'
import type { Body } from '../../wire/protocol/index.ts'
import { produceRequest, produceResponse } from '../../wire/protocol/messages/produce.ts'
import { uuid } from '../../wire/protocol/types.ts'
import type { Accumulator } from '../accumulator/accumulator.ts'
import type { Batch } from '../accumulator/batch.ts'
import type { Lane, PartitionQueue } from '../accumulator/partition-queue.ts'
import type { IdentitySource } from '../exactly-once/identity-source.ts'
import { readyToSend } from '../exactly-once/sequencing.ts'
import type { TransactionProtocol } from '../exactly-once/transactions.ts'
import type { BrokerMeter, ProducerMeters } from '../metrics/meters.ts'
import type { ProducerObserver } from '../observer/observer.ts'
import { produceBody } from './produce-body.ts'
import type { SentRequest, Settlement } from './settlement.ts'
import { singleAcknowledgement } from './single-acknowledgement.ts'
import { topicIdBytes } from './topic-id-bytes.ts'

/** What a sender needs of the cluster. */
export interface ClusterLinks {
  /** By which connections requests go now. */
  readonly lane: Lane
  /** The open connection of this lane to a broker; undefined starts one, and `wake` is called when it is there. */
  connectionTo(brokerId: number): CallTarget | undefined
  /** '' or the zero id where the topic has none. */
  topicIdOf(topic: string): string
  refresh(reason: string): void
}

export interface SenderOptions {
  readonly acks: number
  readonly lingerMs: number
  readonly lingerWhenIdle: boolean
  readonly maxInFlightRequestsPerConnection: number
  readonly maxRequestSize: number
  readonly requestTimeoutMs: number
}

/** What a sender asks of the transactions of its producer. */
export interface SendersTransactions {
  readonly transactionalId: string
  readonly protocol: TransactionProtocol
  /** Whether a partition's batches may leave; where not, the sender is woken when they may. */
  maySend(queue: PartitionQueue): boolean
}

/** Produce v12 and later add partitions to their transaction: where the client does, it must not speak them (KIP-890). */
const addingFrom = 12
/** Produce v6 and later leave the throttling to the client (KIP-219). */
const throttleIsOurs = 6
/** Produce v13 and later name topics by id only. */
const topicIdsFrom = 13
/** Zstandard needs Produce v7 (KIP-110). */
const zstdFrom = 7
const zstdId = 4

/**
 * The outbox of one broker: takes sealed batches of the partitions it leads, many partitions a request, and sends them while
 * fewer than `maxInFlightRequestsPerConnection` requests are unanswered.
 *
 * When does a batch leave? A full one at once. One that is not full leaves when the code that runs now has ended, with the
 * promises it settles, if nothing is in flight to this broker; otherwise when the broker has answered, or another batch
 * leaves, or `lingerMs` is over.
 * The sender owns all these waits: one timer and one end-of-turn mark for all partitions.
 */
export class Sender {
  readonly brokerId: number
  readonly #options: SenderOptions
  readonly #links: ClusterLinks
  readonly #accumulator: Accumulator
  readonly #identity: IdentitySource | undefined
  readonly #transactions: SendersTransactions | undefined
  readonly #settlement: Settlement
  readonly #meters: ProducerMeters
  readonly #observer: ProducerObserver
  readonly #meter: BrokerMeter
  readonly #clock: Clock
  /**
   * Partitions with something to send, in turn: whoever was served goes to the end. A set, because leadership may leave
   * and come back, and a partition must not have two batches in one request.
   */
  readonly #queues = new Set<PartitionQueue>()
  readonly #unanswered: Record<Lane, number> = { own: 0, courier: 0 }
  /** Since when something has been due that could not leave; 0: all is well (KIP-794, availability). */
  blockedSince = 0
  /** Something must leave as soon as it can: partial batches go along. */
  #isDue = false
  #isPumping = false
  #pumpScheduled = false
  #throttledUntil = 0
  #timer: Timer | undefined
  #timerAt = 0
  #closed = false

  constructor(
    brokerId: number,
    options: SenderOptions,
    links: ClusterLinks,
    accumulator: Accumulator,
    identity: IdentitySource | undefined,
    transactions: SendersTransactions | undefined,
    settlement: Settlement,
    meters: ProducerMeters,
    observer: ProducerObserver,
    clock: Clock,
  ) {
    this.brokerId = brokerId
    this.#options = options
    this.#links = links
    this.#accumulator = accumulator
    this.#identity = identity
    this.#transactions = transactions
    this.#settlement = settlement
    this.#meters = meters
    this.#observer = observer
    this.#meter = meters.broker(brokerId)
    this.#clock = clock
  }

  get requestsInFlight(): number {
    return this.#unanswered.own + this.#unanswered.courier
  }

  get #isFull(): boolean {
    return this.#unanswered[this.#links.lane] >= this.#options.maxInFlightRequestsPerConnection
  }

  get #isIdle(): boolean {
    return this.#unanswered[this.#links.lane] === 0
  }

  /** A partition has something new. `isFull`: do not wait for company. */
  add(queue: PartitionQueue, isFull: boolean): void {
    this.#queues.add(queue)
    if (isFull) {
      this.#isDue = true
      if (!this.#isFull) this.pump()
    } else if (this.#isIdle && !this.#options.lingerWhenIdle) this.schedulePump()
    else this.#wakeAt(this.#clock.now() + this.#options.lingerMs)
  }

  /** Everything leaves as soon as it can: flush, close, or records that wait for memory. */
  hurry(): void {
    if (this.#queues.size > 0) this.schedulePump()
  }

  /** The connection is there, a batch was compressed, an identity came, a back-off ended. */
  wake(): void {
    if (this.#queues.size > 0) this.schedulePump()
  }

  /** Sends when the code that runs now has ended, so that what it sends meanwhile goes along. */
  schedulePump(): void {
    this.#isDue = true
    if (this.#pumpScheduled || this.#closed) return
    this.#pumpScheduled = true
    this.#clock.afterThis(() => {
      this.#pumpScheduled = false
      this.pump()
    })
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Sends what is due, as far as the broker takes it. */
  pump(): void {
    if (this.#isPumping || this.#closed || !this.#isDue) return
    this.#isPumping = true
    this.#accumulator.calls.hold() // a callback may block the thread, which needs this sender
    try {
      while (this.#queues.size > 0 && !this.#isFull) {
        const now = this.#clock.now()
        if (this.#throttledUntil > now) {
          this.#wakeAt(this.#throttledUntil)
          return
        }
        const connection = this.#links.connectionTo(this.brokerId)
        if (connection === undefined) {
          if (this.blockedSince === 0) this.blockedSince = now
          return
        }
        const version = this.#produceVersion(connection)
        if (version === undefined) return
        const batches = this.#collect(now, version)
        if (batches.length === 0) break
        this.#send(connection, version, batches)
      }
    } finally {
      this.#isPumping = false
      this.#accumulator.calls.release()
    }
    // What is left is waiting for an answer, or for something that will wake this sender.
    this.#isDue = this.#hasDue()
    if (this.#isDue && this.blockedSince === 0) this.blockedSince = this.#clock.now()
  }

  #produceVersion(connection: CallTarget): number | undefined {
    try {
      const version = connection.versionOf(produceRequest)
      if (this.#transactions === undefined) return version
      if (this.#transactions.protocol === 'explicit') return Math.min(version, addingFrom - 1)
      if (version < addingFrom)
        throw new UnsupportedVersionError(
          `${connection.remote} speaks Produce up to v${version}, though the cluster has switched transaction.version 2 on`,
        )
      return version
    } catch (error) {
      for (const queue of this.#takeAll()) this.#settlement.failWaiting(queue, error)
      return undefined
    }
  }

  /** Whether something is left that is due; for what is not yet, the timer is set. */
  #hasDue(): boolean {
    const now = this.#clock.now()
    for (const { waiting } of this.#queues) {
      const batch = waiting[0]
      if (batch === undefined) continue
      const dueAt = batch.createdAt + this.#options.lingerMs
      if (batch.state !== 'open' || dueAt <= now) return true
      this.#wakeAt(dueAt)
    }
    return false
  }

  #takeAll(): PartitionQueue[] {
    const queues = [...this.#queues]
    this.#queues.clear()
    return queues
  }

  /** One batch of each partition that can send, up to the size of a request. */
  #collect(now: number, version: number): Batch[] {
    const batches: Batch[] = []
    const served: PartitionQueue[] = []
    let bytes = 0
    for (const queue of this.#queues) {
      if (queue.leader !== this.brokerId || queue.waiting.length === 0) {
        this.#queues.delete(queue)
        continue
      }
      const batch = this.#headOf(queue, now, version)
      if (batch === undefined) {
        if (queue.waiting.length === 0) this.#queues.delete(queue)
        continue
      }
      const size = batch.wire!.length
      if (batches.length > 0 && bytes + size > this.#options.maxRequestSize) break
      queue.waiting.shift()
      batches.push(batch)
      bytes += size
      this.#queues.delete(queue)
      if (queue.waiting.length > 0) served.push(queue)
    }
    for (const queue of served) this.#queues.add(queue)
    return batches
  }

  /** The partition's next batch, sealed and numbered; undefined while it may not send. */
  #headOf(queue: PartitionQueue, now: number, version: number): Batch | undefined {
    if (queue.retryAt > now) {
      this.#wakeAt(queue.retryAt)
      return undefined
    }
    const { inFlight } = queue
    if (inFlight.length > 0) {
      // What another broker, or the same one by another way, has not answered yet comes first.
      if (queue.inFlightBroker !== this.brokerId || queue.inFlightLane !== this.#links.lane) return undefined
      const inTurn = this.#identity === undefined || queue.confirmed
      if (inFlight.length >= (inTurn ? this.#options.maxInFlightRequestsPerConnection : 1)) return undefined
    }
    const batch = queue.waiting[0]!
    if (batch.state === 'open') this.#accumulator.seal(batch)
    if (batch.state === 'sealed' && batch.takenBack !== undefined && batch.stamp === undefined)
      this.#settlement.dropIfEmpty(batch)
    if (batch.state !== 'sealed') return undefined
    if (batch.codec === zstdId && version < zstdFrom) {
      this.#settlement.refuseCodec(batch, version)
      return undefined
    }
    if (this.#identity === undefined) {
      if (batch.attempts === 0) batch.writeWithoutIdentity()
      return batch
    }
    if (this.#transactions?.maySend(queue) === false) return undefined
    return readyToSend(queue, this.#identity) ? batch : undefined
  }

  #send(connection: CallTarget, version: number, batches: Batch[]): void {
    const { acks, requestTimeoutMs } = this.#options
    const ids = new Map<string, string>()
    let used = version
    if (version >= topicIdsFrom)
      for (const { topic } of batches) {
        const id = this.#links.topicIdOf(topic)
        if (id === '' || id === uuid.zero) used = topicIdsFrom - 1
        ids.set(topic, id)
      }
    const body = produceBody(
      batches,
      used,
      this.#transactions?.transactionalId ?? null,
      acks,
      requestTimeoutMs,
      topic => topicIdBytes(ids.get(topic))!,
    )
    const sentAt = this.#clock.now()
    const { lane } = this.#links
    // Snapshot of id → name: a topic may be deleted and made anew while the request is out (KAFKA-19397).
    const request: SentRequest = {
      batches,
      leaderEpochs: batches.map(batch => batch.queue.leaderEpoch),
      brokerId: this.brokerId,
      remote: connection.remote,
      bytes: body.bytes,
      sentAt,
      ids,
    }
    for (const batch of batches) {
      const { queue } = batch
      batch.move('in-flight')
      batch.attempts++
      batch.references++
      batch.carriedBy = request
      if (batch.sendOrder < 0) {
        batch.sendOrder = queue.sentRecords
        queue.sentRecords += batch.count
      }
      queue.inFlight.push(batch)
      queue.inFlightBroker = this.brokerId
      queue.inFlightLane = lane
    }
    const wires = batches.map(batch => batch.wire)
    this.#unanswered[lane]++
    this.blockedSince = 0
    this.#meters.requestSent(batches, sentAt)
    this.#observer.requestSent(request)
    let ended = false
    const end = () => {
      ended = true
      this.#unanswered[lane]--
    }
    const call: Call = {
      apiKey: produceRequest.key,
      apiVersion: used,
      flexible: used >= produceRequest.flexibleFrom,
      body: body.pieces,
      bodyBytes: body.bytes,
      expectsAnswer: acks !== 0,
      timeoutMs: requestTimeoutMs,
      onAnswer: reader => {
        const only = batches.length === 1 ? batches[0]! : undefined
        const plain =
          only && singleAcknowledgement(reader, used, only.topic, topicIdBytes(ids.get(only.topic)), only.partition)
        const answer: Body<typeof produceResponse> | undefined = plain ? undefined : produceResponse.read(reader, used)
        end()
        const { throttleTimeMs } = plain ?? answer!
        const now = this.#clock.now()
        const latencyMs = now - sentAt
        this.#meters.answered(this.#meter, latencyMs, Math.max(0, throttleTimeMs), now)
        this.#observer.requestAnswered(request, latencyMs)
        this.#obeyThrottle(throttleTimeMs, used)
        if (answer === undefined) this.#settlement.acknowledged(request, plain!)
        else this.#settlement.answered(request, answer)
        this.#afterAnswer()
      },
      onFailure: (error: NetworkError, sent: boolean) => {
        end()
        this.#observer.requestFailed(request, error)
        this.#settlement.lost(request, error, sent)
        this.#afterAnswer()
      },
      onReleased: () => {
        batches.forEach((batch, index) => {
          if (batch.wire === wires[index]) batch.references-- // else it went on with a copy
        })
        if (acks === 0 && !ended) {
          end()
          this.#observer.requestAnswered(request, this.#clock.now() - sentAt)
          this.#settlement.written(request)
          this.#afterAnswer()
        }
        for (const batch of batches) this.#accumulator.release(batch)
      },
    }
    connection.send(call)
  }

  #obeyThrottle(throttleTimeMs: number, version: number): void {
    if (throttleTimeMs <= 0) return
    this.#observer.throttled(this.brokerId, throttleTimeMs)
    if (version >= throttleIsOurs) this.#throttledUntil = this.#clock.now() + believedThrottleMs(throttleTimeMs)
  }

  #afterAnswer(): void {
    if (this.#queues.size === 0) return
    if (this.#isDue) this.pump()
    // The broker is idle now: what waited for company goes, with what callbacks send in this turn.
    if (this.#isIdle && !this.#options.lingerWhenIdle) this.schedulePump()
  }

  /** One timer for everything that time alone will change: linger, back-off, throttle. */
  #wakeAt(at: number): void {
    if (this.#closed || (this.#timer !== undefined && this.#timerAt <= at)) return
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = this.#clock.schedule(() => {
      this.#timer = undefined
      this.#isDue = true
      this.pump()
    }, at - this.#clock.now())
  }
}
