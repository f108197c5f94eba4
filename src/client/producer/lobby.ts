import { BufferExhaustedError, KafkaError, MetadataTimeoutError } from '../../base/errors/index.ts'
import { Fifo } from '../../base/fifo.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import type { MemoryBudget } from '../accumulator/memory-budget.ts'
import type { ProducerMeters } from '../metrics/meters.ts'
import type { ParkedRecord } from './parked-record.ts'
import type { TopicState } from './topic-state.ts'

export interface LobbyLinks {
  /** Puts a record into its batch; false where its partition is not known yet. */
  place(record: ParkedRecord, topic: TopicState): boolean
  fail(record: ParkedRecord, error: KafkaError): void
  /** Records wait for memory now: nothing may linger that would free some. */
  lineFormed(): void
  /** Fewer wait than before, maybe: loops that were asked to pause may look again. */
  drained(): void
  /** Nobody waits for this topic any more, and it never became known: nothing has to be remembered of it. */
  forget(topic: TopicState): void
  /** The last error that a metadata answer had for a topic, for messages. */
  metadataProblem(topic: string): KafkaError | undefined
}

/** How many records may wait before `hasRoom` says no: a few milliseconds of placing. */
const crowd = 8192

/** What a record takes as an object while it waits in the line, beside its bytes; measured. */
const parkedRecordBytes = 256

/**
 * Where records wait that have no batch yet: for their serializer, for memory, for their topic. One order: a topic's records
 * leave as they came, and memory goes to whoever waits longest, whatever the topic.
 *
 * Memory: a record is charged to the budget where that has room, else to the line, which may take `bufferMemory` once more.
 * Beyond it a send fails at once, so that a loop that never waits cannot eat the process.
 */
export class Lobby {
  readonly #budget: MemoryBudget
  readonly #links: LobbyLinks
  readonly #clock: Clock
  readonly #maxBlockMs: number
  readonly #deliveryTimeoutMs: number
  readonly #topics = new Set<TopicState>()
  /** Records that wait for memory, in the order of the calls. One that settled meanwhile is passed over. */
  readonly #line = new Fifo<ParkedRecord>()
  #lineBytes = 0
  #lineLength = 0
  readonly #meters: Pick<ProducerMeters, 'memoryWait' | 'metadataWait'>
  /** Topics with records that wait for them to become known. */
  readonly #unknown = new Set<TopicState>()
  #timer: Timer | undefined
  /** When the timer is due, in monotonic time. */
  #timerAt = Number.POSITIVE_INFINITY
  #count = 0
  #exhausted: BufferExhaustedError | undefined

  constructor(
    budget: MemoryBudget,
    links: LobbyLinks,
    clock: Clock,
    maxBlockMs: number,
    deliveryTimeoutMs: number,
    meters: Pick<ProducerMeters, 'memoryWait' | 'metadataWait'>,
  ) {
    this.#budget = budget
    this.#links = links
    this.#clock = clock
    this.#maxBlockMs = maxBlockMs
    this.#deliveryTimeoutMs = deliveryTimeoutMs
    this.#meters = meters
  }

  /** How many records wait. */
  get count(): number {
    return this.#count
  }

  /** Whether somebody waits for memory: newcomers go behind them. */
  get hasLine(): boolean {
    return this.#lineBytes > 0
  }

  /** So many wait that more should not come now: all of them are placed in one turn when their topic becomes known. */
  get isCrowded(): boolean {
    return this.hasLine || this.#count >= crowd
  }

  /** How many records wait for memory. */
  get lineLength(): number {
    return this.#lineLength
  }

  get lineBytes(): number {
    return this.#lineBytes
  }

  /** Charges a record, to the budget or to the line. Throws BufferExhaustedError where both are full. */
  charge(record: ParkedRecord, bytes: number): void {
    const { totalBytes, freeBytes } = this.#budget
    if (!this.hasLine && bytes <= freeBytes) {
      this.#budget.lend(bytes)
      record.charge = 'memory'
    } else {
      const lineBytes = this.#lineBytes + bytes + parkedRecordBytes
      // One may always wait, however small `bufferMemory` is.
      if (this.hasLine ? lineBytes > totalBytes : bytes > totalBytes) throw this.lineIsFull()
      const isFirst = !this.hasLine
      this.#intoLine(bytes)
      this.#line.push(record)
      record.charge = 'line'
      if (isFirst) this.#links.lineFormed()
    }
    record.chargedBytes = bytes
  }

