import { describe, expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import { readRequestHeader, readResponseHeader, writeRequestHeader, writeResponseHeader } from './header.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

const header = { apiKey: 3, apiVersion: 9, correlationId: 7, clientId: 'me' }

describe('request headers', () => {
  test('the client id keeps its old two-byte length in the flexible header', () => {
    for (const [flexible, tail] of [
      [false, ''],
      [true, '00'],
    ] as const) {
      const writer = new Writer()
      writeRequestHeader(writer, header, flexible)
      expect(writer.written().toString('hex')).toBe(`0003000900000007${'00026d65'}${tail}`)
      const reader = new Reader(writer.written())
      expect(readRequestHeader(reader, () => flexible)).toEqual(header)
      expect(reader.remaining).toBe(0)
    }
  })

  test('no client id is null, not the empty string', () => {
    const writer = new Writer()
    writeRequestHeader(writer, { ...header, clientId: null }, false)
    expect(writer.written().toString('hex')).toBe('0003000900000007ffff')
    expect(readRequestHeader(new Reader(writer.written()), () => false).clientId).toBeNull()
  })

  test('tagged fields of a newer client are passed over; more than there are bytes is a DecodeError', () => {
    const start = '0003000900000007ffff'
    const reader = new Reader(Buffer.from(`${start}010702aabbee`, 'hex'))
    readRequestHeader(reader, () => true)
    expect(reader.int8()).toBe(-18)
    for (const tail of ['ffffffff0f', '01', '010705aa', '0107ffffffff0f'])
      expect(() => readRequestHeader(new Reader(Buffer.from(start + tail, 'hex')), () => true)).toThrow(DecodeError)
  })
})

describe('response headers', () => {
  test.for([
    ['an old version', 3, false, '00000007'],
    ['a flexible version', 3, true, '0000000700'],
    ['ApiVersions, whatever its version', 18, true, '00000007'],
  ] as const)('%s', ([, key, flexible, hex]) => {
    const writer = new Writer()
    writeResponseHeader(writer, key, 7, flexible)
    expect(writer.written().toString('hex')).toBe(hex)
    const reader = new Reader(writer.written())
    expect(readResponseHeader(reader, key, flexible)).toBe(7)
    expect(reader.remaining).toBe(0)
  })
})
