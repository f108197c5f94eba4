import {
  BrokerError,
  brokerErrorCode,
  ClosedError,
  errorNumber,
  KafkaError,
  TimeoutError,
  UnsupportedVersionError,
} from '../../base/errors/index.ts'
import { Fifo } from '../../base/fifo.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import type { Connection } from '../../wire/network/index.ts'
import { BrokerCalls, earliest, listOffsets } from '../admin/index.ts'
import type { TopicMetadata } from '../cluster/index.ts'
import { BrokerTurns } from './broker-turns.ts'
import { type FetchAnswer, type FetchedPartition, fetchOnce, maxWaitMs, portionOf } from './fetch-request.ts'
import { offsetAfter, type Portion, recordsIn } from './fetched-batches.ts'
import { ReadPartition } from './read-partition.ts'
import type { FetchedRecord, TopicReaderOptions } from './reader-options.ts'
import { startOffsets } from './start-offsets.ts'

/** What one answer brought that is worth handing on. */
interface Answered {
  readonly brokerId: number
  readonly portions: readonly Portion[]
}

const outOfRange = errorNumber('OFFSET_OUT_OF_RANGE')
const corruptMessage = errorNumber('CORRUPT_MESSAGE')
/** A topic that was just created is not known to every broker at once. */
const unknownForMs = 1500
/** So long a topic must be missing until it counts as deleted: brokers learn of topics one after the other. */
const deletedAfterMs = 3000

/**
 * Reads a topic: asks each leader with long polls, one at a time, and follows leaders that move. It is pulled: what is not taken
 * is not fetched. It belongs to no group and commits nothing.
 */
export class TopicReader {
  readonly #options: TopicReaderOptions
  readonly #clock: Clock
  readonly #calls: BrokerCalls
  readonly #turns: BrokerTurns
  /** The hungriest first: who got something goes to the end. */
  #partitions: ReadPartition[] = []
  readonly #answered = new Fifo<Answered>()
  readonly #timers = new Set<Timer>()
  #topicId = ''
  #missingSince: number | undefined
  /** When a broker last answered something useful. */
  #heardAt = 0
  #lastError: KafkaError | undefined
  #failure: unknown
  #isOpen = false
  #isClosed = false
  /** Wakes the one who waits for records. */
  #wake = () => {}