  #intoLine(bytes: number): void {
    this.#lineBytes += bytes + parkedRecordBytes
    this.#lineLength++
    this.#meters.memoryWait.run(true)
  }

  #outOfLine(bytes: number): void {
    this.#lineBytes -= bytes + parkedRecordBytes
    this.#lineLength--
    this.#meters.memoryWait.run(this.#lineLength > 0)
  }

  /** Whether a record of at least so many bytes is certain to be refused. */
  hasNoRoomFor(bytes: number): boolean {
    return this.hasLine && this.#lineBytes + bytes + parkedRecordBytes > this.#budget.totalBytes
  }

  /** One error for all that are refused in a turn: a loop that never waits would make hundreds of thousands, each with a stack. */
  lineIsFull(): BufferExhaustedError {
    if (this.#exhausted === undefined) {
      this.#exhausted = new BufferExhaustedError(
        `bufferMemory (${this.#budget.totalBytes} bytes) is full and so is the line of those who wait for it: await room(), or send less at a time`,
      )
      this.#clock.atEndOfTurn(() => {
        this.#exhausted = undefined
      })
    }
    return this.#exhausted
  }

  /** Gives back what a record was charged with. */
  uncharge(record: ParkedRecord): void {
    if (record.charge === 'memory') this.#budget.giveBack(record.chargedBytes)
    else if (record.charge === 'line') this.#outOfLine(record.chargedBytes)
    record.charge = 'none'
  }

  /** The true size is known now. The record keeps its place in the line. */
  recharge(record: ParkedRecord, bytes: number): void {
    const more = bytes - record.chargedBytes
    if (record.charge === 'memory') this.#budget.lend(more)
    else if (record.charge === 'line') this.#lineBytes += more
    record.chargedBytes = bytes
    this.#armFor(record) // it no longer waits for its serializer, so it is due earlier
  }

  /** Parks a charged record at the end of its topic's lobby. */
  park(record: ParkedRecord, topic: TopicState): void {
    topic.lobby.push(record)
    this.#topics.add(topic)
    this.#count++
    if (!topic.isKnown) this.#waitsForTopic(topic, true)
    this.#armFor(record)
    this.#timer?.hold?.(true)
  }

  #waitsForTopic(topic: TopicState, waits: boolean): void {
    if (waits) this.#unknown.add(topic)
    else this.#unknown.delete(topic)
    this.#meters.metadataWait.run(this.#unknown.size > 0)
  }

  /** A record settled before it was placed. It stays in its list, and is passed over there. */
  settled(record: ParkedRecord): void {
    this.#countOut()
    this.uncharge(record)
    // Memory may not come back for long: those who gave up must not stay in the line until then.
    while (this.#line.first !== undefined && this.#line.first.charge !== 'line') this.#line.shift()
  }

  /** With nobody left its timer is left to run out, and keeps no process alive meanwhile. */
  #countOut(): void {
    if (--this.#count === 0) this.#timer?.hold?.(false)
  }

  /** Memory came back: the line moves up, head first, and what has memory now may be placed. */
  memoryFreed(): void {
    const admitted = new Set<string>()
    for (let record = this.#line.first; record !== undefined; record = this.#line.first) {
      if (record.charge === 'line') {
        if (record.chargedBytes > this.#budget.freeBytes) break
        this.#outOfLine(record.chargedBytes)
        this.#budget.lend(record.chargedBytes)
        record.charge = 'memory'
        admitted.add(record.topic)
      }
      this.#line.shift()
    }
    if (admitted.size > 0) for (const topic of [...this.#topics]) if (admitted.has(topic.name)) this.drain(topic)
  }

  /** Places whatever of a topic can be placed, in order. */
  drain(topic: TopicState): void {
    if (topic.isKnown) {
      if (this.#unknown.size > 0) this.#waitsForTopic(topic, false)
      this.#drainMisfits(topic)
      for (let record = topic.lobby.first; record !== undefined; record = topic.lobby.first) {
        if (!record.isSettled) {
          if (record.state !== 'waiting' || record.charge !== 'memory') break
          if (!this.#tryPlace(record, topic)) topic.misfits.push(record)
        }
        topic.lobby.shift()
      }
    } else while (topic.lobby.first?.isSettled) topic.lobby.shift()
    this.#links.drained()
    if (topic.lobby.length > 0 || topic.misfits.length > 0) return
    this.#topics.delete(topic)
    this.#waitsForTopic(topic, false)
    if (!topic.isKnown) this.#links.forget(topic)
  }

  #drainMisfits(topic: TopicState): void {
    if (topic.misfits.length === 0) return
    const left = new Fifo<ParkedRecord>()
    for (const record of topic.misfits) if (!record.isSettled && !this.#tryPlace(record, topic)) left.push(record)
    topic.misfits = left
  }

  #tryPlace(record: ParkedRecord, topic: TopicState): boolean {
    const { chargedBytes } = record
    // What its batch lends for it takes the place of what it was charged with here.
    this.#budget.giveBack(chargedBytes)
    record.charge = 'none'
    if (this.#links.place(record, topic)) {
      if (record.state === 'placed') this.#countOut() // one that failed has been counted out
      return true
    }
    this.#budget.lend(chargedBytes)
    record.charge = 'memory'
    return false
  }

  /** The topic can never be written to: everybody who waits for it is told. */
  failTopic(topic: TopicState, error: (record: ParkedRecord) => KafkaError): void {
    for (const record of [...topic.lobby, ...topic.misfits])
      if (!record.isSettled) this.#links.fail(record, error(record))
    this.drain(topic)
  }

  failAll(error: (record: ParkedRecord) => KafkaError): void {
    for (const topic of [...this.#topics]) this.failTopic(topic, error)
  }

  *records(): Generator<ParkedRecord> {
    for (const topic of this.#topics)
      for (const list of [topic.lobby, topic.misfits]) for (const record of list) if (!record.isSettled) yield record
  }

  /** Whether a record waits behind one, or is one, whose serializer has not answered yet: only this thread's promises can help. */
  isBehindSerializer(record: ParkedRecord, topic: TopicState): boolean {
    for (const other of topic.lobby) {
      if (other.state === 'serializing') return true
      if (other === record) return false
    }
    return false
  }

  /** Whether all that wait do so behind a serializer. */
  get isStuckOnSerializers(): boolean {
    for (const topic of this.#topics) {
      if (topic.misfits.length > 0) return false
      for (const record of topic.lobby) {
        if (record.isSettled) continue
        if (record.state !== 'serializing') return false
        break
      }
    }
    return true
  }

  get topics(): Iterable<TopicState> {
    return this.#topics
  }

  #deadlineOf(record: ParkedRecord): number {
    const waitMs = record.state === 'serializing' ? this.#deliveryTimeoutMs : this.#maxBlockMs
    return record.calledAt + Math.min(waitMs, this.#deliveryTimeoutMs)
  }

  /** What ends the wait of a record whose bytes are there, for messages. */
  get #limit(): string {
    const [name, ms] =
      this.#deliveryTimeoutMs < this.#maxBlockMs
        ? ['deliveryTimeoutMs', this.#deliveryTimeoutMs]
        : ['maxBlockMs', this.#maxBlockMs]
    return `${name} (${ms} ms)`
  }

  /** Records are not due in the order of the calls: serializing may take longer than waiting. */
  #armFor(record: ParkedRecord): void {
    const deadline = this.#deadlineOf(record)
    if (deadline < this.#timerAt) this.#armAt(deadline)
  }

  #armAt(deadline: number): void {
    this.#timer?.cancel()
    this.#timerAt = deadline
    this.#timer = this.#clock.schedule(() => {
      // Answers that have arrived while the loop was stalled are read first.
      this.#clock.atEndOfTurn(() => {
        if (this.#timerAt !== deadline) return // closed, or armed again
        this.#timer = undefined
        this.#timerAt = Number.POSITIVE_INFINITY
        this.#expire()
        for (const topic of this.#topics)
          for (const list of [topic.misfits, topic.lobby]) for (const record of firstDue(list)) this.#armFor(record)
      })
    }, deadline - this.#clock.now())
  }

  #expire(): void {
    const now = this.#clock.now()
    for (const topic of [...this.#topics]) {
      for (const list of [topic.misfits, topic.lobby]) {
        const due: ParkedRecord[] = []
        for (const record of list) {
          if (record.isSettled) continue
          if (this.#deadlineOf(record) <= now) due.push(record)
          else if (record.state === 'waiting') break // and so are all behind it, which came later
        }
        // One error for all that wait for the same thing: hundreds of thousands may be due at once, and a stack costs more than a send.
        const errors = new Map<string, KafkaError>()
        for (const record of due) {
          if (record.isSettled) continue
          const awaited = `${record.state} ${record.charge} ${topic.isKnown ? record.partition : ''}`
          let error = errors.get(awaited)
          if (error === undefined) {
            error = this.#timeout(record, topic)
            errors.set(awaited, error)
          }
          this.#links.fail(record, error)
        }
      }
      this.drain(topic)
    }
  }

  #timeout(record: ParkedRecord, topic: TopicState): KafkaError {
    if (record.state === 'serializing')
      return new KafkaError('SERIALIZATION_TIMEOUT', `a serializer for ${topic.name} has not answered in time`, {
        outcome: 'not-written',
      })
    if (record.charge === 'line')
      return new BufferExhaustedError(
        `no memory for a record to ${topic.name} within ${this.#limit}; ${this.#budget.usedBytes} of ${this.#budget.totalBytes} bytes of bufferMemory are in use`,
      )
    const cause = this.#links.metadataProblem(topic.name)
    const reason = cause === undefined ? '' : `; last: ${cause.message}`
    if (topic.isKnown)
      return new MetadataTimeoutError(
        `topic ${topic.name} has no partition ${record.partition}: it has ${topic.partitionCount}, and none came within ${this.#limit}${reason}`,
        cause,
      )
    return new MetadataTimeoutError(`topic ${topic.name} did not become known within ${this.#limit}${reason}`, cause)
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Number.NEGATIVE_INFINITY
  }
}

/**
 * The records of a list one of which is due first. They are in the order of the calls, and a serializer has longer than whoever
 * waits, so nobody behind the first that waits is due before it: with a hundred thousand in the list, few are looked at.
 */
function* firstDue(list: Fifo<ParkedRecord>): Generator<ParkedRecord> {
  for (const record of list) {
    if (record.isSettled) continue
    yield record
    if (record.state === 'waiting') return
  }
}
