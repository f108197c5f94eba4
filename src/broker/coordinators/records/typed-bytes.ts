import type { Body, Draft, Message } from '../../../wire/protocol/index.ts'
import { DecodeError, Reader, Writer } from '../../../wire/protocol/index.ts'

/** A record's key: the number of its kind (`key` of the table), then its fields. Keys have one version. Source: CoordinatorRecordSerde. */
export function encodeKey<M extends Message>(table: M, key: Draft<M>): Buffer {
  return encode(table, key, table.key, 0)
}

/** The number that begins a key. */
export function keyType(bytes: Uint8Array): number {
  return readerOf(bytes).int16()
}

export function decodeKey<M extends Message>(table: M, bytes: Uint8Array): Body<M> {
  readerOf(bytes).int16()
  return table.decode(bytes.subarray(2), 0) as Body<M>
}

/** A record's value: its version, then its fields. */
export function encodeValue<M extends Message>(table: M, value: Draft<M>, version: number): Buffer {
  return encode(table, value, version, version)
}

/** Reads any version of the table; a version that it lacks is a DecodeError, since nothing can be told of the rest. */
export function decodeValue<M extends Message>(table: M, bytes: Uint8Array): Body<M> {
  const version = readerOf(bytes).int16()
  if (version < table.versions[0] || version > table.versions[1])
    throw new DecodeError(`${table.name} has no version ${version}: ${table.versions.join(' to ')} are known`)
  return table.decode(bytes.subarray(2), version) as Body<M>
}

function encode<M extends Message>(table: M, fields: Draft<M>, prefix: number, version: number): Buffer {
  const writer = new Writer(128)
  writer.int16(prefix)
  table.write(writer, fields, version)
  return writer.written()
}

const readerOf = (bytes: Uint8Array) => new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
