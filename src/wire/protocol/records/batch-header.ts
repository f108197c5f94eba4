import { DecodeError } from '../decode-error.ts'
import * as layout from './batch-layout.ts'
import { crc32c } from './crc32c.ts'
import { readInt64, writeInt64 } from './varint.ts'

export type TimestampType = 'create-time' | 'log-append-time'

/** The parts of a batch's 16 attribute bits. */
export interface BatchAttributes {
  /** Compression codec id, 0 to 7; Kafka knows 0 to 4. */
  readonly codec: number
  readonly timestampType: TimestampType
  readonly transactional: boolean
  readonly control: boolean
  /** `baseTimestamp` is the time when tombstones may be dropped (KIP-534). Only brokers write it. */
  readonly deleteHorizon: boolean
}

export interface BatchHeader {
  readonly baseOffset: bigint
  /** As written: the bytes after this field. */
  readonly batchLength: number
  readonly partitionLeaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: BatchAttributes
  readonly lastOffsetDelta: number
  /** Milliseconds; the nearest double where it is beyond 2^53. */
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
  /** The whole batch, with base offset and length. */
  readonly sizeInBytes: number
}

/**
 * Reads the 61 bytes at `at` as they are. Nothing is checked but that they are there: magic, length, CRC and counts
 * are for `validateBatch`, and `decodeRecords` never trusts them.
 */
export function readBatchHeader(bytes: Buffer, at: number): BatchHeader {
  if (at < 0 || bytes.length - at < layout.batchHeaderSize)
    throw new DecodeError(`batch header at ${at}, but ${Math.max(0, bytes.length - at)} bytes are left`)
  const attributes = bytes.readInt16BE(at + layout.attributesAt)
  const batchLength = bytes.readInt32BE(at + layout.batchLengthAt)
  return {
    baseOffset: bytes.readBigInt64BE(at + layout.baseOffsetAt),
    batchLength,
    partitionLeaderEpoch: bytes.readInt32BE(at + layout.partitionLeaderEpochAt),
    magic: bytes.readInt8(at + layout.magicAt),
    crc: bytes.readUInt32BE(at + layout.crcAt),
    attributes: {
      codec: attributes & layout.codecMask,
      timestampType: attributes & layout.timestampTypeBit ? 'log-append-time' : 'create-time',
      transactional: (attributes & layout.transactionalBit) !== 0,
      control: (attributes & layout.controlBit) !== 0,
      deleteHorizon: (attributes & layout.deleteHorizonBit) !== 0,
    },
    lastOffsetDelta: bytes.readInt32BE(at + layout.lastOffsetDeltaAt),
    baseTimestamp: readInt64(bytes, at + layout.baseTimestampAt),
    maxTimestamp: readInt64(bytes, at + layout.maxTimestampAt),
    producerId: bytes.readBigInt64BE(at + layout.producerIdAt),
    producerEpoch: bytes.readInt16BE(at + layout.producerEpochAt),
    baseSequence: bytes.readInt32BE(at + layout.baseSequenceAt),
    recordCount: bytes.readInt32BE(at + layout.recordCountAt),
    sizeInBytes: batchLength + layout.logOverhead,
  }
}

/** Where the batch at `at` ends. Throws DecodeError where it is not wholly there. */
export function endOfBatch(bytes: Buffer, at: number): number {
  if (at < 0 || bytes.length - at < layout.batchHeaderSize)
    throw new DecodeError(`batch at ${at}, but ${Math.max(0, bytes.length - at)} bytes are left`)
  const size = bytes.readInt32BE(at + layout.batchLengthAt) + layout.logOverhead
  if (size < layout.batchHeaderSize || size > bytes.length - at)
    throw new DecodeError(`batch of ${size} bytes at ${at}, but ${bytes.length - at} are left`)
  return at + size
}

/** The CRC that the batch at `at` should have. */
export function computeBatchCrc(bytes: Buffer, at: number): number {
  return crc32c(bytes, at + layout.attributesAt, endOfBatch(bytes, at))
}

function writeCrc(bytes: Buffer, at: number): void {
  bytes.writeUInt32BE(computeBatchCrc(bytes, at), at + layout.crcAt)
}

/** Who wrote a batch, and as which of its batches. */
export interface BatchIdentity {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  /** Left as it is when not given. */
  readonly transactional?: boolean
}

/** Writes identity and sequence into a batch and computes its CRC again, in place. */
export function stampBatch(bytes: Buffer, at: number, identity: BatchIdentity): void {
  bytes.writeBigInt64BE(identity.producerId, at + layout.producerIdAt)
  bytes.writeInt16BE(identity.producerEpoch, at + layout.producerEpochAt)
  bytes.writeInt32BE(identity.baseSequence, at + layout.baseSequenceAt)
  if (identity.transactional !== undefined) {
    const attributes = bytes.readInt16BE(at + layout.attributesAt)
    bytes.writeInt16BE(
      identity.transactional ? attributes | layout.transactionalBit : attributes & ~layout.transactionalBit,
      at + layout.attributesAt,
    )
  }
  writeCrc(bytes, at)
}

/** Sets the offset of the batch's first record. The CRC does not cover it. */
export function setBaseOffset(bytes: Buffer, at: number, baseOffset: bigint): void {
  bytes.writeBigInt64BE(baseOffset, at + layout.baseOffsetAt)
}

/** Sets the epoch of the leader that appended the batch. The CRC does not cover it. */
export function setPartitionLeaderEpoch(bytes: Buffer, at: number, epoch: number): void {
  bytes.writeInt32BE(epoch, at + layout.partitionLeaderEpochAt)
}

/** What a broker does with `message.timestamp.type=LogAppendTime`: all records have this time from now on. */
export function setLogAppendTime(bytes: Buffer, at: number, timestampMs: number): void {
  const attributes = bytes.readInt16BE(at + layout.attributesAt)
  bytes.writeInt16BE(attributes | layout.timestampTypeBit, at + layout.attributesAt)
  writeInt64(bytes, at + layout.maxTimestampAt, timestampMs)
  writeCrc(bytes, at)
}