  constructor(options: TopicReaderOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#turns = new BrokerTurns(options.clock)
    this.#calls = new BrokerCalls({
      ...options,
      onTopic: topic => this.#learn(topic),
      onBrokerReady: () => this.#pump(),
      onError: error => this.#trouble(error),
    })
  }

  /**
   * Reaches the cluster and finds out where to begin. Rejects with the KafkaError of a topic or partition that is not there, or with a
   * NetworkError when every address has failed once.
   */
  async open(): Promise<void> {
    const { topic, start, isolation, follow, onNotice } = this.#options
    await this.#calls.connect()
    const known = await this.#findTopic()
    const partitions = this.#options.partitions ?? known.partitions.map(({ partition }) => partition)
    const missing = partitions.find(partition => known.partitions[partition] === undefined)
    if (missing !== undefined)
      throw new KafkaError(
        'UNKNOWN_TOPIC_OR_PARTITION',
        `topic ${topic} has no partition ${missing}, but 0 to ${known.partitions.length - 1}`,
      )
    this.#topicId = known.id
    for (const { partition, position, end, notice } of await startOffsets(
      this.#calls,
      topic,
      partitions,
      start,
      isolation,
    )) {
      if (notice !== undefined) onNotice(notice)
      const read = new ReadPartition(partition, follow ? undefined : end)
      read.proceed(position)
      this.#partitions.push(read)
    }
    this.#isOpen = true
    this.#heardAt = this.#clock.now()
  }

  async #findTopic(): Promise<TopicMetadata> {
    try {
      return await this.#calls.cluster.waitForTopic(this.#options.topic, unknownForMs)
    } catch (error) {
      const known = this.#calls.cluster.lastErrorOf(this.#options.topic)
      throw known ?? error
    }
  }

  /**
   * The records, batch by batch, in order within each partition. Ends where the reading ends, or when it is closed; throws the KafkaError
   * that it cannot go on after.
   */
  async *batches(): AsyncGenerator<readonly FetchedRecord[], void> {
    for (;;) {
      const answered = await this.#next()
      if (answered === undefined) return
      this.#turns.set(answered.brokerId, 'idle')
      // The next answer is on its way while this one is looked at.
      this.#pump()
      for (const portion of answered.portions)
        for (const records of recordsIn(portion)) {
          if (this.#isClosed) return
          yield records
        }
    }
  }

  async #next(): Promise<Answered | undefined> {
    this.#heardAt = this.#clock.now()
    this.#pump()
    for (;;) {
      if (this.#isClosed) return undefined
      const answered = this.#answered.shift()
      if (answered !== undefined) return answered
      if (this.#failure !== undefined) throw this.#failure
      if (this.#partitions.every(({ state }) => state === 'ended')) return undefined
      await this.#news()
    }
  }

  /** Resolves when something has happened. Only who follows waits without end. */
  #news(): Promise<void> {
    const { follow, apiTimeoutMs } = this.#options
    return new Promise(resolve => {
      const leftMs = this.#heardAt + apiTimeoutMs - this.#clock.now()
      if (!follow && leftMs <= 0) {
        const last = this.#lastError === undefined ? '' : `; the last error: ${this.#lastError.message}`
        this.#fail(new TimeoutError(`nothing was heard of the cluster for ${apiTimeoutMs} ms${last}`))
        resolve()
        return
      }
      const timer = follow ? undefined : this.#clock.schedule(() => this.#wake(), leftMs)
      this.#wake = () => {
        timer?.cancel()
        this.#wake = () => {}
        resolve()
      }
    })
  }

  /** Asks every broker whose turn it is. */
  #pump(): void {
    if (!this.#isOpen || this.#isClosed || this.#failure !== undefined) return
    const { cluster } = this.#calls
    cluster.want(this.#options.topic)
    const byLeader = new Map<number, ReadPartition[]>()
    for (const read of this.#partitions) {
      if (read.state !== 'ready') continue
      const leader = this.#leadership(read).leader
      const asked = byLeader.get(leader)
      if (asked === undefined) byLeader.set(leader, [read])
      else asked.push(read)
    }
    for (const [leader, reads] of byLeader) {
      if (leader < 0) cluster.refresh(`${this.#options.topic}-${reads[0]!.partition} has no leader`)
      else if (this.#turns.mayAsk(leader)) {
        const connection = cluster.connectionTo(leader)
        if (connection !== undefined) void this.#ask(leader, connection, reads)
      }
    }
  }

  #leadership(read: ReadPartition): { readonly leader: number; readonly leaderEpoch: number } {
    const known = this.#calls.cluster.topic(this.#options.topic)?.partitions[read.partition]
    return known ?? { leader: -1, leaderEpoch: -1 }
  }

  async #ask(brokerId: number, connection: Connection, reads: readonly ReadPartition[]): Promise<void> {
    const { topic, isolation, requestTimeoutMs } = this.#options
    this.#turns.set(brokerId, 'asked')
    for (const read of reads) read.move('fetching')
    const askedAt = this.#clock.now()
    const partitions = reads.map(read => ({
      partition: read.partition,
      position: read.position,
      currentLeaderEpoch: this.#leadership(read).leaderEpoch,
    }))
    const generations = reads.map(({ generation }) => generation)
    const question = { topic, topicId: this.#calls.cluster.topicIdOf(topic), isolation, partitions }
    try {
      const answer = await fetchOnce(connection, question, requestTimeoutMs)
      if (this.#isClosed) return
      this.#turns.set(brokerId, 'idle')
      const throttleMs = this.#turns.throttle(brokerId, answer.throttleTimeMs)
      if (throttleMs > 0) this.#later(throttleMs, () => this.#pump())
      const meant = reads.filter((read, index) => read.generation === generations[index])
      for (const read of reads) if (!meant.includes(read)) this.#startOver(read, undefined)
      this.#takeIn(brokerId, meant, answer, this.#clock.now() - askedAt)
    } catch (error) {
      if (this.#isClosed) return
      this.#turns.set(brokerId, 'idle')
      if (!(error instanceof KafkaError) || error instanceof UnsupportedVersionError || !error.retriable)
        this.#fail(error)
      else
        for (const [index, read] of reads.entries())
          if (read.generation === generations[index]) this.#pause(read)
          else this.#startOver(read, undefined)
    }
    this.#pump()
  }

  #takeIn(brokerId: number, reads: readonly ReadPartition[], answer: FetchAnswer, tookMs: number): void {
    const rows = new Map(answer.responses.flatMap(({ partitions }) => partitions).map(row => [row.partitionIndex, row]))
    const portions: Portion[] = []
    for (const read of reads) {
      const row = rows.get(read.partition)
      if (row === undefined || answer.errorCode !== 0) this.#pause(read)
      else if (row.errorCode !== 0) this.#failed(read, row, answer)
      else {
        this.#heardAt = this.#clock.now()
        read.failures = 0
        const portion = this.#progress(read, row)
        if (portion !== undefined) portions.push(portion)
      }
    }
    if (portions.length === 0) {
      // An answer with nothing in it that did not wait for anything would else be asked for again without a pause.
      if (tookMs < maxWaitMs / 2) for (const read of reads) if (read.state === 'ready') this.#rest(read)
      this.#wake()
      return
    }
    const fed = new Set(portions.map(({ partition }) => partition))
    const isFed = ({ partition }: ReadPartition) => fed.has(partition)
    this.#partitions = [...this.#partitions.filter(read => !isFed(read)), ...this.#partitions.filter(isFed)]
    this.#turns.set(brokerId, 'answered')
    this.#answered.push({ brokerId, portions })
    this.#wake()
  }

  /** Takes what came for a partition; undefined: nothing whole. */
  #progress(read: ReadPartition, row: FetchedPartition): Portion | undefined {
    const portion = portionOf(row, read, this.#options)
    let next: bigint | undefined
    try {
      next = offsetAfter(portion)
    } catch (error) {
      this.#fail(error)
    }
    if (next === undefined || next <= read.position) {
      read.move('ready')
      return undefined
    }
    read.proceed(next)
    return portion
  }

  #failed(read: ReadPartition, row: FetchedPartition, answer: FetchAnswer): void {
    const { topic } = this.#options
    const { cluster } = this.#calls
    const place = `${topic}-${read.partition}`
    if (row.errorCode === outOfRange) {
      this.#startOver(read, `${place} no longer has offset ${read.position}`)
      return
    }
    const { name, code, retriable, refreshesMetadata } = brokerErrorCode(row.errorCode)
    const error = new BrokerError(name, code, `the cluster answers ${name} for ${place}`, { retriable })
    this.#lastError = error
    if (!retriable || code === corruptMessage) {
      this.#fail(error)
      return
    }
    this.#pause(read)
    if (!refreshesMetadata) return
    const { leaderId, leaderEpoch } = row.currentLeader
    // KIP-951: who leads instead may stand in the answer.
    if (leaderId < 0 || !cluster.applyLeaderHint(topic, read.partition, leaderId, leaderEpoch, answer.nodeEndpoints))
      cluster.refresh(`${place}: ${name}`)
  }

  /** Asks where the partition begins now, and goes on there. */
  #startOver(read: ReadPartition, why: string | undefined): void {
    read.move('locating')
    this.#locate(read, why)
  }

  #locate(read: ReadPartition, why: string | undefined): void {
    const { topic } = this.#options
    const generation = ++read.generation
    const question = { topic, partition: read.partition, timestamp: earliest }
    listOffsets(this.#calls, [question], 'read_uncommitted', this.#calls.attempts()).then(
      ([answer]) => {
        if (this.#isClosed || read.generation !== generation) return
        if (typeof answer === 'bigint') {
          if (why !== undefined) this.#options.onNotice(`${why}: going on at its beginning, ${answer}`)
          read.proceed(answer)
          this.#pump()
          this.#wake()
        } else if (answer?.retriable) this.#pause(read, () => this.#startOver(read, why))
        else this.#fail(answer)
      },
      error => {
        if (!this.#isClosed) this.#fail(error)
      },
    )
  }

  /** Waits longer with each failure in a row. */
  #pause(read: ReadPartition, then?: () => void): void {
    read.failures++
    this.#rest(read, then)
  }

  #rest(read: ReadPartition, then?: () => void): void {
    read.move('pausing')
    this.#later(this.#calls.backoff.delayMs(Math.max(1, read.failures)), () => {
      if (read.state !== 'pausing') return
      if (then !== undefined) then()
      else {
        read.move('ready')
        this.#pump()
      }
    })
  }

  /** News of the topic: leaders, more partitions, another topic under its name, or none at all. */
  #learn(topic: TopicMetadata): void {
    if (!this.#isOpen || this.#isClosed) return
    if (topic.error?.name === 'UNKNOWN_TOPIC_OR_PARTITION') {
      this.#missingSince ??= this.#clock.now()
      if (this.#clock.now() - this.#missingSince < deletedAfterMs) return
      this.#fail(new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic.name} is gone: it was deleted`))
      return
    }
    if (topic.error !== undefined) {
      const { name, code, retriable } = topic.error
      const error = new BrokerError(name, code, `the cluster answers ${name} for ${topic.name}`, { retriable })
      if (retriable) this.#trouble(error)
      else this.#fail(error)
      return
    }
    this.#missingSince = undefined
    if (topic.id !== this.#topicId) this.#replaced(topic.id)
    const { partitions, follow } = this.#options
    if (partitions === undefined && follow)
      for (const { partition } of topic.partitions.slice(this.#partitions.length)) {
        const added = new ReadPartition(partition, undefined)
        this.#partitions.push(added)
        added.proceed(0n)
      }
    this.#pump()
  }

  /** The topic was deleted and made anew: its offsets begin again. */
  #replaced(topicId: string): void {
    const { topic, follow, onNotice } = this.#options
    this.#topicId = topicId
    if (!follow) {
      this.#fail(new KafkaError('UNKNOWN_TOPIC_ID', `topic ${topic} was deleted and made anew while it was read`))
      return
    }
    onNotice(`topic ${topic} was deleted and made anew: going on at its beginning`)
    for (const read of this.#partitions) this.#rewind(read)
  }

  #rewind(read: ReadPartition): void {
    if (read.state === 'locating') this.#locate(read, undefined)
    else if (read.state === 'fetching')
      // The answer that is due is for the former topic; when it comes, the partition starts over.
      read.generation++
    else this.#startOver(read, undefined)
  }

  /** Something failed that is tried again. */
  #trouble(error: KafkaError): void {
    if (this.#isClosed || error instanceof ClosedError) return
    this.#lastError = error
    if (this.#isOpen) this.#options.onNotice(error.message)
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#wake()
  }

  #later(delayMs: number, callback: () => void): void {
    const timer = this.#clock.schedule(() => {
      this.#timers.delete(timer)
      if (!this.#isClosed) callback()
    }, delayMs)
    this.#timers.add(timer)
  }

  /** Ends the reading; who waits for records sees the end. Resolves when no socket is left. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#wake()
    await this.#calls.close()
  }
}
