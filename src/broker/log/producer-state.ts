import { readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import { readMarker, type TransactionMarker } from './control-batch.ts'
import { type AbortedTransaction, OpenTransactions } from './open-transactions.ts'

/** How many batches of a producer a partition remembers: as many as an idempotent producer may have in flight (KIP-98). */
export const duplicateWindow = 5

const maxSequence = 2 ** 31 - 1

/** The sequence number `count` records after `sequence`; after 2^31 − 1 comes 0. Source: DefaultRecordBatch.incrementSequence. */
export function advanceSequence(sequence: number, count: number): number {
  return sequence > maxSequence - count ? count - (maxSequence - sequence) - 1 : sequence + count
}

/** The identity a batch carries. */
export interface BatchSequence {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
  readonly attributes?: { readonly transactional: boolean }
}

/** A batch that was appended, as remembered to tell its duplicates. */
export interface RememberedBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: bigint
  readonly maxTimestamp: number
}

export type SequenceVerdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly original: RememberedBatch }
  | {
      readonly kind: 'refuse'
      readonly error:
        | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
        | 'INVALID_PRODUCER_EPOCH'
        | 'UNKNOWN_PRODUCER_ID'
        | 'INVALID_TXN_STATE'
      readonly message: string
    }

interface ProducerEntry {
  epoch: number
  /** Oldest first, all of `epoch`. */
  readonly batches: RememberedBatch[]
  /** Of the last marker; −1: there was none. */
  coordinatorEpoch: number
  /** Of its last batch or marker. */
  lastTimestamp: number
}

/** What one partition remembers of one producer id, for reading back in tests. */
export interface ProducerSnapshot {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly batches: readonly RememberedBatch[]
  /** Of the coordinator that ended its last transaction here; −1: none was ended. */
  readonly coordinatorEpoch: number
  /** Milliseconds since 1970: of its last batch or marker. */
  readonly lastTimestamp: number
  /** Where the transaction begins that is under way; −1: none is. */
  readonly transactionFirstOffset: bigint
}

/**
 * The idempotent producers of one partition: which epochs and sequences they wrote last.
 * Source: ProducerStateManager, ProducerStateEntry and ProducerAppendInfo in Kafka's storage module.
 */
export class ProducerState {
  readonly #entries = new Map<bigint, ProducerEntry>()
  readonly #transactions = new OpenTransactions()
  readonly #unknownMayBeginAnywhere: boolean

  /**
   * @param unknownMayBeginAnywhere - Since Kafka 2.5 (KIP-360) a producer id that the partition does not know may begin
   *   with any sequence; before, it got UNKNOWN_PRODUCER_ID unless it began with 0.
   */
  constructor(unknownMayBeginAnywhere = true) {
    this.#unknownMayBeginAnywhere = unknownMayBeginAnywhere
  }

