import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Serializer, type SerializerName, serializerFunction, serializerNames } from './serializers.ts'

const context = { topic: 't', headers: [], isKey: false }
const run = (name: SerializerName, value: unknown) => serializerFunction(name)(value, context)

describe('Numbers are written as Java writes them: big-endian, two’s complement', () => {
  test.each([
    ['int32', 0, '00000000'],
    ['int32', -1, 'ffffffff'],
    ['int32', 2 ** 31 - 1, '7fffffff'],
    ['int32', -(2 ** 31), '80000000'],
    ['int64', 1, '0000000000000001'],
    ['int64', -2n, 'fffffffffffffffe'],
    ['int64', 2n ** 63n - 1n, '7fffffffffffffff'],
    ['double', 1.5, '3ff8000000000000'],
    ['double', Number.NaN, '7ff8000000000000'],
  ] as const)('%s %s is %s', (name, value, hex) => {
    expect((run(name, value) as Buffer).toString('hex')).toBe(hex)
  })

  test('every 64-bit integer survives', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), value => {
        expect((run('int64', value) as Buffer).readBigInt64BE()).toBe(value)
      }),
    )
  })
})

test('text, bytes and UUIDs are passed on', () => {
  const bytes = Uint8Array.of(1, 2)
  expect(run('string', 'ä')).toBe('ä')
  expect(run('bytes', bytes)).toBe(bytes)
  expect(run('uuid', '123e4567-e89b-12d3-a456-426614174000')).toBe('123e4567-e89b-12d3-a456-426614174000')
  expect(run('json', { a: [1, null] })).toBe('{"a":[1,null]}')
})

test.each([
  ['string', 5],
  ['string', Buffer.alloc(1)],
  ['bytes', 'text'],
  ['bytes', new DataView(new ArrayBuffer(2))],
  ['json', undefined],
  ['json', () => 5],
  ['json', Symbol('s')],
  ['json', 5n],
  ['int32', 2 ** 31],
  ['int32', -(2 ** 31) - 1],
  ['int32', 1.5],
  ['int32', '5'],
  ['int64', 2 ** 53],
  ['int64', 2n ** 63n],
  ['int64', -(2n ** 63n) - 1n],
  ['double', '1.5'],
  ['double', 5n],
  ['uuid', '123e4567e89b12d3a456426614174000'],
  ['uuid', ''],
] as const)('%s refuses %s', (name, value) => {
  expect(() => run(name, value)).toThrow(TypeError)
})

test('a refusal says the type, never the value', () => {
  for (const name of serializerNames)
    if (name !== 'json' && name !== 'string') expect(() => run(name, 'hunter2')).not.toThrow(/hunter2/)
})

test('a serializer may be a function, or an object with state of its own', () => {
  class Counting implements Serializer<string> {
    calls = 0
    serialize = (value: string) => `${++this.calls} ${value}`
  }
  const withMethod = {
    prefix: '>',
    serialize(value: string) {
      return this.prefix + value
    },
  }
  expect(serializerFunction((value: string) => `f ${value}`)('x', context)).toBe('f x')
  expect(serializerFunction(new Counting())('x', context)).toBe('1 x')
  expect(serializerFunction(withMethod)('x', context)).toBe('>x')
})
