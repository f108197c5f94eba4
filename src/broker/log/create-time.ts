import { attributesAt, crcAt, maxTimestampAt, timestampTypeBit } from '../../wire/protocol/records/batch-layout.ts'
import { computeBatchCrc } from '../../wire/protocol/records/record-batch.ts'

/**
 * Puts right what the producer's header said of time, on a topic whose records keep their own: the highest timestamp of
 * the records, and a timestamp type that only brokers set. Source: LogValidator, DefaultRecordBatch.setMaxTimestamp.
 */
export function setCreateTime(batch: Buffer, maxTimestamp: number): void {
  batch.writeInt16BE(batch.readInt16BE(attributesAt) & ~timestampTypeBit, attributesAt)
  batch.writeBigInt64BE(BigInt(maxTimestamp), maxTimestampAt)
  batch.writeUInt32BE(computeBatchCrc(batch, 0), crcAt)
}
