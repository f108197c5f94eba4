import { KafkaError } from '../../base/errors/index.ts'
import { codecById } from '../../wire/compression/index.ts'
import { DecodeError } from '../../wire/protocol/index.ts'
import { batchLengthAt, currentMagic, logOverhead, magicAt } from '../../wire/protocol/records/batch-layout.ts'
import {
  type BatchHeader,
  computeBatchCrc,
  decodeRecords,
  endOfBatch,
  iterateRecords,
  readBatchHeader,
} from '../../wire/protocol/records/record-batch.ts'
import { type AbortedTransaction, AbortedTransactions } from './aborted-transactions.ts'
import type { FetchedRecord } from './reader-options.ts'

/** What one Fetch answer brought of one partition. */
export interface Portion {
  readonly topic: string
  readonly partition: number
  /** Batches, of which the last may be cut off, and the first may begin before `from`. */
  readonly bytes: Buffer
  /** The first offset that is wanted. */
  readonly from: bigint
  /** The first that is not wanted any more; undefined: all are. */
  readonly to: bigint | undefined
  /** null: read_uncommitted, nothing is left out but the markers. */
  readonly aborted: readonly AbortedTransaction[] | null
}

const abortMarker = 0
/** A small batch must not fill the memory. */
const maxInflatedBytes = 256 * 2 ** 20

/** The offset after the last whole batch; undefined where there is none. Looks at headers only. Throws KafkaError for old formats. */
export function offsetAfter({ topic, partition, bytes }: Portion): bigint | undefined {
  let next: bigint | undefined
  for (const { header } of batchesIn(bytes, topic, partition)) next = offsetBehind(header)
  return next
}

/**
 * The records of a portion, batch by batch: without those before and behind what is wanted, without the markers of transactions, and
 * without what belongs to aborted ones. Throws KafkaError `CORRUPT_MESSAGE` for bytes that are not what was written.
 */
export function* recordsIn(portion: Portion): Generator<FetchedRecord[], void> {
  const { topic, partition, bytes, from, to } = portion
  const aborted = portion.aborted === null ? undefined : new AbortedTransactions(portion.aborted)
  for (const { header, at } of batchesIn(bytes, topic, partition)) {
    if (to !== undefined && header.baseOffset >= to) return
    const place = `${topic}-${partition} at offset ${header.baseOffset}`
    if (computeBatchCrc(bytes, at) !== header.crc) throw corrupt(place, 'its checksum is wrong')
    if (isHidden(bytes, at, header, aborted, place)) continue
    if (offsetBehind(header) <= from) continue
    const records: FetchedRecord[] = []
    for (const record of decoded(bytes, at, place)) {
      const offset = header.baseOffset + BigInt(record.offsetDelta)
      if (offset < from || (to !== undefined && offset >= to)) continue
      const { timestamp, key, value, headers } = record
      records.push({ partition, offset, timestamp, key, value, headers })
    }
    if (records.length > 0) yield records
  }
}

const offsetBehind = ({ baseOffset, lastOffsetDelta }: BatchHeader) => baseOffset + BigInt(lastOffsetDelta) + 1n

function* batchesIn(
  bytes: Buffer,
  topic: string,
  partition: number,
): Generator<{ header: BatchHeader; at: number }, void> {
  // An old message is shorter than the header of a batch, and has its magic at the same place.
  for (let at = 0; bytes.length - at > magicAt; ) {
    const magic = bytes.readInt8(at + magicAt)
    if (magic !== currentMagic)
      throw new KafkaError(
        'UNSUPPORTED_FOR_MESSAGE_FORMAT',
        `${topic}-${partition} at offset ${bytes.readBigInt64BE(at)} holds records in ` +
          `${magic === 0 || magic === 1 ? 'the message format from before Kafka 0.11' : 'an unknown message format'} ` +
          `(magic ${magic}), which this reader does not read; it reads magic ${currentMagic}`,
      )
    const size = bytes.readInt32BE(at + batchLengthAt) + logOverhead
    // Brokers cut the last batch off where the answer is full (FileRecords.slice).
    if (size > bytes.length - at) return
    let end: number
    try {
      end = endOfBatch(bytes, at)
    } catch (error) {
      throw corrupt(`${topic}-${partition}`, (error as Error).message)
    }
    yield { header: readBatchHeader(bytes, at), at }
    at = end
  }
}

/** Whether nobody is to see the records of a batch. */
function isHidden(
  bytes: Buffer,
  at: number,
  header: BatchHeader,
  aborted: AbortedTransactions | undefined,
  place: string,
): boolean {
  const { control, transactional } = header.attributes
  const lastOffset = offsetBehind(header) - 1n
  if (control) {
    if (aborted !== undefined && isAbortMarker(bytes, at, place)) aborted.end(header.producerId, lastOffset)
    return true
  }
  return transactional && aborted?.holds(header.producerId, lastOffset) === true
}

/** A marker's key is a version and a type, two bytes each. Source: ControlRecordType.java. */
function isAbortMarker(bytes: Buffer, at: number, place: string): boolean {
  const [marker] = unlessCorrupt(place, () => decodeRecords(bytes, at, decompress))
  return marker?.key != null && marker.key.length >= 4 && marker.key.readInt16BE(2) === abortMarker
}

function* decoded(bytes: Buffer, at: number, place: string) {
  const records = iterateRecords(bytes, at, decompress)
  for (;;) {
    const next = unlessCorrupt(place, () => records.next())
    if (next.done) return
    yield next.value
  }
}

function unlessCorrupt<T>(place: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) throw corrupt(place, error.message)
    if (error instanceof KafkaError || !(error instanceof Error)) throw error
    // A codec whose library is not there for this platform.
    throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', `${place}: ${error.message}`, { cause: error })
  }
}

const corrupt = (place: string, why: string) =>
  new KafkaError('CORRUPT_MESSAGE', `the batch of ${place} is damaged: ${why}`)

function decompress(codec: number, compressed: Buffer): Buffer {
  const known = codecById(codec)
  if (known === undefined) throw new DecodeError(`compression codec ${codec} is unknown`)
  return known.decompress(compressed, maxInflatedBytes)
}
