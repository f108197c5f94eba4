import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { crc32c, crc32cInJavaScript, loadNativeCrc32c } from './crc32c.ts'

const native = loadNativeCrc32c()
const noise = Buffer.concat(Array.from({ length: 130 }, (_, i) => createHash('sha512').update(String(i)).digest()))

/** One bit at a time, from the definition. */
function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}

// The first is the check value of the catalogue of CRCs, the others are of RFC 3720, B.4.
const known: [string, Buffer, number][] = [
  ['123456789', Buffer.from('123456789'), 0xe3069283],
  ['no bytes', Buffer.alloc(0), 0],
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ['31 to 0', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
]

describe.each(known)('of %s', (_, bytes, expected) => {
  test('every implementation gives the published value', () => {
    expect(crc32c(bytes)).toBe(expected)
    expect(crc32cInJavaScript(bytes)).toBe(expected)
    expect(bitwise(bytes)).toBe(expected)
    if (native) expect(native(bytes)).toBe(expected)
  })
})

test('every length and alignment gives what the definition gives', () => {
  for (let length = 0; length <= 700; length++) {
    const start = length % 17
    const expected = bitwise(noise.subarray(start, start + length))
    expect(crc32cInJavaScript(noise, start, start + length), `${length} bytes in JavaScript`).toBe(expected)
    expect(crc32c(noise, start, start + length), `${length} bytes`).toBe(expected)
  }
})

test.skipIf(native === null)('binding and JavaScript agree on long inputs', () => {
  for (let length = 1000; length <= noise.length; length += 331)
    expect(native!(noise.subarray(0, length))).toBe(crc32cInJavaScript(noise, 0, length))
})

test('the ends may be left out', () => {
  expect(crc32c(noise)).toBe(crc32c(noise, 0, noise.length))
  expect(crc32c(noise, 5)).toBe(bitwise(noise.subarray(5)))
  expect(crc32c(new Uint8Array(noise), 5, 4000)).toBe(bitwise(noise.subarray(5, 4000)))
})
