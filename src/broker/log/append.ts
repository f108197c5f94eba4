import type { BrokerErrorCode } from '../../base/errors/index.ts'
import { attributesAt, batchHeaderSize, codecMask } from '../../wire/protocol/records/batch-layout.ts'
import {
  type BatchHeader,
  type BatchVerdict,
  endOfBatch,
  setBaseOffset,
  setLogAppendTime,
  setPartitionLeaderEpoch,
  validateBatch,
} from '../../wire/protocol/records/record-batch.ts'
import { decompress } from '../decompress.ts'
import { StorageError } from '../storage/open-files.ts'
import type { Partition } from '../topic.ts'
import type { TopicSettings } from '../topic-config.ts'
import { encodeMarker, type TransactionMarker } from './control-batch.ts'
import { setCreateTime } from './create-time.ts'
import { type RecordScan, scanRecords } from './record-scan.ts'

export interface Refusal {
  readonly error: BrokerErrorCode['name']
  readonly message: string
  readonly recordErrors?: readonly { batchIndex: number; batchIndexErrorMessage: string }[]
}

export interface Appended {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  /** −1 where the records keep their own time. */
  readonly logAppendTimeMs: bigint
  readonly duplicate: boolean
}

export type AppendOutcome = { readonly refusal: Refusal } | Appended

const zstd = 4

const refuse = (error: string, message: string): AppendOutcome => ({ refusal: { error, message } })

/** What a Produce request demands beside the batch itself. */
export interface AppendContext {
  readonly produceVersion: number
  /** Milliseconds since 1970. */
  readonly wallTime: number
}

/**
 * Checks what a client sent for one partition as Kafka does, and appends it: exactly one batch, kept as received but for
 * base offset, leader epoch and, where the topic has it so, the time of the append. Source: ProduceRequest.validateRecords,
 * UnifiedLog.append, LogValidator.
 */
export function appendRecords(
  partition: Partition,
  settings: TopicSettings,
  records: Buffer,
  context: AppendContext,
): AppendOutcome {
  const alone = refuseUnlessOneBatch(records, context.produceVersion)
  if (alone) return alone
  // What a codec gave is kept for the second look at the records.
  let inflated: Buffer | undefined
  let codecFailed = false
  const verdict = validateBatch(records, 0, {
    maxMessageBytes: settings.maxMessageBytes,
    decompress(codec, compressed) {
      codecFailed = true
      inflated = decompress(codec, compressed)
      codecFailed = false
      return inflated
    },
  })
  if (!verdict.ok) return { refusal: refusalOf(verdict, codecFailed) }
  const { header } = verdict
  const scan = scanRecords(inflated ?? records.subarray(batchHeaderSize), header.recordCount, header.baseTimestamp, {
    keyRequired: settings.compacted,
    earliestTimestamp: settings.logAppendTime
      ? Number.NEGATIVE_INFINITY
      : context.wallTime - settings.timestampBeforeMaxMs,
    latestTimestamp: settings.logAppendTime
      ? Number.POSITIVE_INFINITY
      : context.wallTime + settings.timestampAfterMaxMs,
  })
  const refusal = refuseRecords(partition, header, scan)
  if (refusal) return refusal
  return appendValid(partition, settings, records, header, scan, context)
}

/** Kafka has no error of its own for what a codec cannot read: its library's exception comes out as UNKNOWN_SERVER_ERROR. */
function refusalOf(verdict: Exclude<BatchVerdict, { ok: true }>, codecFailed: boolean): Refusal {
  const { fault, error, message, recordIndex } = verdict
  if (fault === 'records') return { error: codecFailed ? 'UNKNOWN_SERVER_ERROR' : 'INVALID_RECORD', message }
  const recordErrors = recordIndex === undefined ? [] : [{ batchIndex: recordIndex, batchIndexErrorMessage: message }]
  return { error, message, recordErrors }
}

