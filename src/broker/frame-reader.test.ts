import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameError, FrameReader } from './frame-reader.ts'

function framed(payloads: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    payloads.map(payload => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(payload.length)
      return Buffer.concat([length, payload])
    }),
  )
}

test('frames come out as they went in, however the stream was cut', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 })
  fc.assert(
    fc.property(payloads, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
      const stream = framed(sent)
      const reader = new FrameReader(1000)
      const got: Buffer[] = []
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const end = Math.min(stream.length, at + cuts[turn % cuts.length]!)
        reader.push(stream.subarray(at, end))
        at = end
        for (let frame = reader.next(); frame; frame = reader.next()) got.push(Buffer.from(frame))
      }
      expect(got.map(frame => [...frame])).toEqual(sent.map(payload => [...payload]))
      expect(reader.buffered).toBe(0)
    }),
  )
})

test('a frame that comes byte by byte is put together', () => {
  const payload = Buffer.from(Array.from({ length: 5000 }, (_, index) => index & 0xff))
  const reader = new FrameReader(10_000)
  for (const byte of framed([payload])) {
    expect(reader.next()).toBeNull()
    reader.push(Buffer.from([byte]))
  }
  expect(reader.next()).toEqual(payload)
})

test('a length that no request has is refused before anything of it has come', () => {
  for (const bytes of [
    Buffer.from('GET / HTTP/1.1\r\n'),
    Buffer.from([0x16, 3, 1, 2]),
    Buffer.from([255, 255, 255, 255]),
  ]) {
    const reader = new FrameReader(100 * 1024 * 1024)
    reader.push(bytes)
    expect(() => reader.next()).toThrow(FrameError)
  }
})
