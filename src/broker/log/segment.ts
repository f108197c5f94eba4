import type { StoredBatch } from './stored-batch.ts'

/** Offsets in an index are 32 bits, relative to the segment's first. */
export const maxRelativeOffset = 2n ** 31n - 1n

/** What the configuration of a topic says of its logs; Kafka's names and meanings. */
export interface LogConfig {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  readonly flushMessages: number
  readonly flushMs: number
}

/** The least that can be dropped from the front of a log: a batch in memory, a whole segment on disk. */
export interface Front {
  readonly endOffset: bigint
  readonly bytes: number
  /** −1 where no record has a time. */
  readonly maxTimestamp: number
}

/** The batches that a read has found so far, and when it has enough. */
export class Reading {
  readonly found: Buffer[] = []
  readonly #before: bigint
  readonly #atLeastOne: boolean
  #left: number
  #full = false

  /** @param before - what is at or after this offset is not given (the high watermark). */
  constructor(before: bigint, maxBytes: number, atLeastOne: boolean) {
    this.#before = before
    this.#left = maxBytes
    this.#atLeastOne = atLeastOne
  }

  get full(): boolean {
    return this.#full
  }

  /** How many bytes it can still take. */
  get left(): number {
    return this.#left
  }

  /** Whether the next batch may be given; after a no the reading is full. */
  accepts(lastOffset: bigint, size: number): boolean {
    const fits = size <= this.#left || (this.found.length === 0 && this.#atLeastOne)
    if (!fits || lastOffset >= this.#before) this.#full = true
    return !this.#full
  }

  add(batch: Buffer): void {
    this.found.push(batch)
    this.#left -= batch.length
  }
}

/** A piece of a log: batches from `baseOffset` on, in memory or in a file. Only the last one of a log is appended to. */
export interface Segment {
  readonly baseOffset: bigint
  /** Behind the last batch; `baseOffset` where there is none. */
  readonly endOffset: bigint
  readonly sizeInBytes: number
  /** −1 where no record has a time. */
  readonly maxTimestamp: number
  /** The highest timestamp of the first batch, which `segment.ms` counts from; −1 where there is none. */
  readonly firstTimestamp: number
  /** Whether its indexes have no room for another entry. */
  isFull(config: LogConfig): boolean
  append(batch: StoredBatch, config: LogConfig): void
  /** Collects whole batches from the one that holds `offset`, or the next one, on. */
  read(offset: bigint, reading: Reading): void
  /** The size of what lies from `offset` up to `before`, counted no further than `enough`. */
  bytesBetween(offset: bigint, before: bigint, enough: number): number
  /** The batches from the one that holds `offset`, or the next one, on. */
  batches(offset: bigint): Iterable<StoredBatch>
  /** The first batch that ends at or after `from` and whose highest timestamp is not before `timestamp`. */
  firstBatchAt(timestamp: number, from: bigint): StoredBatch | undefined
  /** The first of the batches that hold the highest timestamp. */
  batchOfMaxTimestamp(): StoredBatch | undefined
  /** What could be dropped next; undefined where it is empty. */
  front(): Front | undefined
  /** Drops what `front` tells. On disk the segment is no more then. */
  dropFront(): void
  /** Drops every batch that ends at or after `offset`. */
  truncateTo(offset: bigint): void
  /** Nothing more is appended to it. */
  seal(): void
  /** Puts on the medium what was written. */
  flush(): void
  close(): void
  /** Takes it from the log with its files. */
  delete(): void
}

/** An epoch of leadership and the first offset that was written in it. */
export interface EpochStart {
  readonly epoch: number
  readonly startOffset: bigint
}

/** Where the segments of one log are kept. */
export interface SegmentStore {
  /** Whole segments are dropped from the front, never parts of them, and never the one that is appended to. */
  readonly dropsWholeSegments: boolean
  /** What is there at the beginning: oldest first, at least one. */
  readonly loaded: LoadedLog
  create(baseOffset: bigint): Segment
  /** Puts a segment with these batches (of `old[0].baseOffset`) in the place of `old`, all or nothing also in a crash. */
  replace(old: readonly Segment[], batches: Iterable<StoredBatch>, config: LogConfig): Segment
  saveStartOffset(offset: bigint): void
  /** Offsets before `offset` may have gaps from now on: told before they have. */
  saveCleanedTo(offset: bigint): void
  saveEpochs(epochs: readonly EpochStart[]): void
}

export interface LoadedLog {
  readonly segments: readonly Segment[]
  readonly startOffset: bigint
  readonly cleanedTo: bigint
  readonly epochs: readonly EpochStart[]
}
