import * as layout from '../../wire/protocol/records/batch-layout.ts'
import { readInt64 } from '../../wire/protocol/records/varint.ts'

/** A record batch as it stands in a log, with what is needed to find it. */
export interface StoredBatch {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly maxTimestamp: number
  readonly leaderEpoch: number
  /** The batch itself, base offset and leader epoch set. Owned by the log; never changed once it is here. */
  readonly bytes: Buffer
}

/** The place of a batch in a segment, read from its header. */
export interface BatchPlace {
  readonly position: number
  readonly size: number
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly maxTimestamp: number
}

/** Reads where the batch whose header stands at `at` lies; `position` is what that place is called in its segment. */
export function placeOf(bytes: Buffer, at: number, position: number): BatchPlace {
  const baseOffset = bytes.readBigInt64BE(at + layout.baseOffsetAt)
  return {
    position,
    size: bytes.readInt32BE(at + layout.batchLengthAt) + layout.logOverhead,
    baseOffset,
    lastOffset: baseOffset + BigInt(bytes.readInt32BE(at + layout.lastOffsetDeltaAt)),
    maxTimestamp: readInt64(bytes, at + layout.maxTimestampAt),
  }
}

/** What a log knows of a batch that is known to be whole. */
export function storedBatchOf(bytes: Buffer): StoredBatch {
  const { baseOffset, lastOffset, maxTimestamp } = placeOf(bytes, 0, 0)
  return { baseOffset, lastOffset, maxTimestamp, leaderEpoch: bytes.readInt32BE(layout.partitionLeaderEpochAt), bytes }
}
