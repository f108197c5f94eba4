import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { loadCodecSync } from './index.ts'
import { measureLz4Frame } from './lz4-frame.ts'
import { makeZstd } from './zstd.ts'
import { splitZstdFrames } from './zstd-frame.ts'

const require = createRequire(import.meta.url)
const sizes = [0, 1, 100, 65_536, 65_537, 300_000, 5_000_000]

describe('lz4 frames', () => {
  const lz4 = loadCodecSync('lz4')

  test.each(sizes)('a frame of %i bytes has independent blocks, no dictionary, and the right magic', size => {
    for (const input of [Buffer.alloc(size, 'some text '), Buffer.alloc(size, 0)]) {
      const frame = Buffer.from(lz4.compress(input))
      expect(frame.readUInt32LE(0).toString(16)).toBe('184d2204')
      const flags = frame[4]!
      expect(flags >> 6, 'version').toBe(1)
      expect(flags & 0x20, 'independent blocks').toBe(0x20)
      expect(flags & 0x1f, 'no checksum, no size, no dictionary, nothing reserved').toBe(0)
    }
  })

  test('the header checksum is the second byte of xxHash32 over the descriptor', () => {
    // The four descriptors that can be written; the checksums were computed apart, from xxHash's specification.
    const checksums: Record<string, number> = { '6040': 0x82, '6050': 0xfb, '6060': 0x51, '6070': 0x73 }
    for (const size of sizes) {
      const frame = Buffer.from(lz4.compress(Buffer.alloc(size, 'abcdefg')))
      const descriptor = frame.toString('hex', 4, 6)
      expect(checksums, descriptor).toHaveProperty(descriptor)
      expect(frame[6]).toBe(checksums[descriptor])
    }
  })

  test('a frame whose blocks depend on each other is refused, as Kafka refuses it', () => {
    const frame = Buffer.from(lz4.compress(Buffer.from('hello')))
    frame[4]! &= ~0x20
    expect(() => lz4.decompress(frame, 100)).toThrow(/depend on each other/)
  })

  test('a frame with a wrong header checksum is refused', () => {
    const frame = Buffer.from(lz4.compress(Buffer.from('hello')))
    frame[6]! ^= 1
    expect(() => lz4.decompress(frame, 100)).toThrow(/lz4/)
  })

  test('a frame with block and content checksums is read', () => {
    const library: { compressFrameSync(input: Buffer, options: object): Buffer } = require('lz4-napi')
    const input = Buffer.alloc(200_000, 'with checksums ')
    const frame = library.compressFrameSync(input, { contentChecksum: true, blockChecksums: true })
    expect(frame[4]! & 0x14).toBe(0x14)
    expect(lz4.decompress(frame, input.length).equals(input)).toBe(true)
    frame[frame.length - 1]! ^= 1
    expect(() => lz4.decompress(frame, input.length)).toThrow(/lz4/)
  })

  test.each(sizes)('%i bytes are measured without decompressing', size => {
    const input = Buffer.alloc(size, 'measure twice, cut once; ')
    expect(measureLz4Frame(Buffer.from(lz4.compress(input)), size)).toBe(size)
  })
})

describe('snappy', () => {
  const snappy = loadCodecSync('snappy')
  const header = Buffer.from('82534e41505059000000000100000001', 'hex')

  test('is written in the framing of the Java library, in blocks of 32 KiB', () => {
    const frame = Buffer.from(snappy.compress(Buffer.alloc(70_000, 'x')))
    expect(frame.subarray(0, 16)).toEqual(header)
    const plainLengths: number[] = []
    for (let at = 16; at < frame.length; at += 4 + frame.readInt32BE(at)) {
      const [a, b, c] = frame.subarray(at + 4)
      plainLengths.push((a! & 0x7f) | ((b! & 0x7f) << 7) | (b! > 0x7f ? c! << 14 : 0))
    }
    expect(plainLengths).toEqual([32768, 32768, 4464])
  })

  test('no bytes are a frame without blocks', () => {
    expect(Buffer.from(snappy.compress(Buffer.alloc(0)))).toEqual(header)
  })

  test('a bare block, as librdkafka writes it, is read', () => {
    // length 4, a literal of 4 bytes
    const block = Buffer.from([4, (4 - 1) << 2, ...Buffer.from('bare')])
    expect(snappy.decompress(block, 4).toString()).toBe('bare')
    expect(snappy.decompress(Buffer.from([0]), 0)).toHaveLength(0)
  })

  test('a block that announces 4 GB is refused before anything is allocated', () => {
    const block = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0x61])
    expect(() => snappy.decompress(block, 2 ** 33)).toThrow(/cannot become/)
  })
})

describe('gzip', () => {
  test('members one after the other are one text, as in Java', () => {
    const two = Buffer.concat([gzipSync('first '), gzipSync('second')])
    expect(loadCodecSync('gzip').decompress(two, 100).toString()).toBe('first second')
  })
})

describe('zstd', () => {
  const wasm = makeZstd({})

  test('what node:zlib writes the WASM reads, and the other way round', () => {
    const other = loadCodecSync('zstd') // the same on Node 20
    const input = Buffer.alloc(500_000, 'here and there ')
    expect(wasm.decompress(other.compress(input), input.length).equals(input)).toBe(true)
    expect(other.decompress(wasm.compress(input), input.length).equals(input)).toBe(true)
  })

  test('two frames, with a skippable one between them, are one text', () => {
    const skippable = Buffer.from('502a4d1803000000616263', 'hex')
    const frames = Buffer.concat([wasm.compress(Buffer.from('one ')), skippable, wasm.compress(Buffer.from('two'))])
    expect(wasm.decompress(frames, 7).toString()).toBe('one two')
    expect(loadCodecSync('zstd').decompress(frames, 7).toString()).toBe('one two')
    for (const codec of [wasm, loadCodecSync('zstd')]) expect(() => codec.decompress(frames, 6)).toThrow(/more than/)
    expect(loadCodecSync('zstd').decompress(skippable, 0)).toHaveLength(0)
  })

  test('the bound is never below what a frame becomes', () => {
    for (const size of sizes) {
      const compressed = Buffer.from(wasm.compress(Buffer.alloc(size, 'upper bound ')))
      expect(splitZstdFrames(compressed).bound).toBeGreaterThanOrEqual(size)
    }
  })
})
