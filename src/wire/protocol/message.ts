import { DecodeError } from './decode-error.ts'
import { Reader } from './reader.ts'
import { type Decoded, type Encodable, type Fields, struct } from './types.ts'
import { Writer } from './writer.ts'

/** One message of the protocol, in all versions we may speak, both directions. */
export interface Message<F extends Fields = Fields> {
  /** Kafka's name, as in its definitions: `ProduceRequest`. */
  readonly name: string
  /** The API key, shared by a request and its response. */
  readonly key: number
  readonly versions: readonly [min: number, max: number]
  /** First flexible version (KIP-482); Infinity where no version is. */
  readonly flexibleFrom: number
  readonly fields: F
  write(writer: Writer, value: Encodable<F>, version: number): void
  read(reader: Reader, version: number): Decoded<F>
  /** The body alone, without header or length. */
  encode(value: Encodable<F>, version: number): Buffer
  /** Decodes a body that must be used up exactly. */
  decode(bytes: Uint8Array, version: number): Decoded<F>
}

/** What decoding a message gives. */
export type Body<M> = M extends Message<infer F> ? Decoded<F> : never
/** What encoding a message takes. */
export type Draft<M> = M extends Message<infer F> ? Encodable<F> : never

interface MessageTable<F extends Fields> {
  name: string
  key: number
  versions: readonly [min: number, max: number]
  /** First flexible version; left out where no version is flexible. */
  flexible?: number
  fields: F
}

/** Makes the codec of a message from its table. */
export function message<F extends Fields>(table: MessageTable<F>): Message<F> {
  const { name, key, versions, flexible: flexibleFrom = Number.POSITIVE_INFINITY, fields } = table
  const body = struct(name, fields)
  const check = (version: number) => {
    if (version < versions[0] || version > versions[1])
      throw new RangeError(`${name} has no version ${version}: ${versions[0]} to ${versions[1]} are known`)
  }
  const self: Message<F> = {
    name,
    key,
    versions,
    flexibleFrom,
    fields,
    write(writer, value, version) {
      check(version)
      body.write(writer, value, version, version >= flexibleFrom)
    },
    read(reader, version) {
      check(version)
      return body.read(reader, version, version >= flexibleFrom)
    },
    encode(value, version) {
      const writer = new Writer()
      self.write(writer, value, version)
      return writer.written()
    },
    decode(bytes, version) {
      const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      const value = self.read(reader, version)
      if (reader.remaining > 0) throw new DecodeError(`${name} v${version} leaves ${reader.remaining} bytes unread`)
      return value
    },
  }
  return self
}
