import { invariant } from '../../../base/invariant.ts'
import { DecodeError } from '../decode-error.ts'
import type { Reader } from '../reader.ts'
import { addTimestamp, readVarlong, sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint.ts'

/** A record as it stands in a batch. Key, value and header values are views on the batch (or on what was decompressed). */
export interface DecodedRecord {
  readonly offsetDelta: number
  /** Milliseconds. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: [name: string, value: Buffer | null][]
}

/** A record to encode. */
export interface RecordToEncode {
  readonly timestamp: number
  readonly key?: Uint8Array | null | undefined
  readonly value?: Uint8Array | null | undefined
  readonly headers?: readonly (readonly [name: string, value: Uint8Array | null])[]
}

/** Kafka reads any negative length as null (Utils.readBytes), though only −1 is ever written. */
function readNullable(reader: Reader, what: string): Buffer | null {
  const length = reader.varint()
  return length < 0 ? null : reader.slice(length, what)
}

/** Reads the record at the reader's offset. Source: DefaultRecord.readFrom. */
export function readRecord(reader: Reader, baseTimestamp: number, logAppendTime: number | null): DecodedRecord {
  const length = reader.varint()
  const end = reader.take(length, 'record') + length
  reader.offset = end - length
  reader.int8() // attributes: no bit of them has a meaning yet
  const delta = readVarlong(reader)
  const timestamp = logAppendTime ?? addTimestamp(baseTimestamp, delta)
  const offsetDelta = reader.varint()
  const key = readNullable(reader, 'key')
  const value = readNullable(reader, 'value')
  const headers = readHeaders(reader, end)
  if (reader.offset !== end)
    throw new DecodeError(`record should end at ${end} by its length, but its fields end at ${reader.offset}`)
  return { offsetDelta, timestamp, key, value, headers }
}

function readHeaders(reader: Reader, end: number): [name: string, value: Buffer | null][] {
  const count = reader.varint()
  // A header takes two bytes at least: two empty lengths.
  if (count < 0 || count * 2 > end - reader.offset)
    throw new DecodeError(`${count} headers at ${reader.offset}, but the record ends at ${end}`)
  const headers: [name: string, value: Buffer | null][] = []
  for (let i = 0; i < count; i++) {
    const name = reader.utf8(reader.varint())
    headers.push([name, readNullable(reader, 'header value')])
  }
  return headers
}

function sizeOfNullable(bytes: Uint8Array | null | undefined): number {
  return bytes == null ? 1 : sizeOfVarint(bytes.length) + bytes.length
}

/** Bytes of a record after its length field. */
export function sizeOfRecordBody(record: RecordToEncode, offsetDelta: number, timestampDelta: number): number {
  const headers = record.headers ?? []
  let size = 1 + sizeOfVarlong(timestampDelta) + sizeOfVarint(offsetDelta)
  size += sizeOfNullable(record.key) + sizeOfNullable(record.value) + sizeOfVarint(headers.length)
  for (const [name, value] of headers) {
    const nameLength = Buffer.byteLength(name)
    size += sizeOfVarint(nameLength) + nameLength + sizeOfNullable(value)
  }
  return size
}

function writeNullable(buffer: Buffer, at: number, bytes: Uint8Array | null | undefined): number {
  if (bytes == null) return writeVarint(buffer, at, -1)
  const start = writeVarint(buffer, at, bytes.length)
  buffer.set(bytes, start)
  return start + bytes.length
}

/** Writes a record, its length first, and returns where it ends. There must be room for it. */
export function writeRecord(
  buffer: Buffer,
  at: number,
  record: RecordToEncode,
  offsetDelta: number,
  timestampDelta: number,
): number {
  let end = writeVarint(buffer, at, sizeOfRecordBody(record, offsetDelta, timestampDelta))
  buffer[end++] = 0
  end = writeVarlong(buffer, end, timestampDelta)
  end = writeVarint(buffer, end, offsetDelta)
  end = writeNullable(buffer, end, record.key)
  end = writeNullable(buffer, end, record.value)
  const headers = record.headers ?? []
  end = writeVarint(buffer, end, headers.length)
  for (const [name, value] of headers) {
    end = writeVarint(buffer, end, Buffer.byteLength(name))
    end += buffer.write(name, end, 'utf8')
    end = writeNullable(buffer, end, value)
  }
  return end
}

/** Records one after the other, as they stand in a batch that is not compressed. */
export function encodeRecords<R extends RecordToEncode>(
  records: readonly R[],
  baseTimestamp: number,
  offsetDeltaOf: (record: R, index: number) => number,
): Buffer {
  let size = 0
  for (const [index, record] of records.entries()) {
    const body = sizeOfRecordBody(record, offsetDeltaOf(record, index), record.timestamp - baseTimestamp)
    size += sizeOfVarint(body) + body
  }
  const bytes = Buffer.allocUnsafe(size)
  let end = 0
  for (const [index, record] of records.entries())
    end = writeRecord(bytes, end, record, offsetDeltaOf(record, index), record.timestamp - baseTimestamp)
  invariant(end === size, 'records take the bytes that were counted')
  return bytes
}
