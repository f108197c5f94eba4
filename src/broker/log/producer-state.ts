import { readBatchHeader } from '../../wire/protocol/records/record-batch.ts'

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
      readonly error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' | 'INVALID_PRODUCER_EPOCH' | 'UNKNOWN_PRODUCER_ID'
      readonly message: string
    }

interface ProducerEntry {
  epoch: number
  /** Oldest first, all of `epoch`. */
  readonly batches: RememberedBatch[]
}

/** What one partition remembers of one producer id, for reading back in tests. */
export interface ProducerSnapshot {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly batches: readonly RememberedBatch[]
}

/**
 * The idempotent producers of one partition: which epochs and sequences they wrote last.
 * Source: ProducerStateManager, ProducerStateEntry and ProducerAppendInfo in Kafka's storage module.
 */
export class ProducerState {
  readonly #entries = new Map<bigint, ProducerEntry>()
  readonly #unknownMayBeginAnywhere: boolean

  /**
   * @param unknownMayBeginAnywhere - Since Kafka 2.5 (KIP-360) a producer id that the partition does not know may begin
   *   with any sequence; before, it got UNKNOWN_PRODUCER_ID unless it began with 0.
   */
  constructor(unknownMayBeginAnywhere = true) {
    this.#unknownMayBeginAnywhere = unknownMayBeginAnywhere
  }

  /** Judges a batch; changes nothing. */
  check(batch: BatchSequence): SequenceVerdict {
    const { producerId, producerEpoch, baseSequence, recordCount } = batch
    const entry = this.#entries.get(producerId)
    if (!entry) {
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
    const expected = producerEpoch > entry.epoch ? 0 : advanceSequence(entry.batches.at(-1)?.lastSequence ?? -1, 1)
    if (baseSequence === expected) return { kind: 'append' }
    const message = `producer ${producerId} epoch ${producerEpoch} wrote sequence ${baseSequence}, expected ${expected}`
    return { kind: 'refuse', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', message }
  }

  /** Remembers a batch that `check` let through and that now stands at `baseOffset`. */
  remember(batch: BatchSequence, baseOffset: bigint, maxTimestamp: number): void {
    const { producerId, producerEpoch, baseSequence, recordCount } = batch
    let entry = this.#entries.get(producerId)
    if (!entry) {
      entry = { epoch: producerEpoch, batches: [] }
      this.#entries.set(producerId, entry)
    }
    if (entry.epoch !== producerEpoch) {
      entry.epoch = producerEpoch
      entry.batches.length = 0
    }
    const lastSequence = advanceSequence(baseSequence, recordCount - 1)
    entry.batches.push({ baseSequence, lastSequence, baseOffset, maxTimestamp })
    if (entry.batches.length > duplicateWindow) entry.batches.shift()
  }

  /**
   * Takes in a batch that stands in the log already, oldest first: what a start, or a log that was cut, remembers. Of a control
   * batch only its epoch counts here; what it ends is for whoever keeps transactions. A batch that compaction thinned out
   * still has all the sequences it began with.
   */
  replay(batch: Buffer): void {
    const { producerId, producerEpoch, baseSequence, lastOffsetDelta, baseOffset, maxTimestamp, attributes } =
      readBatchHeader(batch, 0)
    if (producerId < 0n) return
    if (!attributes.control) {
      const recordCount = lastOffsetDelta + 1
      this.remember({ producerId, producerEpoch, baseSequence, recordCount }, baseOffset, maxTimestamp)
      return
    }
    const entry = this.#entries.get(producerId)
    if (entry && entry.epoch >= producerEpoch) return
    this.#entries.set(producerId, { epoch: producerEpoch, batches: [] })
  }

  /** Forgets one producer, or all: what `producer.id.expiration.ms` does in time. */
  forget(producerId?: bigint): void {
    if (producerId === undefined) this.#entries.clear()
    else this.#entries.delete(producerId)
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
    }))
  }
}
