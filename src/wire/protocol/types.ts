import { DecodeError } from './decode-error.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/**
 * How one kind of value lies on the wire: reading gives T, writing takes `Given`, which may leave out what has a default.
 * `flexible` (KIP-482): compact lengths, tagged fields at the end of structs.
 */
export interface WireType<T, Given = T> {
  /** Kafka's own word in its message definitions: `int16`, `string`, `[]int32`, `[]Topic`. */
  readonly name: string
  /** The version from which null is legal; undefined: never. */
  readonly nullableFrom?: number
  /** What a field of this type holds in versions that lack it. */
  readonly zero: T
  /** The fewest bytes a value takes: a count of elements is compared with what is left of the frame. */
  readonly minimumBytes: number
  /** The fields of the struct, or of the struct in the array. */
  readonly fields?: Fields
  write(writer: Writer, value: Given, version: number, flexible: boolean): void
  read(reader: Reader, version: number, flexible: boolean): T
}

/** One row of a message table. */
export interface Field<T, Optional extends boolean = boolean, Given = T> {
  readonly type: WireType<T, Given>
  readonly from: number
  readonly to: number
  /** The number of a tagged field; undefined for an ordinary one. */
  readonly tag?: number
  readonly default: T
  readonly optional: Optional
}

export type Fields = { readonly [name: string]: Field<never> | Field<unknown> }

type OptionalNames<F> = { [K in keyof F]: F[K] extends { readonly optional: true } ? K : never }[keyof F]
type Of<F> = F extends { readonly default: infer T } ? T : never
type GivenTo<F> = F extends Field<infer _, boolean, infer Given> ? Given : never
/** What decoding gives: every field, absent ones with their default. */
export type Decoded<F> = { -readonly [K in keyof F]: Of<F[K]> }
/** What encoding takes: fields with a default may be left out. */
export type Encodable<F> = { readonly [K in Exclude<keyof F, OptionalNames<F>>]: GivenTo<F[K]> } & {
  readonly [K in OptionalNames<F>]?: GivenTo<F[K]>
}

interface FieldOptions<T> {
  /** First version with this field; 0 where not said. */
  from?: number
  /** Last version with this field. */
  to?: number
  tag?: number
  default?: T
}

export function field<T, Given>(
  type: WireType<T, Given>,
  options: FieldOptions<T> & { default: T },
): Field<T, true, Given>
export function field<T, Given>(type: WireType<T, Given>, options?: FieldOptions<T>): Field<T, false, Given>
export function field<T, Given>(type: WireType<T, Given>, options: FieldOptions<T> = {}): Field<T, boolean, Given> {
  const { from = 0, to = Number.POSITIVE_INFINITY, tag } = options
  const optional = 'default' in options
  // Frozen, because every decoded value that lacks the field shares it.
  const row = { type, from, to, default: freeze(optional ? (options.default as T) : type.zero), optional }
  return tag === undefined ? row : { ...row, tag }
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const inner of Object.values(value)) freeze(inner)
  return Object.freeze(value)
}

const fixed = <T>(
  name: string,
  minimumBytes: number,
  zero: T,
  write: (writer: Writer, value: T) => void,
  read: (reader: Reader) => T,
): WireType<T> => ({ name, minimumBytes, zero, write, read })

export const int8: WireType<number> = fixed(
  'int8',
  1,
  0,
  (w, v) => w.int8(v),
  r => r.int8(),
)
export const int16: WireType<number> = fixed(
  'int16',
  2,
  0,
  (w, v) => w.int16(v),
  r => r.int16(),
)
export const uint16: WireType<number> = fixed(
  'uint16',
  2,
  0,
  (w, v) => w.uint16(v),
  r => r.uint16(),
)
export const int32: WireType<number> = fixed(
  'int32',
  4,
  0,
  (w, v) => w.int32(v),
  r => r.int32(),
)
export const int64: WireType<bigint> = fixed(
  'int64',
  8,
  0n,
  (w, v) => w.int64(v),
  r => r.int64(),
)
export const float64: WireType<number> = fixed(
  'float64',
  8,
  0,
  (w, v) => w.float64(v),
  r => r.float64(),
)
export const bool: WireType<boolean> = fixed(
  'bool',
  1,
  false,
  (w, v) => w.boolean(v),
  r => r.boolean(),
)
/** Sixteen bytes, as URL-safe base64 without padding: how Kafka's tools print topic ids. */
export const uuid: WireType<string> = fixed(
  'uuid',
  16,
  'AAAAAAAAAAAAAAAAAAAAAA',
  (w, v) => w.uuid(v),
  r => r.uuid(),
)

