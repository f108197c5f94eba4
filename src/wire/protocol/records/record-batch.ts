/** A record batch of magic 2: its header, its records, writing one, and judging one. */

export { type EncodeBatchOptions, encodeBatch } from './batch-encoder.ts'
export {
  type BatchAttributes,
  type BatchHeader,
  type BatchIdentity,
  computeBatchCrc,
  endOfBatch,
  readBatchHeader,
  setBaseOffset,
  setLogAppendTime,
  setPartitionLeaderEpoch,
  stampBatch,
  type TimestampType,
} from './batch-header.ts'
export { type Decompress, decodeRecords, iterateRecords } from './batch-records.ts'
export {
  type BatchFault,
  type BatchFaultError,
  type BatchLimits,
  type BatchVerdict,
  validateBatch,
} from './batch-validation.ts'
export type { DecodedRecord, RecordToEncode } from './record.ts'
