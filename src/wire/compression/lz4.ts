import { createRequire } from 'node:module'
import { asBuffer, type Codec, checkLevel } from './codec.ts'
import { damaged } from './damaged.ts'
import { measureLz4Frame } from './lz4-frame.ts'

interface Lz4Library {
  compressFrameSync(input: Buffer): Buffer
  compressFrame(input: Uint8Array): Promise<Buffer>
  decompressFrameSync(input: Buffer): Buffer
}

/**
 * LZ4 frames with independent blocks and no checksums but the header's, as Kafka wants them. The library (lz4_flex) has
 * the fast algorithm only: levels are checked, so that a wrong one is seen here as in Java, and then change nothing.
 * Its buffers are memory of its own that is freed when the event loop turns.
 */
export function makeLz4(): Codec {
  const library: Lz4Library = createRequire(import.meta.url)('lz4-napi')
  return {
    id: 3,
    name: 'lz4',
    compress(input, level) {
      checkLevel('lz4', level)
      return library.compressFrameSync(asBuffer(input))
    },
    async compressAsync(input, level) {
      checkLevel('lz4', level)
      return library.compressFrame(input)
    },
    decompress(input, maxBytes) {
      const frame = asBuffer(input)
      const size = measureLz4Frame(frame, maxBytes)
      let output: Buffer
      try {
        output = library.decompressFrameSync(frame)
      } catch (error) {
        throw damaged('lz4', error instanceof Error ? error.message : String(error), error)
      }
      if (output.length !== size) throw damaged('lz4', `frame became ${output.length} bytes, not ${size}`)
      return output
    },
  }
}
