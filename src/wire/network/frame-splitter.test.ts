import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BadLengthError, FrameSplitter } from './frame-splitter.ts'

const framed = (body: Buffer) => {
  const head = Buffer.alloc(4)
  head.writeInt32BE(body.length)
  return Buffer.concat([head, body])
}

/** Pushes a stream in chunks, through one buffer that is overwritten each time, as a socket does. */
function split(stream: Buffer, sizes: readonly number[], max = 1 << 20): Buffer[] {
  const frames: Buffer[] = []
  const splitter = new FrameSplitter(max)
  const buffer = Buffer.alloc(Math.max(1, stream.length))
  let offset = 0
  for (let turn = 0; offset < stream.length; turn++) {
    const length = Math.min(stream.length - offset, Math.max(1, sizes[turn % sizes.length] ?? 1))
    stream.copy(buffer, 0, offset, offset + length)
    splitter.push(buffer, length, (bytes, start, end) => {
      frames.push(Buffer.from(bytes.subarray(start, end)))
      return true
    })
    buffer.fill(0xee)
    offset += length
  }
  expect(splitter.heldBytes).toBe(0)
  return frames
}

describe('FrameSplitter', () => {
  it('gives the same frames however the stream is split', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 300 }), { maxLength: 8 })
    const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(bodies, sizes, (given, chunks) => {
        const expected = given.map(body => Buffer.from(body))
        expect(split(Buffer.concat(expected.map(framed)), chunks)).toEqual(expected)
      }),
    )
  })

  it('reads one byte at a time', () => {
    const bodies = [Buffer.from('first'), Buffer.from('the second'), Buffer.alloc(1000, 7)]
    expect(split(Buffer.concat(bodies.map(framed)), [1])).toEqual(bodies)
  })

  it.each([-1, 0, 3, 1025, 2 ** 31 - 1, 352_518_912])(
    'refuses a length of %i before memory is taken for it',
    length => {
      const head = Buffer.alloc(4)
      head.writeInt32BE(length)
      const splitter = new FrameSplitter(1024)
      expect(() => splitter.push(head, 4, () => true)).toThrow(BadLengthError)
      const inParts = new FrameSplitter(1024)
      inParts.push(head, 3, () => true)
      expect(() => inParts.push(head.subarray(3), 1, () => true)).toThrow(BadLengthError)
      expect(inParts.heldBytes).toBeLessThan(100)
    },
  )

  it('holds memory for what came, not for what was announced', () => {
    const splitter = new FrameSplitter(100 * 2 ** 20)
    const head = Buffer.alloc(4)
    head.writeInt32BE(90 * 2 ** 20)
    splitter.push(head, 4, () => true)
    for (let turn = 0; turn < 1000; turn++) splitter.push(Buffer.from([1]), 1, () => true)
    expect(splitter.heldBytes).toBeLessThan(4096)
  })

  it('stops where the receiver has had enough', () => {
    const stream = Buffer.concat([framed(Buffer.from('one!')), framed(Buffer.from('two!'))])
    let frames = 0
    new FrameSplitter(100).push(stream, stream.length, () => ++frames < 1)
    expect(frames).toBe(1)
  })
})