/** The length of a string or of bytes; −1 is null. */
function readLength(reader: Reader, flexible: boolean, short: boolean): number {
  const length = flexible ? reader.unsignedVarint() - 1 : short ? reader.int16() : reader.int32()
  if (length < -1) throw new DecodeError(`length ${length} at ${reader.offset}`)
  return length
}

function writeLength(writer: Writer, length: number, flexible: boolean, short: boolean): void {
  if (flexible) writer.unsignedVarint(length + 1)
  else if (short) writer.int16(length)
  else writer.int32(length)
}

function notNull(length: number, what: string, at: number): number {
  if (length === -1) throw new DecodeError(`null ${what} at ${at}, where null is not legal`)
  return length
}

export const string: WireType<string> = {
  name: 'string',
  minimumBytes: 1,
  zero: '',
  write(writer, value, _version, flexible) {
    writeLength(writer, Buffer.byteLength(value), flexible, true)
    writer.utf8(value)
  },
  read: (reader, _version, flexible) =>
    reader.utf8(notNull(readLength(reader, flexible, true), 'string', reader.offset)),
}

export const bytes: WireType<Uint8Array> = {
  name: 'bytes',
  minimumBytes: 1,
  zero: Buffer.alloc(0),
  write(writer, value, _version, flexible) {
    writeLength(writer, value.length, flexible, false)
    writer.raw(value)
  },
  read: (reader, _version, flexible) =>
    reader.slice(notNull(readLength(reader, flexible, false), 'bytes', reader.offset)),
}

/** Record batches: bytes, under another name in Kafka's definitions. */
export const records: WireType<Uint8Array> = { ...bytes, name: 'records' }

const nulls: Record<string, (writer: Writer, flexible: boolean) => void> = {
  string: (writer, flexible) => writeLength(writer, -1, flexible, true),
  bytes: (writer, flexible) => writeLength(writer, -1, flexible, false),
  records: (writer, flexible) => writeLength(writer, -1, flexible, false),
}

/** The same type, where null is legal from version `from` on. */
export function nullable<T, Given>(type: WireType<T, Given>, from = 0): WireType<T | null, Given | null> {
  const isArray = type.name.startsWith('[]')
  const isStruct = !isArray && type.fields !== undefined
  const writeNull = (writer: Writer, flexible: boolean) => {
    if (isStruct) writer.int8(-1)
    else if (isArray) writeLength(writer, -1, flexible, false)
    else nulls[type.name]!(writer, flexible)
  }
  return {
    name: type.name,
    nullableFrom: from,
    minimumBytes: 1,
    // Kafka's generator: nullable strings and arrays begin empty, records begin as null.
    zero: type.name === 'records' ? null : type.zero,
    ...(type.fields && { fields: type.fields }),
    write(writer, value, version, flexible) {
      if (value === null && version >= from) writeNull(writer, flexible)
      else {
        if (isStruct && version >= from) writer.int8(1)
        type.write(writer, value ?? (type.zero as unknown as Given), version, flexible)
      }
    },
    read(reader, version, flexible) {
      if (version < from) return type.read(reader, version, flexible)
      if (isStruct) return reader.int8() < 0 ? null : type.read(reader, version, flexible)
      const start = reader.offset
      const isNull = isArray
        ? reader.count(flexible, 0) === -1
        : readLength(reader, flexible, type.name === 'string') === -1
      if (isNull) return null
      reader.offset = start
      return type.read(reader, version, flexible)
    },
  }
}

