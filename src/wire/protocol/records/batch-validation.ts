import { DecodeError } from '../decode-error.ts'
import { type BatchHeader, computeBatchCrc, readBatchHeader } from './batch-header.ts'
import { batchHeaderSize, batchLengthAt, currentMagic, logOverhead, magicAt } from './batch-layout.ts'
import { type Decompress, iterateRecords } from './batch-records.ts'

/** Why a broker refuses a batch. */
export type BatchFault =
  | 'truncated'
  | 'length'
  | 'magic'
  | 'too-large'
  | 'crc'
  | 'codec'
  | 'control'
  | 'sequence'
  | 'base-offset'
  | 'count'
  | 'timestamp'
  | 'records'
  | 'offset-delta'

/** Kafka's name for what a broker answers. */
export type BatchFaultError =
  | 'CORRUPT_MESSAGE'
  | 'MESSAGE_TOO_LARGE'
  | 'INVALID_RECORD'
  | 'UNSUPPORTED_COMPRESSION_TYPE'
  | 'INVALID_TIMESTAMP'

export type BatchVerdict =
  | { readonly ok: true; readonly header: BatchHeader }
  | {
      readonly ok: false
      readonly fault: BatchFault
      readonly error: BatchFaultError
      readonly message: string
      /** The record at fault, where it is one; `batch_index` in a Produce response (KIP-467). */
      readonly recordIndex?: number
    }

export interface BatchLimits {
  /** Size of a whole batch; Kafka's `max.message.bytes`. */
  readonly maxMessageBytes: number
  /** Bounds its own output. */
  readonly decompress: Decompress
  /** Also refuse what only brokers may write: control batches and a base offset. Default true. */
  readonly fromClient?: boolean
}

const lastKnownCodec = 4

function refuse(fault: BatchFault, error: BatchFaultError, message: string, recordIndex?: number): BatchVerdict {
  return { ok: false, fault, error, message, ...(recordIndex !== undefined && { recordIndex }) }
}

/**
 * Checks the batch at `at` as a broker does before it appends it. Source: UnifiedLog.analyzeAndValidateRecords and
 * LogValidator.java. Stricter in one point: Kafka looks at the offset deltas of compressed batches only.
 */
export function validateBatch(bytes: Buffer, at: number, limits: BatchLimits): BatchVerdict {
  const left = Math.max(0, bytes.length - at)
  // The magic is at the same place in all formats; a batch of an old one may be shorter than this header.
  if (left <= magicAt) return refuse('truncated', 'CORRUPT_MESSAGE', `${left} bytes are no record batch`)
  const magic = bytes.readInt8(at + magicAt)
  if (magic !== currentMagic) return refuse('magic', 'INVALID_RECORD', `batch has magic ${magic}, not ${currentMagic}`)
  const size = bytes.readInt32BE(at + batchLengthAt) + logOverhead
  if (size < batchHeaderSize)
    return refuse('length', 'CORRUPT_MESSAGE', `a batch of ${size} bytes is smaller than its header`)
  if (size > left) return refuse('truncated', 'CORRUPT_MESSAGE', `batch of ${size} bytes, but ${left} are there`)
  if (size > limits.maxMessageBytes)
    return refuse('too-large', 'MESSAGE_TOO_LARGE', `batch of ${size} bytes, but ${limits.maxMessageBytes} are allowed`)

  const header = readBatchHeader(bytes, at)
  const computed = computeBatchCrc(bytes, at)
  if (computed !== header.crc)
    return refuse('crc', 'CORRUPT_MESSAGE', `batch says CRC ${header.crc}, its bytes have ${computed}`)
  return refuseHeader(header, limits) ?? refuseRecords(bytes, at, header, limits) ?? { ok: true, header }
}

function refuseHeader(header: BatchHeader, limits: BatchLimits): BatchVerdict | null {
  const { attributes, recordCount, lastOffsetDelta, baseOffset, producerId, baseSequence } = header
  if (attributes.codec > lastKnownCodec)
    return refuse('codec', 'UNSUPPORTED_COMPRESSION_TYPE', `unknown compression codec ${attributes.codec}`)
  if (limits.fromClient ?? true) {
    if (baseOffset !== 0n)
      return refuse('base-offset', 'INVALID_RECORD', `base offset is ${baseOffset}, a client must write 0`)
    if (attributes.control) return refuse('control', 'INVALID_RECORD', 'a client must not write control batches')
  }
  if (recordCount <= 0 || lastOffsetDelta < 0 || lastOffsetDelta + 1 !== recordCount)
    return refuse('count', 'INVALID_RECORD', `${recordCount} records with last offset delta ${lastOffsetDelta}`)
  if (producerId >= 0n && baseSequence < 0)
    return refuse('sequence', 'INVALID_RECORD', `producer ${producerId} gave base sequence ${baseSequence}`)
  if (!Number.isSafeInteger(header.baseTimestamp) || !Number.isSafeInteger(header.maxTimestamp))
    return refuse('timestamp', 'INVALID_TIMESTAMP', 'a timestamp of the batch is beyond 2^53 ms')
  return null
}

function refuseRecords(bytes: Buffer, at: number, header: BatchHeader, limits: BatchLimits): BatchVerdict | null {
  let index = 0
  try {
    for (const record of iterateRecords(bytes, at, limits.decompress)) {
      if (record.offsetDelta !== index) {
        const message = `record ${index} of ${header.recordCount} has offset delta ${record.offsetDelta}`
        return refuse('offset-delta', 'INVALID_RECORD', message, index)
      }
      index++
    }
  } catch (error) {
    if (error instanceof DecodeError) return refuse('records', 'CORRUPT_MESSAGE', error.message)
    throw error
  }
  return null
}
