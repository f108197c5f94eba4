/** A record batch of magic 2: its header, its records, writing one, and judging one. */

export { type EncodeBatchOptions, encodeBatch } from './batch-encoder.ts'
export {
  type BatchHeader,
  computeBatchCrc,
  endOfBatch,
  readBatchHeader,
  setBaseOffset,
  setLogAppendTime,
  setPartitionLeaderEpoch,
  stampBatch,
} from './batch-header.ts'
export { type Decompress, decodeRecords, iterateRecords } from './batch-records.ts'
export {
  type BatchFault,
  type BatchLimits,
  type BatchVerdict,
  validateBatch,
} from './batch-validation.ts'
export type { RecordToEncode } from './record.ts'