export function array<T, Given>(element: WireType<T, Given>): WireType<readonly T[], readonly Given[]> {
  return {
    name: `[]${element.name}`,
    minimumBytes: 1,
    zero: [],
    ...(element.fields && { fields: element.fields }),
    write(writer, values, version, flexible) {
      writeLength(writer, values.length, flexible, false)
      for (const value of values) element.write(writer, value, version, flexible)
    },
    read(reader, version, flexible) {
      const count = reader.count(flexible, element.minimumBytes)
      if (count === -1) throw new DecodeError(`null array at ${reader.offset}, where null is not legal`)
      reader.begin(count)
      const values: T[] = []
      for (let index = 0; index < count; index++) values.push(element.read(reader, version, flexible))
      return values
    },
  }
}

const present = (row: Field<never> | Field<unknown>, version: number) => version >= row.from && version <= row.to

/** A struct with the given fields, in their order on the wire. */
export function struct<F extends Fields>(name: string, fields: F): WireType<Decoded<F>, Encodable<F>> {
  const rows = Object.entries(fields) as [string, Field<unknown>][]
  const plain = rows.filter(([, row]) => row.tag === undefined)
  const tagged = rows.filter(([, row]) => row.tag !== undefined).sort(([, a], [, b]) => a.tag! - b.tag!)
  const always = plain.filter(([, row]) => row.from === 0 && row.to === Number.POSITIVE_INFINITY)
  return {
    name,
    fields,
    // An empty struct of a flexible version still has the byte that counts its tagged fields.
    minimumBytes: Math.max(
      1,
      always.reduce((sum, [, row]) => sum + row.type.minimumBytes, 0),
    ),
    get zero() {
      return Object.fromEntries(rows.map(([key, row]) => [key, row.default])) as Decoded<F>
    },
    write(writer, value, version, flexible) {
      const given = value as Record<string, unknown>
      for (const [key, row] of plain)
        if (present(row, version)) {
          const own = given[key]
          row.type.write(writer, own === undefined ? row.default : own, version, flexible)
        }
      if (flexible) writeTagged(writer, given, tagged, version)
    },
    read(reader, version, flexible) {
      const value: Record<string, unknown> = {}
      for (const [key, row] of plain)
        value[key] = present(row, version) ? row.type.read(reader, version, flexible) : row.default
      for (const [key, row] of tagged) value[key] = row.default
      if (flexible) readTagged(reader, value, tagged, version)
      return value as Decoded<F>
    },
  }
}

function writeTagged(
  writer: Writer,
  value: Record<string, unknown>,
  tagged: [string, Field<unknown>][],
  version: number,
): void {
  const given = tagged.filter(
    ([key, row]) => present(row, version) && value[key] !== undefined && !isDefault(value[key], row.default),
  )
  writer.unsignedVarint(given.length)
  for (const [key, row] of given) {
    writer.unsignedVarint(row.tag!)
    // The size stands before the data: written apart, so that its varint may have any width.
    const mark = writer.offset
    row.type.write(writer, value[key], version, true)
    const data = Buffer.from(writer.written().subarray(mark))
    writer.offset = mark
    writer.unsignedVarint(data.length)
    writer.raw(data)
  }
}

function readTagged(
  reader: Reader,
  value: Record<string, unknown>,
  tagged: [string, Field<unknown>][],
  version: number,
): void {
  const count = reader.unsignedVarint()
  if (count * 2 > reader.remaining)
    throw new DecodeError(`${count} tagged fields, but ${reader.remaining} bytes are left`)
  for (let index = 0; index < count; index++) {
    const tag = reader.unsignedVarint()
    const size = reader.unsignedVarint()
    const end = reader.take(size, 'tagged field') + size
    const known = tagged.find(([, row]) => row.tag === tag && present(row, version))
    if (!known) continue
    reader.offset = end - size
    value[known[0]] = known[1].type.read(reader, version, true)
    if (reader.offset !== end) throw new DecodeError(`tagged field ${tag} of ${size} bytes was not read to its end`)
  }
}

function isDefault(value: unknown, standard: unknown): boolean {
  if (value === standard) return true
  if (Array.isArray(value) && Array.isArray(standard)) return value.length === 0 && standard.length === 0
  if (typeof value !== 'object' || typeof standard !== 'object' || value === null || standard === null) return false
  const other = standard as Record<string, unknown>
  return Object.entries(value).every(([key, own]) => isDefault(own, other[key]))
}
