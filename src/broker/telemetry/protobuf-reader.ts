import { DecodeError } from '../../base/errors/decode-error.ts'

/** One field of a message: its number, and its value by the wire type. Source: Protocol Buffers, "Encoding". */
export type ProtobufField =
  | { readonly number: number; readonly type: 'varint' | 'fixed64'; readonly value: bigint }
  | { readonly number: number; readonly type: 'bytes'; readonly value: Buffer }
  | { readonly number: number; readonly type: 'fixed32'; readonly value: number }

const wireTypes: readonly (ProtobufField['type'] | undefined)[] = [
  'varint',
  'fixed64',
  'bytes',
  undefined,
  undefined,
  'fixed32',
]

/** The fields of a message in their order. Throws DecodeError for bytes that are no message. */
export function* protobufFields(bytes: Buffer): Generator<ProtobufField> {
  let offset = 0
  const take = (length: number) => {
    if (length > bytes.length - offset) throw new DecodeError(`protobuf: ${length} bytes at ${offset} are not there`)
    offset += length
    return offset - length
  }
  const varint = () => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[take(1)]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new DecodeError(`protobuf: a varint of more than ten bytes ends at ${offset}`)
  }
  while (offset < bytes.length) {
    const tag = Number(varint())
    const number = Math.floor(tag / 8)
    const type = wireTypes[tag % 8]
    if (number === 0 || type === undefined) throw new DecodeError(`protobuf: tag ${tag} before ${offset}`)
    if (type === 'varint') yield { number, type, value: varint() }
    else if (type === 'fixed64') yield { number, type, value: bytes.readBigUInt64LE(take(8)) }
    else if (type === 'fixed32') yield { number, type, value: bytes.readUInt32LE(take(4)) }
    else {
      const length = Number(varint())
      const start = take(length)
      yield { number, type, value: bytes.subarray(start, start + length) }
    }
  }
}
