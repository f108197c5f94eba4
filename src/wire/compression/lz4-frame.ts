import { damaged, tooMuch } from './damaged.ts'

/** Flags of an LZ4 frame's FLG byte. Source: lz4_Frame_format.md. */
const independentBlocks = 0x20
const blockChecksums = 0x10
const contentSize = 0x08
const contentChecksum = 0x04
const dictionaryId = 0x01

const magic = 0x184d2204
const shortestMatch = 4

/**
 * Bytes that the block at `at`, of `length`, will become: the sum over its sequences, of which nothing is copied.
 * Throws where the block breaks off, or where its sum passes `limit`.
 */
function blockOutput(input: Buffer, start: number, length: number, limit: number): number {
  const end = start + length
  let at = start
  let total = 0

  function extended(nibble: number): number {
    if (nibble < 15) return nibble
    let sum = nibble
    for (;;) {
      if (at >= end) throw damaged('lz4', `block at ${start} breaks off within a length`)
      const byte = input[at++]!
      sum += byte
      if (byte < 255) return sum
    }
  }

  while (at < end) {
    const token = input[at++]!
    const literals = extended(token >> 4)
    if (literals > end - at) throw damaged('lz4', `block at ${start} breaks off within literals`)
    at += literals
    total += literals
    if (at < end) {
      if (end - at < 2) throw damaged('lz4', `block at ${start} breaks off within an offset`)
      at += 2
      total += extended(token & 0x0f) + shortestMatch
    }
    if (total > limit) throw damaged('lz4', `block at ${start} becomes more than ${limit} bytes`)
  }
  return total
}

/**
 * Measures what an LZ4 frame will become, without decompressing: the library has no limit of its own, and a frame of
 * 4 kB may hold a megabyte. Refuses what Kafka's reader refuses (KafkaLZ4BlockInputStream: another version, dependent
 * blocks), a dictionary, and a frame that breaks off, which the library takes for an empty one.
 */
export function measureLz4Frame(input: Buffer, maxBytes: number): number {
  if (input.length < 7) throw damaged('lz4', `${input.length} bytes are no frame`)
  if (input.readUInt32LE(0) !== magic) throw damaged('lz4', 'not a frame')
  const flags = input[4]!
  if (flags >> 6 !== 1) throw damaged('lz4', `frame of version ${flags >> 6}`)
  if (!(flags & independentBlocks)) throw damaged('lz4', 'blocks depend on each other, which Kafka does not support')
  if (flags & dictionaryId) throw damaged('lz4', 'frame needs a dictionary')
  const sizeCode = (input[5]! >> 4) & 0x07
  if (sizeCode < 4) throw damaged('lz4', `block size code ${sizeCode}`)
  const blockMaximum = 4 ** (sizeCode + 4)
  let at = 7 + (flags & contentSize ? 8 : 0)
  const trailing = flags & blockChecksums ? 4 : 0
  let total = 0
  for (;;) {
    if (input.length - at < 4) throw damaged('lz4', `frame breaks off at ${at}`)
    const word = input.readUInt32LE(at)
    at += 4
    if (word === 0) break
    const length = word & 0x7fffffff
    if (length + trailing > input.length - at)
      throw damaged('lz4', `block of ${length} bytes at ${at}, but ${input.length - at} are left`)
    const stored = word >= 0x80000000
    if (length > blockMaximum) throw damaged('lz4', `block of ${length} bytes at ${at}`)
    total += stored ? length : blockOutput(input, at, length, blockMaximum)
    if (total > maxBytes) throw tooMuch('lz4', maxBytes)
    at += length + trailing
  }
  if (flags & contentChecksum) at += 4
  if (at !== input.length) throw damaged('lz4', `frame ends at ${at}, its bytes at ${input.length}`)
  return total
}