function appendValid(
  partition: Partition,
  settings: TopicSettings,
  records: Buffer,
  header: BatchHeader,
  scan: RecordScan,
  context: AppendContext,
): AppendOutcome {
  const idempotent = header.producerId >= 0n
  if (idempotent) {
    const { transactional } = header.attributes
    const sequence = partition.producers.check(header, transactional && context.produceVersion >= 12)
    if (sequence.kind === 'refuse') return refuse(sequence.error, sequence.message)
    if (sequence.kind === 'duplicate') {
      const { baseOffset, maxTimestamp } = sequence.original
      const lastOffset = baseOffset + BigInt(header.lastOffsetDelta)
      // Kafka gives the original's highest timestamp as append time here, whatever the topic's timestamp type is.
      return { baseOffset, lastOffset, logAppendTimeMs: BigInt(maxTimestamp), duplicate: true }
    }
  }
  const { log, leaderEpoch } = partition
  // The one copy: a view would keep the whole frame, and what shares it, in memory.
  const bytes = Buffer.from(records)
  const baseOffset = log.endOffset
  setBaseOffset(bytes, 0, baseOffset)
  setPartitionLeaderEpoch(bytes, 0, leaderEpoch)
  let { maxTimestamp } = scan
  if (settings.logAppendTime) {
    maxTimestamp = context.wallTime
    setLogAppendTime(bytes, 0, maxTimestamp)
  } else if (maxTimestamp !== header.maxTimestamp || header.attributes.timestampType === 'log-append-time')
    setCreateTime(bytes, maxTimestamp)
  const lastOffset = baseOffset + BigInt(header.lastOffsetDelta)
  try {
    log.append({ baseOffset, lastOffset, maxTimestamp, leaderEpoch, bytes })
  } catch (error) {
    if (error instanceof StorageError) return refuse('KAFKA_STORAGE_ERROR', error.message)
    throw error
  }
  if (idempotent) partition.producers.remember(header, baseOffset, maxTimestamp)
  if (settings.deletes && settings.retentionBytes >= 0) {
    log.keepBytes(settings.retentionBytes)
    partition.producers.dropBefore(log.startOffset)
  }
  const logAppendTimeMs = settings.logAppendTime ? BigInt(maxTimestamp) : -1n
  return { baseOffset, lastOffset, logAppendTimeMs, duplicate: false }
}

function refuseUnlessOneBatch(records: Buffer, version: number): AppendOutcome | null {
  if (records.length === 0)
    return refuse(
      'INVALID_RECORD',
      `Produce requests with version ${version} must have exactly one record batch per partition`,
    )
  // Too short, of an old magic, or cut off: the validation says which.
  if (records.length < batchHeaderSize) return null
  const codec = records.readInt16BE(attributesAt) & codecMask
  if (codec === zstd && version < 7)
    return refuse(
      'UNSUPPORTED_COMPRESSION_TYPE',
      `Produce requests with version ${version} are not allowed to use ZStandard compression`,
    )
  try {
    if (endOfBatch(records, 0) === records.length) return null
  } catch {
    return null
  }
  return refuse(
    'INVALID_RECORD',
    `Produce requests with version ${version} must have exactly one record batch per partition`,
  )
}

function refuseRecords(partition: Partition, header: BatchHeader, scan: RecordScan): AppendOutcome | null {
  if (scan.problems.length === 0) return null
  const recordErrors = scan.problems.map(({ index, kind }) => ({
    batchIndex: index,
    batchIndexErrorMessage:
      kind === 'null-key'
        ? `Compacted topic cannot accept message without key in topic partition ${partition.topic}-${partition.index}.`
        : `Timestamp of message with offset ${index} is out of range: the timestamp should be within message.timestamp.before.max.ms and message.timestamp.after.max.ms of the broker's time`,
  }))
  const error = scan.problems.some(({ kind }) => kind === 'timestamp') ? 'INVALID_TIMESTAMP' : 'INVALID_RECORD'
  const message = `${recordErrors.length} of ${header.recordCount} records were refused: ${recordErrors[0]!.batchIndexErrorMessage}`
  return { refusal: { error, message, recordErrors } }
}

/**
 * Writes the end of a transaction. Gives Kafka's error where the partition does not take it, else null.
 *
 * @param transactionVersion - Of the transaction: with 2 markers have an epoch of their own.
 */
export function appendMarker(
  partition: Partition,
  marker: TransactionMarker,
  transactionVersion: number,
  timestamp: number,
): ReturnType<Partition['producers']['checkMarker']> | 'KAFKA_STORAGE_ERROR' {
  const { log, leaderEpoch, producers } = partition
  const error = producers.checkMarker(marker, transactionVersion)
  if (error) return error
  const baseOffset = log.endOffset
  const bytes = encodeMarker(marker, { baseOffset, leaderEpoch, timestamp })
  try {
    log.append({ baseOffset, lastOffset: baseOffset, maxTimestamp: timestamp, leaderEpoch, bytes })
  } catch (storageError) {
    if (storageError instanceof StorageError) return 'KAFKA_STORAGE_ERROR'
    throw storageError
  }
  producers.endTransaction(marker, baseOffset, timestamp)
  partition.changed()
  return null
}
