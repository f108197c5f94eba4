import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Reader } from '../reader.ts'
import { Writer } from '../writer.ts'
import {
  addTimestamp,
  readInt64,
  readVarlong,
  sizeOfVarint,
  sizeOfVarlong,
  writeInt64,
  writeVarint,
  writeVarlong,
} from './varint.ts'

function varint(n: number): Buffer {
  const buffer = Buffer.alloc(12, 0xee)
  return buffer.subarray(1, writeVarint(buffer, 1, n))
}

function varlong(n: number): Buffer {
  const buffer = Buffer.alloc(12, 0xee)
  return buffer.subarray(1, writeVarlong(buffer, 1, n))
}

/** The same by bigints: the definition. */
function byBigint(n: number): Buffer {
  const writer = new Writer(16)
  writer.varlong(BigInt(n))
  return writer.written()
}

const edges = [7, 8, 14, 21, 28, 31, 32, 35, 42, 48, 49, 52, 53].flatMap(bits =>
  [-2, -1, 0, 1, 2].flatMap(near => [2 ** (bits - 1) + near, -(2 ** (bits - 1)) + near]),
)
const extremes = [0, -1, 1, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 53, -(2 ** 53), 2 ** 53 - 2, -(2 ** 53) + 2]

describe('varint', () => {
  test.each([
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
  ])('%i is %s', (n, hex) => {
    expect(varint(n).toString('hex')).toBe(hex)
    expect(sizeOfVarint(n)).toBe(hex.length / 2)
  })

  test('every 32-bit integer comes back, and its size is known before', () => {
    fc.assert(
      fc.property(fc.integer(), n => {
        expect(new Reader(varint(n)).varint()).toBe(n)
        expect(sizeOfVarint(n)).toBe(varint(n).length)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('varlong', () => {
  test('at every edge it is what bigints give, up to ±2^53', () => {
    for (const n of [...edges, ...extremes]) {
      expect(varlong(n).toString('hex'), String(n)).toBe(byBigint(n).toString('hex'))
      expect(sizeOfVarlong(n), String(n)).toBe(byBigint(n).length)
      expect(Number(readVarlong(new Reader(varlong(n)))), String(n)).toBe(n)
    }
  })

  test('every safe integer is what bigints give', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), n => {
        expect(varlong(n)).toEqual(byBigint(n))
        expect(sizeOfVarlong(n)).toBe(byBigint(n).length)
        expect(Number(readVarlong(new Reader(byBigint(n))))).toBe(n)
      }),
      { numRuns: 2000 },
    )
  })

  test('all 64 bits are read, as a number only where that is exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), n => {
        const writer = new Writer(16)
        writer.varlong(n)
        const reader = new Reader(writer.written())
        const read = readVarlong(reader)
        expect(BigInt(read)).toBe(n)
        expect(reader.remaining).toBe(0)
        if (typeof read === 'number') expect(Number.isSafeInteger(read)).toBe(true)
      }),
    )
  })

  test('one that does not end is refused', () => {
    expect(() => readVarlong(new Reader(Buffer.alloc(20, 0xff)))).toThrow(/longer than 64 bits/)
    expect(() => readVarlong(new Reader(Buffer.alloc(3, 0xff)))).toThrow(/are left/)
  })
})

describe('int64', () => {
  test('every safe integer is what bigints give', () => {
    const bytes = Buffer.alloc(8)
    const expected = Buffer.alloc(8)
    const check = (n: number) => {
      writeInt64(bytes, 0, n)
      expected.writeBigInt64BE(BigInt(n))
      expect(bytes).toEqual(expected)
      expect(readInt64(expected, 0)).toBe(n)
    }
    for (const n of [...edges, ...extremes]) check(n)
    fc.assert(fc.property(fc.maxSafeInteger(), check), { numRuns: 1000 })
  })
})

describe('a timestamp from base and delta', () => {
  test('is exact even where the delta is not a safe integer', () => {
    expect(addTimestamp(-(2 ** 53) + 1, 2n ** 54n - 3n)).toBe(2 ** 53 - 2)
    expect(addTimestamp(2 ** 53 - 1, -(2n ** 53n))).toBe(-1)
    expect(addTimestamp(10, -11)).toBe(-1)
  })

  test('beyond what a number holds it is refused', () => {
    expect(() => addTimestamp(2 ** 53 - 1, 1)).toThrow(/out of range/)
    expect(() => addTimestamp(0, 2n ** 62n)).toThrow(/out of range/)
  })
})
