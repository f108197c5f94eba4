import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FetchedRecord } from '../../client/reader/index.ts'
import { type RecordLayout, recordLines, type ValueFormat } from './record-lines.ts'

const record = (rest: Partial<FetchedRecord> = {}): FetchedRecord => ({
  ...{ partition: 1, offset: 7n, timestamp: Date.UTC(2026, 0, 31), key: null, value: Buffer.from('v'), headers: [] },
  ...rest,
})

const columns = {
  ...{ json: false, keyFormat: 'text', valueFormat: 'text' },
  ...{ timestamps: false, offsets: false, headers: false, keys: false },
  ...{ keyDelimiter: Buffer.from('\t'), delimiter: Buffer.from('\n') },
} as const satisfies RecordLayout

const text = (given: FetchedRecord, rest: Partial<Extract<RecordLayout, { json: false }>> = {}) =>
  recordLines('t', [given], { ...columns, ...rest }).toString('latin1')
const json = (given: FetchedRecord, valueFormat: ValueFormat = 'text', keyFormat: ValueFormat = 'text') =>
  recordLines('t', [given], { json: true, keyFormat, valueFormat }).toString()

const notUtf8 = Buffer.from([0xff, 0x00, 0xfe])

describe('columns', () => {
  test('a value is its bytes and a line end', () => {
    expect(text(record({ value: notUtf8 }))).toBe('\xff\0\xfe\n')
    expect(text(record({ value: null }))).toBe('null\n')
  })

  test('time, place, headers and key come before it', () => {
    const given = record({ key: Buffer.from('k'), headers: [['a', Buffer.from('1')], ['b', null], ['c', notUtf8]] }) // biome-ignore format: pairs
    const all = { timestamps: true, offsets: true, headers: true, keys: true }

    expect(text(given, all)).toBe('2026-01-31T00:00:00.000Z\t1:7\ta=1,b=null,c=base64:/wD+\tk\tv\n')
    expect(text(record({ timestamp: -1 }), all)).toBe('-\t1:7\t-\tnull\tv\n')
    expect(text(record({ timestamp: 2 ** 53 - 1 }), { timestamps: true })).toBe('9007199254740991\tv\n')
  })

  test.each([
    ['hex', notUtf8, 'ff00fe'],
    ['base64', notUtf8, '/wD+'],
    [
      'json',
      Buffer.from('{\r\n  "id": 12345678901234567890,\n  "s": "a\\nb"\n}\n'),
      '{ "id": 12345678901234567890, "s": "a\\nb" }',
    ],
    ['json', Buffer.from('no json\n'), '"no json\\n"'],
    ['json', notUtf8, '{"base64":"/wD+"}'],
    ['json', null, 'null'],
  ] as const)('%s', (valueFormat, value, shown) => {
    expect(text(record({ value }), { valueFormat })).toBe(`${shown}\n`)
  })
})

describe('JSON', () => {
  test('one object a line', () => {
    const given = record({ key: Buffer.from('k'), headers: [['a', Buffer.from('1')], ['a', null], ['c', notUtf8]] }) // biome-ignore format: pairs

    expect(JSON.parse(json(given))).toEqual({
      ...{ topic: 't', partition: 1, offset: 7, timestamp: Date.UTC(2026, 0, 31), key: 'k', value: 'v' },
      headers: [['a', '1'], ['a', null], ['c', { base64: '/wD+' }]], // biome-ignore format: pairs
    })
  })

  test('what a reader of JSON would round is a string, and no time is null', () => {
    const { offset, timestamp } = JSON.parse(json(record({ offset: 2n ** 63n - 1n, timestamp: -1 })))

    expect([offset, timestamp]).toEqual(['9223372036854775807', null])
  })

  test('formats of key and value', () => {
    const given = record({ key: Buffer.from('12'), value: Buffer.from('[1,\n2]') })

    expect(JSON.parse(json(given, 'json', 'json'))).toMatchObject({ key: 12, value: [1, 2] })
    expect(JSON.parse(json(given, 'hex', 'base64'))).toMatchObject({ key: 'MTI=', value: '5b312c0a325d' })
  })

  test('whatever bytes come, a line is one line of JSON that gives them back', () => {
    const bytes = fc.option(fc.oneof(fc.uint8Array(), fc.string({ unit: 'binary' }).map(Buffer.from)))
    const back = (shown: unknown) => {
      if (shown === null) return null
      return typeof shown === 'string'
        ? Buffer.from(shown)
        : Buffer.from((shown as { base64: string }).base64, 'base64')
    }
    fc.assert(
      fc.property(bytes, bytes, fc.string({ unit: 'binary' }), (key, value, name) => {
        const buffer = (given: Uint8Array | null) => given && Buffer.from(given)
        const line = json(record({ key: buffer(key), value: buffer(value), headers: [[name, buffer(value)]] }))

        expect(line.indexOf('\n')).toBe(line.length - 1)
        const parsed = JSON.parse(line)
        expect(back(parsed.key)).toEqual(buffer(key))
        expect(back(parsed.value)).toEqual(buffer(value))
        expect(parsed.headers).toEqual([[name, parsed.value]])
      }),
    )
  })

  test('with json values too a line is one line of JSON that means the same', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(4), (value, indent) => {
        const pretty = JSON.stringify(JSON.parse(value), null, indent)
        const line = json(record({ value: Buffer.from(pretty) }), 'json')

        expect(line.indexOf('\n')).toBe(line.length - 1)
        expect(JSON.parse(line).value).toEqual(JSON.parse(value))
      }),
    )
  })
})
