import { describe, expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import { message } from './message.ts'
import { array, bytes, field, int8, int16, int32, nullable, string, struct } from './types.ts'

const sample = message({
  name: 'SampleRequest',
  key: 0,
  versions: [0, 3],
  flexible: 2,
  fields: {
    id: field(int16),
    name: field(nullable(string, 1)),
    payload: field(nullable(bytes, 1), { from: 1, default: null }),
    items: field(array(struct('Item', { value: field(int32), note: field(string, { from: 3, default: 'none' }) }))),
    leader: field(nullable(struct('Leader', { node: field(int32, { default: -1 }) }), 3), { from: 3, default: null }),
    hint: field(struct('Hint', { node: field(int32, { default: -1 }), epoch: field(int8, { default: 0 }) }), {
      from: 2,
      tag: 5,
      default: { node: -1, epoch: 0 },
    }),
    late: field(array(int32), { from: 3, tag: 0, default: [] }),
  },
})
const draft = { id: 1, name: 'ab', items: [{ value: 7 }] }
const hex = (value: Parameters<typeof sample.encode>[0], version: number) =>
  sample.encode(value, version).toString('hex')

describe('a table on the wire', () => {
  test('v0: fixed-width lengths', () => {
    expect(hex(draft, 0)).toBe('0001' + '00026162' + '0000000100000007')
  })

  test('v1: null is a length of -1', () => {
    expect(hex({ ...draft, name: null }, 1)).toBe('0001' + 'ffff' + 'ffffffff' + '0000000100000007')
  })

  test('v2: lengths plus one, as varints; each struct ends with its tagged fields', () => {
    expect(hex(draft, 2)).toBe('0001' + '036162' + '00' + '02' + '00000007' + '00' + '00')
  })

  test('v2: a tagged field is written only where it differs from its default', () => {
    expect(hex({ ...draft, hint: { node: -1, epoch: 0 } }, 2)).toBe(hex(draft, 2))
    const start = hex(draft, 2).slice(0, -2)
    expect(hex({ ...draft, hint: { node: 2, epoch: 1 } }, 2)).toBe(`${start}010506000000020100`)
    expect(hex({ ...draft, hint: { epoch: 1 } }, 2)).toBe(`${start}010506ffffffff0100`)
  })

  test('v3: tagged fields go in the order of their tags; a nullable struct begins with -1 or 1', () => {
    const written = hex({ ...draft, items: [], leader: { node: 3 }, hint: { node: 2 }, late: [9] }, 3)
    expect(written).toBe(
      '0001' +
        '036162' +
        '00' +
        '01' +
        '01' +
        '00000003' +
        '00' +
        '02' +
        '00' +
        '05' +
        '02' +
        '00000009' +
        '05' +
        '06' +
        '00000002' +
        '00' +
        '00',
    )
    expect(hex({ ...draft, items: [] }, 3)).toBe('0001' + '036162' + '00' + '01' + 'ff' + '00')
  })

  test('a size of more than 127 bytes in a tagged field takes two bytes', () => {
    const late = Array.from({ length: 100 }, (_, index) => index)
    expect(sample.decode(sample.encode({ ...draft, late }, 3), 3).late).toEqual(late)
  })

  test('fields that a version lacks come back with their defaults', () => {
    expect(sample.decode(sample.encode({ ...draft, items: [{ value: 7, note: 'x' }] }, 2), 2)).toEqual({
      ...draft,
      payload: null,
      items: [{ value: 7, note: 'none' }],
      leader: null,
      hint: { node: -1, epoch: 0 },
      late: [],
    })
  })

  test('a shared default cannot be changed through a decoded value', () => {
    const { hint } = sample.decode(sample.encode(draft, 2), 2)
    expect(() => {
      hint.node = 3
    }).toThrow(TypeError)
  })

  test('unknown tagged fields of a newer peer are passed over', () => {
    const body = Buffer.from(`${hex(draft, 2).slice(0, -2)}0205060000000201006303aabbcc`, 'hex')
    expect(sample.decode(body, 2).hint).toEqual({ node: 2, epoch: 1 })
  })

  test('versions outside the table are refused', () => {
    expect(() => sample.encode(draft, 4)).toThrow(RangeError)
    expect(() => sample.decode(Buffer.alloc(9), -1)).toThrow(RangeError)
  })

  test('a string too long for its length field is refused, not cut', () => {
    expect(() => sample.encode({ ...draft, name: 'x'.repeat(32_768) }, 1)).toThrow(RangeError)
    expect(sample.decode(sample.encode({ ...draft, name: 'x'.repeat(32_768) }, 2), 2).name).toHaveLength(32_768)
  })
})

describe('broken bodies', () => {
  test.for([
    ['null where it is not legal', '0001' + 'ffff' + '00000000', 0],
    ['a null array', '0001' + '000161' + 'ffffffff', 0],
    ['a length below -1', '0001' + 'fffe' + '00000000', 1],
    ['a length beyond the end', '0001' + '7fff6162', 1],
    ['a count beyond the end', '0001' + '00016100000000' + '7fffffff', 1],
    ['bytes left over', `${hex(draft, 0)}00`, 0],
    ['more tagged fields than bytes', `${hex(draft, 2).slice(0, -2)}7f`, 2],
    ['a tagged field longer than the body', `${hex(draft, 2).slice(0, -2)}01057f00`, 2],
    ['a tagged field with bytes left over', `${hex(draft, 2).slice(0, -2)}01050700000002010000`, 2],
    ['a tagged field shorter than its struct', `${hex(draft, 2).slice(0, -2)}01050200000000020100`, 2],
  ] as const)('%s is a DecodeError', ([, body, version]) => {
    expect(() => sample.decode(Buffer.from(body, 'hex'), version)).toThrow(DecodeError)
  })
})
