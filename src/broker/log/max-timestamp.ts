import { crcAt, maxTimestampAt } from '../../wire/protocol/records/batch-layout.ts'
import { computeBatchCrc } from '../../wire/protocol/records/record-batch.ts'

/** Puts the highest timestamp of the records right where the producer's header said another (LogValidator does the same). */
export function setMaxTimestamp(batch: Buffer, maxTimestamp: number): void {
  batch.writeBigInt64BE(BigInt(maxTimestamp), maxTimestampAt)
  batch.writeUInt32BE(computeBatchCrc(batch, 0), crcAt)
}
