import { createRequire } from 'node:module'
import { asBuffer, type Codec } from './codec.ts'
import { damaged, tooMuch } from './damaged.ts'

interface Options {
  /**
   * The library else gives out memory of its own, which is freed only when the event loop turns: a loop that never
   * does would fill the memory. Copying is faster as well, because the same pages are used again.
   */
  copyOutputData: true
}

interface SnappyLibrary {
  compressSync(input: Uint8Array, options: Options): Buffer
  compress(input: Uint8Array, options: Options): Promise<Buffer>
  uncompressSync(input: Uint8Array, options: Options & { asBuffer: true }): Buffer | string
}

/**
 * The framing of the Java library (SnappyOutputStream of xerial's snappy-java), which the Java producer writes: magic,
 * version, lowest compatible version, then blocks, each with its compressed length. Java and librdkafka also read a
 * bare block, but readers that know only the framing exist as well.
 */
const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const header = Buffer.concat([magic, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])
/** snappy-java's default. Its reader takes any, but allocates as much as a block announces. */
const blockSize = 32 * 1024

/** The uncompressed length that begins every snappy block, as unsigned LEB128. */
function announcedLength(block: Buffer): number {
  let length = 0
  for (let i = 0; i < Math.min(5, block.length); i++) {
    const byte = block[i]!
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) {
      if (length > 0xffffffff) break
      return length
    }
  }
  throw damaged('snappy', 'block without a length')
}

/** The blocks of xerial's framing; bytes without its magic are one bare block. */
function splitBlocks(input: Buffer): Buffer[] {
  if (input.length < magic.length || !input.subarray(0, magic.length).equals(magic)) return [input]
  if (input.length < header.length) throw damaged('snappy', 'frame ends within its header')
  const blocks: Buffer[] = []
  let at = header.length
  while (at < input.length) {
    // snappy-java's reader skips the header of a frame that was appended to another; nobody writes that for Kafka.
    if (input.length - at < 4) throw damaged('snappy', `frame ends within a block's length at ${at}`)
    const length = input.readInt32BE(at)
    at += 4
    if (length < 0 || length > input.length - at)
      throw damaged('snappy', `block of ${length} bytes at ${at}, but ${input.length - at} are left`)
    blocks.push(input.subarray(at, at + length))
    at += length
  }
  return blocks
}

function frame(blocks: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [header]
  for (const block of blocks) {
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

function chunks(input: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = 0; at < input.length; at += blockSize) parts.push(input.subarray(at, at + blockSize))
  return parts
}

const copying: Options = { copyOutputData: true }

export function makeSnappy(): Codec {
  const library: SnappyLibrary = createRequire(import.meta.url)('snappy')

  function uncompress(block: Buffer): Buffer {
    try {
      return asBuffer(library.uncompressSync(block, { asBuffer: true, ...copying }) as Buffer)
    } catch (error) {
      throw damaged('snappy', error instanceof Error ? error.message : String(error), error)
    }
  }

  return {
    id: 2,
    name: 'snappy',
    compress: input => frame(chunks(input).map(chunk => library.compressSync(chunk, copying))),
    compressAsync: async input =>
      frame(await Promise.all(chunks(input).map(chunk => library.compress(chunk, copying)))),
    decompress(input, maxBytes) {
      const blocks = splitBlocks(asBuffer(input))
      let total = 0
      for (const block of blocks) {
        const length = announcedLength(block)
        // No element of a block makes more than 64 bytes, and the shortest such takes three bytes (a copy with a
        // two-byte offset). What announces more is damaged; the library would allocate it all the same.
        if (length > block.length * 32) throw damaged('snappy', `${block.length} bytes cannot become ${length}`)
        total += length
        if (total > maxBytes) throw tooMuch('snappy', maxBytes)
      }
      return blocks.length === 1 ? uncompress(blocks[0]!) : Buffer.concat(blocks.map(uncompress), total)
    },
  }
}
