import type { TopicMeter } from '../metrics/meters.ts'
import type { Batch } from './batch.ts'
import type { Blocker } from './blocker.ts'

/** The id and epoch under which a partition's sequence numbers count. */
export interface ProducerIdentity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** The connections that requests go by: this thread's own, or those of the courier while the thread is blocked. */
export type Lane = 'own' | 'courier'

const sequenceModulus = 2 ** 31

/** Sequence numbers go from 0 to 2^31 − 1 and begin again. */
export const addToSequence = (sequence: number, records: number): number => (sequence + records) % sequenceModulus

/**
 * One partition's batches, oldest first, and what idempotence must remember of it. It outlives metadata: a partition that
 * is missing from one answer keeps its sequence (librdkafka lost acknowledged records by forgetting it).
 *
 * Invariants: sequences leave in order; a fresh batch is stamped only when every stamped one before it was sent under the
 * same identity; a batch is in `waiting` or in `inFlight`, never both.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly blocker: Blocker | undefined
  /** Where its records are counted. */
  readonly meter: TopicMeter | undefined
  /** Zero id where the cluster has none. */
  topicId = ''

  /** −1: unknown, or the partition has none now. */
  leader = -1
  leaderEpoch = -1

  /** Batches to be sent: retries first, in sequence order, then fresh ones; the last may be open. */
  waiting: Batch[] = []
  /** Batches on their way, in the order they were sent; those given up meanwhile included, until their answer comes. */
  inFlight: Batch[] = []
  /** The broker that `inFlight` was sent to, and the way it went. */
  inFlightBroker = -1
  inFlightLane: Lane = 'own'

  /** The identity under which `nextSequence` counts. */
  identity: ProducerIdentity | undefined
  nextSequence = 0
  /** The mark of the transaction that it belongs to, by the coordinator's own word; undefined: to none yet. */
  transaction: object | undefined
  /**
   * The leader has taken a batch of this identity. Until then one batch at a time: a broker without state for a producer
   * accepts any first sequence, so a second batch that overtakes a lost first one would be taken for the beginning.
   */
  confirmed = false
  /** A stamped batch was given up: what follows it may be refused as out of sequence, and needs a new epoch. */
  hasGap = false
  /** Not before this monotonic time, after an error. */
  retryAt = 0
  /** Failed attempts in a row, for the back-off. */
  failures = 0
  /** How large its last batch was: the next one begins with a buffer of that size. */
  usualBatchBytes = 0
  /** Counts records sent for the first time. */
  sentRecords = 0

  constructor(topic: string, partition: number, blocker?: Blocker, meter?: TopicMeter) {
    this.topic = topic
    this.partition = partition
    this.blocker = blocker
    this.meter = meter
  }

  get name(): string {
    return `${this.topic}-${this.partition}`
  }

  /** The batch that takes records. */
  get openBatch(): Batch | undefined {
    const last = this.waiting[this.waiting.length - 1]
    return last?.state === 'open' ? last : undefined
  }

  /** Batches not yet settled, as the adaptive partitioner counts them. */
  get length(): number {
    return this.waiting.length + this.inFlight.length
  }

  /** Puts a batch back for another attempt: before every fresh one, in the order of the sequence. */
  requeue(batch: Batch): void {
    let index = 0
    while (index < this.waiting.length && precedes(this.waiting[index]!, batch)) index++
    this.waiting.splice(index, 0, batch)
  }

  removeInFlight(batch: Batch): void {
    const index = this.inFlight.indexOf(batch)
    if (index >= 0) this.inFlight.splice(index, 1)
  }

  removeWaiting(batch: Batch): void {
    const index = this.waiting.indexOf(batch)
    if (index >= 0) this.waiting.splice(index, 1)
  }
}

/** Whether `a` was sent before `b` for the first time. */
function precedes(a: Batch, b: Batch): boolean {
  return a.sendOrder >= 0 && a.sendOrder < b.sendOrder
}
