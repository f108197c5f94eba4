import { DecodeError } from '../decode-error.ts'
import { Reader } from '../reader.ts'
import { endOfBatch, readBatchHeader } from './batch-header.ts'
import { batchHeaderSize, currentMagic, minimumRecordSize } from './batch-layout.ts'
import { type DecodedRecord, readRecord } from './record.ts'

/**
 * Gives back what a codec had compressed. It bounds its own output, and throws DecodeError for bytes that it cannot
 * read. A function, because the protocol does not know compression.
 */
export type Decompress = (codec: number, compressed: Buffer) => Buffer

/**
 * The records of the batch at `at`, one after the other. Every length is compared with the bytes that are there; bytes
 * that break the format throw DecodeError. The CRC is not checked here.
 */
export function* iterateRecords(bytes: Buffer, at: number, decompress: Decompress): Generator<DecodedRecord, void> {
  const end = endOfBatch(bytes, at)
  const header = readBatchHeader(bytes, at)
  if (header.magic !== currentMagic) throw new DecodeError(`batch of magic ${header.magic}`)
  const { recordCount, baseTimestamp } = header
  const { codec, timestampType } = header.attributes
  // A batch emptied by compaction keeps its header alone; not all codecs make something of no bytes.
  if (recordCount === 0 && end === at + batchHeaderSize) return
  const stored = bytes.subarray(at + batchHeaderSize, end)
  const records = codec === 0 ? stored : decompress(codec, stored)
  if (recordCount < 0 || recordCount * minimumRecordSize > records.length)
    throw new DecodeError(`${recordCount} records in ${records.length} bytes`)
  for (const timestamp of [baseTimestamp, header.maxTimestamp])
    if (!Number.isSafeInteger(timestamp)) throw new DecodeError(`timestamp of about ${timestamp} ms is out of range`)
  const reader = new Reader(records)
  const logAppendTime = timestampType === 'log-append-time' ? header.maxTimestamp : null
  for (let i = 0; i < recordCount; i++) yield readRecord(reader, baseTimestamp, logAppendTime)
  if (reader.remaining > 0) throw new DecodeError(`${reader.remaining} bytes after ${recordCount} records`)
}

/** All records of the batch at `at`. Throws DecodeError for bytes that break the format. */
export function decodeRecords(bytes: Buffer, at: number, decompress: Decompress): DecodedRecord[] {
  return [...iterateRecords(bytes, at, decompress)]
}
