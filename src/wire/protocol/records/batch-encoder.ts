import { invariant } from '../../../base/invariant.ts'
import { computeBatchCrc, type TimestampType } from './batch-header.ts'
import * as layout from './batch-layout.ts'
import { encodeRecords, type RecordToEncode } from './record.ts'
import { writeInt64 } from './varint.ts'

export interface EncodeBatchOptions {
  readonly baseOffset?: bigint
  readonly partitionLeaderEpoch?: number
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  readonly control?: boolean
  readonly timestampType?: TimestampType
  /** How to compress the records. Default: not at all. A function, because the protocol does not know compression. */
  readonly codec?: { readonly id: number; readonly compress: (records: Uint8Array) => Uint8Array }
}

/**
 * Encodes a batch in the plainest way, for tests and for the broker. The base timestamp is that of the first record,
 * as the Java producer has it, so deltas may be negative. Timestamps are safe integers.
 */
export function encodeBatch(records: readonly RecordToEncode[], options: EncodeBatchOptions = {}): Buffer {
  invariant(records.length > 0, 'a batch has records')
  const baseTimestamp = records[0]!.timestamp
  let maxTimestamp = layout.noTimestamp
  for (const { timestamp } of records) {
    invariant(Number.isSafeInteger(timestamp), 'a timestamp is a safe integer')
    invariant(Math.abs(timestamp - baseTimestamp) <= 2 ** 53, 'a timestamp delta is exact')
    maxTimestamp = Math.max(maxTimestamp, timestamp)
  }
  const plain = encodeRecords(records, baseTimestamp, (_, index) => index)

  const stored = options.codec ? options.codec.compress(plain) : plain
  const batch = Buffer.allocUnsafe(layout.batchHeaderSize + stored.length)
  batch.set(stored, layout.batchHeaderSize)
  batch.writeBigInt64BE(options.baseOffset ?? 0n, layout.baseOffsetAt)
  batch.writeInt32BE(batch.length - layout.logOverhead, layout.batchLengthAt)
  batch.writeInt32BE(options.partitionLeaderEpoch ?? layout.noPartitionLeaderEpoch, layout.partitionLeaderEpochAt)
  batch.writeInt8(layout.currentMagic, layout.magicAt)
  batch.writeInt16BE(attributeBits(options), layout.attributesAt)
  batch.writeInt32BE(records.length - 1, layout.lastOffsetDeltaAt)
  writeInt64(batch, layout.baseTimestampAt, baseTimestamp)
  writeInt64(batch, layout.maxTimestampAt, maxTimestamp)
  batch.writeBigInt64BE(options.producerId ?? layout.noProducerId, layout.producerIdAt)
  batch.writeInt16BE(options.producerEpoch ?? layout.noProducerEpoch, layout.producerEpochAt)
  batch.writeInt32BE(options.baseSequence ?? layout.noSequence, layout.baseSequenceAt)
  batch.writeInt32BE(records.length, layout.recordCountAt)
  batch.writeUInt32BE(computeBatchCrc(batch, 0), layout.crcAt)
  return batch
}

function attributeBits(options: EncodeBatchOptions): number {
  let bits = options.codec?.id ?? 0
  if (options.timestampType === 'log-append-time') bits |= layout.timestampTypeBit
  if (options.transactional) bits |= layout.transactionalBit
  if (options.control) bits |= layout.controlBit
  return bits
}
