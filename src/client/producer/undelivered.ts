import type { KafkaError } from '../../base/errors/index.ts'
import { Reader } from '../../wire/protocol/reader.ts'
import { readRecord } from '../../wire/protocol/records/record.ts'
import type { Accumulator } from '../accumulator/accumulator.ts'
import type { Batch } from '../accumulator/batch.ts'
import type { Headers } from '../record/record.ts'
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
  const reader = readerAt(accumulator, batch, index)
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

/** Where the record before was read: the records of a batch fail one after the other, and each begins where that one ended. */
let last: { readonly batch: WeakRef<Batch>; readonly reader: Reader; index: number } | undefined

function readerAt(accumulator: Accumulator, batch: Batch, index: number): Reader {
  if (last === undefined || last.batch.deref() !== batch || last.index > index)
    last = { batch: new WeakRef(batch), reader: new Reader(accumulator.recordsOf(batch)), index: 0 }
  const { reader } = last
  // Not its offset delta: one taken back from a batch that was never sealed still stands among the bytes.
  for (; last.index < index; last.index++) if (!batch.dropped.has(last.index)) reader.take(reader.varint(), 'record')
  last.index = index + 1
  return reader
}

/** What is known of a record that never came into a batch: some of it as it was given, which may throw when it is read. */
export interface GivenRecord {
  readonly topic: string
  readonly partition?: number | undefined
  readonly timestamp?: number | undefined
  readonly key?: unknown
  readonly value?: unknown
  readonly pairs?: Headers
}

export function undeliveredFromGiven(given: GivenRecord, error: KafkaError): Undelivered {
  let key: unknown
  let value: unknown
  try {
    key = given.key
    value = given.value
  } catch {
    key = value = null
  }
  return {
    error,
    topic: given.topic,
    partition: given.partition ?? -1,
    key: bytesOf(key),
    value: bytesOf(value),
    // A copy: the listener may do with it what it likes.
    headers: Array.isArray(given.pairs) ? [...given.pairs] : (given.pairs ?? []),
    timestamp: given.timestamp ?? -1,
  }
}
