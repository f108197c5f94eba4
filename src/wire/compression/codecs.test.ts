import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../base/errors/decode-error.ts'
import { type Codec, type CodecName, codecById, codecNames, loadCodec, loadCodecSync } from './index.ts'
import { makeZstd } from './zstd.ts'

/** zstd on WASM is tested on every Node, beside what node:zlib has. */
const codecs: [string, Codec][] = [
  ...codecNames.map((name): [string, Codec] => [name, loadCodecSync(name)]),
  ['zstd by WASM', makeZstd({})],
]
const compressing = codecs.filter(([name]) => name !== 'none')

/** Bytes without pattern that are the same in every run. */
function noise(length: number): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; i * 32 < length; i++) parts.push(createHash('sha256').update(`noise ${i}`).digest())
  return Buffer.concat(parts).subarray(0, length)
}

const megabyte = 1024 * 1024
const inputs: [string, Buffer][] = [
  ['no bytes', Buffer.alloc(0)],
  ['one byte', Buffer.from('a')],
  ['32 KiB, a whole snappy block', noise(32 * 1024)],
  ['one byte more than a snappy block', noise(32 * 1024 + 1)],
  ['1 MiB of noise', noise(megabyte)],
  ['1 MiB of repeats', Buffer.alloc(megabyte, 'kafka ')],
]

describe.each(codecs)('%s', (_, codec) => {
  test.each(inputs)('gives back %s', async (_what, input) => {
    expect(codec.decompress(codec.compress(input), input.length).equals(input)).toBe(true)
    expect(codec.decompress(await codec.compressAsync(input), input.length).equals(input)).toBe(true)
  })

  test('gives back any bytes, also from a view that begins elsewhere in its memory', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 0, max: 50 }), (bytes, repeats) => {
        const all = Buffer.concat([Buffer.from('before'), ...Array(repeats + 1).fill(bytes), Buffer.from('after')])
        const view = new Uint8Array(all.buffer, all.byteOffset + 6, all.length - 11)
        expect(codec.decompress(codec.compress(view), view.length).equals(view)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test('refuses to give one byte more than is allowed', () => {
    for (const [, input] of inputs.slice(1)) {
      const compressed = codec.compress(input)
      expect(() => codec.decompress(compressed, input.length - 1)).toThrow(/more than \d+ bytes/)
      expect(() => codec.decompress(compressed, 0)).toThrow(DecodeError)
    }
  })
})

describe.each(compressing)('%s and bytes that are damaged', (_, codec) => {
  const input = Buffer.concat([noise(700), Buffer.alloc(3000, 'again and again '), noise(90)])
  const compressed = Buffer.from(codec.compress(input))

  test('every truncation is a DecodeError', () => {
    for (let length = 0; length < compressed.length; length++) {
      const cut = compressed.subarray(0, length)
      // Snappy's framing has no end mark: cut at a block's end it is a shorter frame.
      if (codec.name === 'snappy' && length === 16) continue
      expect(() => codec.decompress(cut, 1 << 20), `cut at ${length} of ${compressed.length}`).toThrow(DecodeError)
    }
  })

  test('a changed byte gives other bytes within the limit or a DecodeError, nothing else', () => {
    for (let at = 0; at < compressed.length; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const hostile = Buffer.from(compressed)
        hostile[at]! ^= mask
        try {
          expect(codec.decompress(hostile, 8000).length).toBeLessThanOrEqual(8000)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }
    }
  })

  test('any bytes are read or are a DecodeError', () => {
    const start = Buffer.from(compressed.subarray(0, 12))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 12 }), (bytes, kept) => {
        try {
          codec.decompress(Buffer.concat([start.subarray(0, kept), bytes]), 1000)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('a bomb of 64 MiB is refused without that memory', () => {
    const bomb = Buffer.from(codec.compress(Buffer.alloc(64 * megabyte)))
    const before = process.memoryUsage()
    expect(() => codec.decompress(bomb, 100_000)).toThrow(DecodeError)
    const after = process.memoryUsage()
    expect(after.external + after.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(8 * megabyte)
  })

  test('the codec still works after all that', () => {
    expect(codec.decompress(codec.compress(input), input.length).equals(input)).toBe(true)
  })
})

describe('levels', () => {
  const text = Buffer.from(Array.from({ length: 3000 }, (_, i) => `line ${(i * 7919) % 1000} of a text\n`).join(''))
  const size = (name: CodecName, level?: number) => loadCodecSync(name).compress(text, level).length

  test('a higher level of gzip and zstd makes fewer bytes', () => {
    expect(size('gzip', 9)).toBeLessThan(size('gzip', 1))
    expect(size('gzip', -1)).toBe(size('gzip', 6))
    expect(size('zstd', 19)).toBeLessThan(size('zstd', -50))
    expect(size('zstd')).toBe(size('zstd', 3))
    const wasm = makeZstd({})
    expect(wasm.compress(text, 19).length).toBeLessThan(wasm.compress(text, -50).length)
  })

  test.each([
    ['gzip', [-2, 0, 10, 1.5]],
    ['lz4', [0, 18]],
    ['zstd', [-131073, 23, Number.NaN]],
  ] as const)('%s refuses a level that Kafka refuses', async (name, levels) => {
    for (const level of levels) {
      expect(() => loadCodecSync(name).compress(text, level)).toThrow(RangeError)
      await expect(loadCodecSync(name).compressAsync(text, level)).rejects.toThrow(RangeError)
    }
  })

  test.each([
    ['gzip', [-1, 1, 9]],
    ['lz4', [1, 9, 17]],
    ['zstd', [-131072, 0, 22]],
  ] as const)('%s takes the levels at the ends', (name, levels) => {
    const codec = loadCodecSync(name)
    for (const level of levels)
      expect(codec.decompress(codec.compress(text, level), text.length).equals(text)).toBe(true)
  })
})

describe('finding a codec', () => {
  test.each([
    [0, 'none'],
    [1, 'gzip'],
    [2, 'snappy'],
    [3, 'lz4'],
    [4, 'zstd'],
  ] as const)('id %i is %s', async (id, name) => {
    const codec = await loadCodec(name)
    expect(codec).toMatchObject({ id, name })
    expect(codecById(id)).toBe(codec)
    expect(loadCodecSync(name)).toBe(codec)
  })

  test('an unknown id gives nothing, an unknown name an error', async () => {
    for (const id of [-1, 5, 7, 1.5]) expect(codecById(id)).toBeUndefined()
    for (const name of ['brotli', 'constructor', ''])
      await expect(loadCodec(name as CodecName)).rejects.toThrow(/no codec is named/)
  })
})
