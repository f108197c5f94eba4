import type { KafkaError } from '../../base/errors/index.ts'
import { Reader } from '../../wire/protocol/reader.ts'
import { readRecord } from '../../wire/protocol/records/record.ts'
import type { Accumulator } from '../accumulator/accumulator.ts'
import type { Batch } from '../accumulator/batch.ts'
import type { Headers } from '../record/record.ts'
import type { ParkedRecord } from './parked-record.ts'
import type { Undelivered } from './types.ts'

const bytesOf = (value: unknown): Uint8Array | null =>
  typeof value === 'string' ? Buffer.from(value) : value instanceof Uint8Array ? Buffer.from(value) : null

/** A record that failed in its batch, read back from the batch's bytes: nothing else keeps it. */
export function undeliveredFromBatch(
  accumulator: Accumulator,
  batch: Batch,
  index: number,
  error: KafkaError,
): Undelivered {
  const reader = new Reader(recordsOf(accumulator, batch))
  // Not its offset delta: one taken back from a batch that was never sealed still stands among the bytes.
  for (let before = 0; before < index; before++) if (!batch.dropped.has(before)) reader.take(reader.varint(), 'record')
  const { key, value, headers, timestamp } = readRecord(reader, batch.baseTimestamp, null)
  return {
    error,
    topic: batch.topic,
    partition: batch.partition,
    key: key && Buffer.from(key),
    value: value && Buffer.from(value),
    headers: headers.map(([name, own]) => [name, own && Buffer.from(own)] as const),
    timestamp,
  }
}

/** Many records of one batch may fail one after the other: decompressed once. */
const decompressed = new WeakMap<Batch, Buffer>()

function recordsOf(accumulator: Accumulator, batch: Batch): Buffer {
  let records = decompressed.get(batch)
  if (records === undefined) {
    records = accumulator.recordsOf(batch)
    if (batch.codec !== 0) decompressed.set(batch, records)
  }
  return records
}

/** A record that never came into a batch. */
export function undeliveredFromParked(parked: ParkedRecord, record: unknown, error: KafkaError): Undelivered {
  const given = record as { key?: unknown; value?: unknown } | null | undefined
  let key: unknown = parked.key
  let value: unknown = parked.value
  let headers: Headers = parked.pairs
  try {
    key ??= given?.key
    value ??= given?.value
  } catch {
    headers = []
  }
  return {
    error,
    topic: parked.topic,
    partition: parked.partition ?? -1,
    key: bytesOf(key),
    value: bytesOf(value),
    headers,
    timestamp: parked.timestamp,
  }
}
