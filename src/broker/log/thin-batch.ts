import { codecById } from '../../wire/compression/index.ts'
import * as layout from '../../wire/protocol/records/batch-layout.ts'
import { type DecodedRecord, encodeRecords } from '../../wire/protocol/records/record.ts'
import { type BatchHeader, computeBatchCrc } from '../../wire/protocol/records/record-batch.ts'
import { writeInt64 } from '../../wire/protocol/records/varint.ts'

/**
 * The batch with only these of its records. Offsets, producer and sequence stay as they were, and so does the codec; without
 * records it is a header alone. Source: MemoryRecords.filterTo, buildRetainedRecordsInto.
 *
 * @param deleteHorizon - the time from which on tombstones may be dropped (KIP-534), in milliseconds since 1970; null: as it was.
 */
export function thinBatch(
  batch: Buffer,
  header: BatchHeader,
  kept: readonly DecodedRecord[],
  deleteHorizon: number | null,
): Buffer {
  const { codec } = header.attributes
  const baseTimestamp = deleteHorizon ?? header.baseTimestamp
  const plain = encodeRecords(kept, baseTimestamp, ({ offsetDelta }) => offsetDelta)
  const records = codec === 0 || kept.length === 0 ? plain : compressed(codec, plain)
  const thinned = Buffer.allocUnsafe(layout.batchHeaderSize + records.length)
  batch.copy(thinned, 0, 0, layout.batchHeaderSize)
  records.copy(thinned, layout.batchHeaderSize)
  thinned.writeInt32BE(thinned.length - layout.logOverhead, layout.batchLengthAt)
  thinned.writeInt32BE(kept.length, layout.recordCountAt)
  let attributes = batch.readInt16BE(layout.attributesAt)
  if (deleteHorizon !== null) attributes |= layout.deleteHorizonBit
  if (kept.length === 0) attributes &= ~(layout.codecMask | layout.deleteHorizonBit)
  thinned.writeInt16BE(attributes, layout.attributesAt)
  writeInt64(thinned, layout.baseTimestampAt, kept.length === 0 ? header.maxTimestamp : baseTimestamp)
  if (header.attributes.timestampType === 'create-time' && kept.length > 0) {
    const newest = kept.reduce((max, { timestamp }) => Math.max(max, timestamp), layout.noTimestamp)
    writeInt64(thinned, layout.maxTimestampAt, newest)
  }
  thinned.writeUInt32BE(computeBatchCrc(thinned, 0), layout.crcAt)
  return thinned
}

function compressed(codec: number, records: Buffer): Buffer {
  const bytes = codecById(codec)!.compress(records)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
