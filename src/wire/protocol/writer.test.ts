import { describe, expect, test } from 'vitest'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

describe('a writer', () => {
  test('grows by itself and keeps what was written', () => {
    const writer = new Writer(1)
    for (let value = 0; value < 1000; value++) writer.int32(value)
    writer.utf8('žluťoučký kůň 🐎')
    writer.raw(new Uint8Array(5000).fill(7))

    const reader = new Reader(writer.written())
    for (let value = 0; value < 1000; value++) expect(reader.int32()).toBe(value)
    expect(reader.utf8(Buffer.byteLength('žluťoučký kůň 🐎'))).toBe('žluťoučký kůň 🐎')
    expect(reader.slice(5000).every(byte => byte === 7)).toBe(true)
    expect(reader.remaining).toBe(0)
  })

  test('starts from no capacity at all', () => {
    const writer = new Writer(0)
    writer.int8(1)
    expect(writer.written()).toEqual(Buffer.from([1]))
  })

  test('refuses numbers that do not fit their width', () => {
    const writer = new Writer()
    expect(() => writer.int8(128)).toThrow(RangeError)
    expect(() => writer.int16(32_768)).toThrow(RangeError)
    expect(() => writer.uint16(-1)).toThrow(RangeError)
    expect(() => writer.int32(2 ** 31)).toThrow(RangeError)
    expect(() => writer.uint32(2 ** 32)).toThrow(RangeError)
    expect(() => writer.int64(2n ** 63n)).toThrow(RangeError)
  })

  test('writes topic ids as the sixteen bytes that Kafka prints as base64', () => {
    const writer = new Writer()
    writer.uuid('hjoCDJD7S5mEFUp7R2cSKg')
    expect(writer.written().toString('hex')).toBe('863a020c90fb4b9984154a7b4767122a')
    expect(new Reader(writer.written()).uuid()).toBe('hjoCDJD7S5mEFUp7R2cSKg')
  })

  test.for(['', 'hjoCDJD7S5mEFUp7R2cSK', 'hjoCDJD7S5mEFUp7R2cSKgAA', '!!!!!!!!!!!!!!!!!!!!!!'])(
    'does not take %j for a topic id',
    text => {
      expect(() => new Writer().uuid(text)).toThrow()
    },
  )
})
