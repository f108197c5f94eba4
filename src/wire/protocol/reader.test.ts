import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

const read = (hex: string) => new Reader(Buffer.from(hex, 'hex'))
const written = (write: (writer: Writer) => void, capacity?: number) => {
  const writer = new Writer(capacity)
  write(writer)
  return writer.written()
}

describe('fixed widths', () => {
  test('are big endian, as Kafka writes them', () => {
    const reader = read('ff' + '8000' + 'ffff' + '7fffffff' + 'ffffffff' + '8000000000000000' + '3ff8000000000000')
    expect(reader.int8()).toBe(-1)
    expect(reader.int16()).toBe(-32768)
    expect(reader.uint16()).toBe(65535)
    expect(reader.int32()).toBe(2147483647)
    expect(reader.uint32()).toBe(4294967295)
    expect(reader.int64()).toBe(-9223372036854775808n)
    expect(reader.float64()).toBe(1.5)
    expect(reader.remaining).toBe(0)
  })

  test('any byte but zero is true', () => {
    expect([read('00').boolean(), read('01').boolean(), read('ff').boolean()]).toEqual([false, true, true])
  })

  test('a value that begins inside the frame and ends outside is a DecodeError, and so is one behind `end`', () => {
    const inside = new Reader(Buffer.alloc(8), 0, 3)
    expect(() => inside.int32()).toThrow(DecodeError)
    expect(() => read('0102').int64()).toThrow(DecodeError)
    expect(() => read('').int8()).toThrow(DecodeError)
  })
})

describe('unsigned varints', () => {
  test.for([
    ['00', 0],
    ['01', 1],
    ['7f', 127],
    ['8001', 128],
    ['ff7f', 16_383],
    ['808001', 16_384],
    ['ffff7f', 2_097_151],
    ['80808001', 2_097_152],
    ['ffffff7f', 268_435_455],
    ['8080808001', 268_435_456],
    ['ffffffff0f', 4_294_967_295],
  ] as const)('%s is %i, both ways', ([hex, value]) => {
    expect(read(hex).unsignedVarint()).toBe(value)
    expect(written(writer => writer.unsignedVarint(value)).toString('hex')).toBe(hex)
  })

  test('a longer way to write a small number is read too', () => {
    expect(read('8100').unsignedVarint()).toBe(1)
    expect(read('8180808000').unsignedVarint()).toBe(1)
  })

  test.for(['80', 'ffffffff', 'ffffffffff01', 'ffffffff10', 'ffffffff7f', '808080808000'])(
    '%s has no end or more than 32 bits: DecodeError',
    hex => {
      expect(() => read(hex).unsignedVarint()).toThrow(DecodeError)
    },
  )
})

describe('zigzag', () => {
  test.for([
    ['00', 0],
    ['01', -1],
    ['02', 1],
    ['03', -2],
    ['7f', -64],
    ['8001', 64],
    ['feffffff0f', 2_147_483_647],
    ['ffffffff0f', -2_147_483_648],
  ] as const)('varint %s is %i, both ways', ([hex, value]) => {
    expect(read(hex).varint()).toBe(value)
    expect(written(writer => writer.varint(value)).toString('hex')).toBe(hex)
  })

  test.for([
    ['00', 0n],
    ['01', -1n],
    ['feffffff0f', 2_147_483_647n],
    ['feffffffffffffffff01', 9_223_372_036_854_775_807n],
    ['ffffffffffffffffff01', -9_223_372_036_854_775_808n],
  ] as const)('varlong %s is %i, both ways', ([hex, value]) => {
    expect(read(hex).varlong()).toBe(value)
    expect(written(writer => writer.varlong(value)).toString('hex')).toBe(hex)
  })

  test.for(['ff'.repeat(9), `${'ff'.repeat(9)}02`, `${'80'.repeat(10)}00`])(
    'varlong %s has no end or more than 64 bits: DecodeError',
    hex => {
      expect(() => read(hex).varlong()).toThrow(DecodeError)
    },
  )

  test('every 32-bit and 64-bit integer comes back', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (small, large) => {
        const reader = new Reader(
          written(writer => {
            writer.varint(small | 0)
            writer.unsignedVarint(small >>> 0)
            writer.varlong(large)
          }),
        )
        expect([reader.varint(), reader.unsignedVarint(), reader.varlong()]).toEqual([small | 0, small >>> 0, large])
      }),
    )
  })
})

describe('lengths and counts', () => {
  test('a slice is a view on the frame, not a copy', () => {
    const frame = Buffer.from('00112233', 'hex')
    const slice = new Reader(frame, 1).slice(2)
    frame[1] = 0xee
    expect(slice.toString('hex')).toBe('ee22')
  })

  test.for([-1, 5, 2 ** 31 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER])(
    'a slice of %i out of 4 bytes: DecodeError',
    length => {
      expect(() => read('00112233').slice(length)).toThrow(DecodeError)
    },
  )

  test.for([
    ['00000002aabb', false, 1, 2],
    ['03aabb', true, 1, 2],
    ['ffffffff', false, 1, -1],
    ['00', true, 1, -1],
  ] as const)('count %s (flexible: %s)', ([hex, flexible, minimumBytes, count]) => {
    expect(read(hex).count(flexible, minimumBytes)).toBe(count)
  })

  test.for([
    ['7fffffff', false, 1],
    ['80000000', false, 1],
    ['fffffffe', false, 1],
    ['ffffffff0f', true, 1],
    ['00000003aabb', false, 1],
    ['0000000100', false, 2],
    ['00000001', false, 0],
  ] as const)('count %s of elements that the frame cannot hold: DecodeError', ([hex, flexible, minimumBytes]) => {
    expect(() => read(hex).count(flexible, minimumBytes)).toThrow(DecodeError)
  })
})
