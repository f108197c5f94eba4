import fc from 'fast-check'
import type { Field, Fields, Message, WireType } from '../../src/wire/protocol/index.ts'

const int = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
const blob = fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes))

const primitives: Record<string, fc.Arbitrary<unknown>> = {
  bool: fc.boolean(),
  int8: int(8),
  int16: int(16),
  uint16: fc.integer({ min: 0, max: 65_535 }),
  int32: int(32),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.double({ noNaN: true }),
  // Well-formed Unicode, now and then long enough for a two-byte varint.
  string: fc.oneof(
    { weight: 9, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
    { weight: 1, arbitrary: fc.string({ minLength: 130, maxLength: 140 }) },
  ),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes).toString('base64url')),
  bytes: blob,
  records: blob,
}

/** Any body that this version of the message can carry; fields that the version lacks hold their defaults. */
export function arbitraryBody(message: Message, version: number): fc.Arbitrary<Record<string, unknown>> {
  return arbitraryStruct(message.fields, version)
}

function arbitraryStruct(fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> {
  const rows = Object.entries(fields) as [string, Field<unknown>][]
  return fc.record(Object.fromEntries(rows.map(([name, row]) => [name, arbitraryField(row, version)])))
}

function arbitraryField(row: Field<unknown>, version: number): fc.Arbitrary<unknown> {
  if (version < row.from || version > row.to) return fc.constant(row.default)
  const value = arbitraryValue(row.type, version)
  // Defaults more often than chance has them: they decide whether a tagged field is written.
  return fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: legalDefault(row, version) ?? value })
}

function legalDefault(row: Field<unknown>, version: number): fc.Arbitrary<unknown> | undefined {
  const nullIsLegal = row.type.nullableFrom !== undefined && version >= row.type.nullableFrom
  return row.default === null && !nullIsLegal ? undefined : fc.constant(row.default)
}

function arbitraryValue(type: WireType<unknown>, version: number): fc.Arbitrary<unknown> {
  const element = type.name.replace('[]', '')
  const one = type.fields ? arbitraryStruct(type.fields, version) : primitives[element]
  if (!one) throw new Error(`no values are known for the type ${type.name}`)
  const value = type.name.startsWith('[]') ? fc.array(one, { maxLength: 3 }) : one
  const nullIsLegal = type.nullableFrom !== undefined && version >= type.nullableFrom
  return nullIsLegal ? fc.option(value, { freq: 4 }) : value
}
