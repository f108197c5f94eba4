import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Reader } from '../../wire/protocol/reader.ts'
import { encodeHeaders, type HeaderPair, headerPairs } from './headers.ts'

const text = fc.string({ unit: 'binary' })
const bytes = fc.uint8Array({ maxLength: 200 })

/** The header section as DefaultRecord.readHeaders reads it. */
function decode(encoded: Buffer): [string, Buffer | null][] {
  const reader = new Reader(encoded)
  const pairs: [string, Buffer | null][] = []
  for (let left = reader.varint(); left > 0; left--) {
    const name = reader.utf8(reader.varint())
    const length = reader.varint()
    pairs.push([name, length < 0 ? null : Buffer.from(reader.slice(length))])
  }
  expect(reader.remaining).toBe(0)
  return pairs
}

test('what is encoded is read back: order, repeats, nulls, any text', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.oneof(text, bytes, fc.constant(null)))), pairs => {
      expect(decode(encodeHeaders(pairs))).toEqual(
        pairs.map(([name, value]) => [name, value === null ? null : Buffer.from(value as string)]),
      )
    }),
  )
})

test('lengths are written for names and values of 64 and more bytes', () => {
  const pairs: HeaderPair[] = [
    ['ä'.repeat(40), 'x'.repeat(63)],
    ['y'.repeat(64), Buffer.alloc(9000, 1)],
  ]
  expect(decode(encodeHeaders(pairs))).toEqual([
    ['ä'.repeat(40), Buffer.from('x'.repeat(63))],
    ['y'.repeat(64), Buffer.alloc(9000, 1)],
  ])
})

test('an object may repeat a name by an array; pairs keep their order', () => {
  expect(headerPairs({ a: '1', b: ['2', null, Buffer.from('3')], c: [] })).toEqual([
    ['a', '1'],
    ['b', '2'],
    ['b', null],
    ['b', Buffer.from('3')],
  ])
  expect(
    headerPairs([
      ['b', '1'],
      ['a', null],
      ['b', '2'],
    ]),
  ).toEqual([
    ['b', '1'],
    ['a', null],
    ['b', '2'],
  ])
})

test('only own properties count', () => {
  expect(headerPairs(Object.create({ inherited: 'x' }, { own: { value: 'y', enumerable: true } }))).toEqual([
    ['own', 'y'],
  ])
})