  /**
   * Judges a batch; changes nothing.
   *
   * @param mustBeginAtZero - A producer of `transaction.version` 2 begins each transaction with sequence 0, so that no late
   *   copy of an older one can begin it (KIP-890).
   */
  check(batch: BatchSequence, mustBeginAtZero = false): SequenceVerdict {
    const { producerId, producerEpoch, baseSequence, recordCount } = batch
    const entry = this.#entries.get(producerId)
    if (!entry) {
      if (mustBeginAtZero && baseSequence !== 0) {
        const message = `producer ${producerId} is not known here, and its transaction began with sequence ${baseSequence}`
        return { kind: 'refuse', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', message }
      }
      if (this.#unknownMayBeginAnywhere || baseSequence === 0) return { kind: 'append' }
      const message = `producer ${producerId} is not known here and began with sequence ${baseSequence}`
      return { kind: 'refuse', error: 'UNKNOWN_PRODUCER_ID', message }
    }
    // Duplicates are looked for first: a late copy of an old batch of this epoch is neither out of order nor fenced.
    if (producerEpoch === entry.epoch) {
      const lastSequence = advanceSequence(baseSequence, recordCount - 1)
      const original = entry.batches.find(
        known => known.baseSequence === baseSequence && known.lastSequence === lastSequence,
      )
      if (original) return { kind: 'duplicate', original }
    }
    if (producerEpoch < entry.epoch) {
      const message = `producer ${producerId} wrote with epoch ${producerEpoch}, its epoch is ${entry.epoch}`
      return { kind: 'refuse', error: 'INVALID_PRODUCER_EPOCH', message }
    }
    if (!batch.attributes?.transactional && this.#transactions.firstOffset(producerId) !== undefined) {
      const message = `producer ${producerId} has a transaction under way here, and its batch is not transactional`
      return { kind: 'refuse', error: 'INVALID_TXN_STATE', message }
    }
    const expected = producerEpoch > entry.epoch ? 0 : advanceSequence(entry.batches.at(-1)?.lastSequence ?? -1, 1)
    if (baseSequence === expected) return { kind: 'append' }
    const message = `producer ${producerId} epoch ${producerEpoch} wrote sequence ${baseSequence}, expected ${expected}`
    return { kind: 'refuse', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', message }
  }

  /** Remembers a batch that `check` let through and that now stands at `baseOffset`. */
  remember(batch: BatchSequence, baseOffset: bigint, maxTimestamp: number): void {
    const { producerId, producerEpoch, baseSequence, recordCount, attributes } = batch
    const entry = this.#raise(producerId, producerEpoch, maxTimestamp)
    if (attributes?.transactional) this.#transactions.note(producerId, baseOffset)
    // What coordinators write within a transaction has no sequence.
    if (baseSequence < 0) return
    const lastSequence = advanceSequence(baseSequence, recordCount - 1)
    entry.batches.push({ baseSequence, lastSequence, baseOffset, maxTimestamp })
    if (entry.batches.length > duplicateWindow) entry.batches.shift()
  }

  /** Whether the producer has a transaction under way here, begun in this epoch. */
  hasTransaction(producerId: bigint, producerEpoch: number): boolean {
    return (
      this.#transactions.firstOffset(producerId) !== undefined && this.#entries.get(producerId)?.epoch === producerEpoch
    )
  }

  /** The epoch in which the producer wrote last; −1 where it is not known. */
  epochOf(producerId: bigint): number {
    return this.#entries.get(producerId)?.epoch ?? -1
  }

  /**
   * Judges a marker: Kafka's error, or null. With `transaction.version` 2 a marker has the epoch after that of the records,
   * and one of the same epoch may only repeat a marker that is here (KIP-890, KIP-1228). Source: ProducerAppendInfo.appendEndTxnMarker.
   */
  checkMarker(
    { producerId, producerEpoch, coordinatorEpoch }: TransactionMarker,
    transactionVersion: number,
  ): 'INVALID_PRODUCER_EPOCH' | 'TRANSACTION_COORDINATOR_FENCED' | null {
    const entry = this.#entries.get(producerId)
    if (!entry) return null
    if (producerEpoch < entry.epoch) return 'INVALID_PRODUCER_EPOCH'
    const isOngoing = this.#transactions.firstOffset(producerId) !== undefined
    if (transactionVersion >= 2 && producerEpoch === entry.epoch && isOngoing) return 'INVALID_PRODUCER_EPOCH'
    return coordinatorEpoch < entry.coordinatorEpoch ? 'TRANSACTION_COORDINATOR_FENCED' : null
  }

  /** Remembers a marker that stands at `offset`: the producer's transaction has ended here. */
  endTransaction(marker: TransactionMarker, offset: bigint, timestamp: number): void {
    const entry = this.#raise(marker.producerId, marker.producerEpoch, timestamp)
    entry.coordinatorEpoch = marker.coordinatorEpoch
    this.#transactions.end(marker.producerId, offset, marker.committed)
  }

  /** Takes in a batch of the log once more, as all of them are at start. */
  replay(bytes: Buffer): void {
    const header = readBatchHeader(bytes, 0)
    if (header.producerId < 0n) return
    if (!header.attributes.control) {
      // A batch that compaction thinned out still has all the sequences it began with.
      const recordCount = header.lastOffsetDelta + 1
      this.remember({ ...header, recordCount }, header.baseOffset, header.maxTimestamp)
      return
    }
    const marker = readMarker(bytes)
    if (marker) this.endTransaction(marker, header.baseOffset, header.maxTimestamp)
  }

  /** Where readers of committed records have to stop. */
  lastStableOffset(startOffset: bigint, highWatermark: bigint): bigint {
    return this.#transactions.lastStableOffset(startOffset, highWatermark)
  }

  /** The aborted transactions that have something in the offsets from `from` up to before `to`. */
  abortedBetween(from: bigint, to: bigint): AbortedTransaction[] {
    return this.#transactions.abortedBetween(from, to)
  }

  /** Whether a batch of the producer that stands at `offset` belongs to a transaction that was aborted. */
  isAborted(producerId: bigint, offset: bigint): boolean {
    return this.#transactions.isAborted(producerId, offset)
  }

  /** Forgets the aborted transactions that lie wholly before the log's start. */
  dropBefore(startOffset: bigint): void {
    this.#transactions.dropBefore(startOffset)
  }

  /** Forgets the aborted transactions of which nothing is left, not even the marker at one of these offsets. */
  forgetAborted(markers: ReadonlySet<bigint>): void {
    this.#transactions.forgetAborted(markers)
  }

  /** Forgets everything, to be built anew from the log. */
  reset(): void {
    this.#entries.clear()
    this.#transactions.clear()
  }

  #raise(producerId: bigint, producerEpoch: number, timestamp: number): ProducerEntry {
    let entry = this.#entries.get(producerId)
    if (!entry) {
      entry = { epoch: producerEpoch, batches: [], coordinatorEpoch: -1, lastTimestamp: timestamp }
      this.#entries.set(producerId, entry)
    }
    if (entry.epoch !== producerEpoch) {
      entry.epoch = producerEpoch
      entry.batches.length = 0
    }
    entry.lastTimestamp = timestamp
    return entry
  }

  /** Forgets one producer, or all: what `producer.id.expiration.ms` does in time. */
  forget(producerId?: bigint): void {
    if (producerId === undefined) this.#entries.clear()
    else this.#entries.delete(producerId)
  }

  /** Forgets the producers whose last batch or marker is not newer than that, and that have no transaction under way. Source: ProducerStateManager.removeExpiredProducers. */
  expire(timestamp: number): void {
    for (const [producerId, { lastTimestamp }] of this.#entries)
      if (lastTimestamp <= timestamp && this.#transactions.firstOffset(producerId) === undefined)
        this.#entries.delete(producerId)
  }

  /** Raises the epoch of every producer by one, so that those who write on are fenced. */
  bumpEpochs(): void {
    for (const entry of this.#entries.values()) {
      entry.epoch++
      entry.batches.length = 0
    }
  }

  snapshot(): ProducerSnapshot[] {
    return [...this.#entries].map(([producerId, entry]) => ({
      producerId,
      producerEpoch: entry.epoch,
      batches: [...entry.batches],
      coordinatorEpoch: entry.coordinatorEpoch,
      lastTimestamp: entry.lastTimestamp,
      transactionFirstOffset: this.#transactions.firstOffset(producerId) ?? -1n,
    }))
  }
}
