import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { asBuffer, type Codec, checkLevel } from './codec.ts'
import { damaged, tooMuch } from './damaged.ts'
import { inflate } from './inflate.ts'
import { splitZstdFrames } from './zstd-frame.ts'
import { loadWasmZstd } from './zstd-wasm.ts'

interface ZstdOptions {
  params: Record<number, number>
}

/** What node:zlib has from Node 22.15 and 23.8 on; the types of Node 20 do not know it. */
interface NativeZstd {
  zstdCompressSync(input: Uint8Array, options: ZstdOptions): Buffer
  zstdCompress(input: Uint8Array, options: ZstdOptions, done: (error: Error | null, output: Buffer) => void): void
  zstdDecompressSync(input: Uint8Array, options: { maxOutputLength: number }): Buffer
}

/** ZSTD_c_compressionLevel of zstd.h. */
const compressionLevel = 100

/** zstd by node:zlib where it is there, else by WASM, whose `compressAsync` works in the caller's thread. */
export function makeZstd(available: Partial<NativeZstd> = zlib as Partial<NativeZstd>): Codec {
  const { zstdCompressSync, zstdCompress, zstdDecompressSync } = available
  return zstdCompressSync && zstdCompress && zstdDecompressSync
    ? nativeZstd({ zstdCompressSync, zstdCompress, zstdDecompressSync })
    : wasmZstd()
}

function nativeZstd(native: NativeZstd): Codec {
  const zstdCompress = promisify(native.zstdCompress)
  const options = (level: number | undefined) => ({ params: { [compressionLevel]: checkLevel('zstd', level) } })
  return {
    id: 4,
    name: 'zstd',
    compress: (input, level) => native.zstdCompressSync(input, options(level)),
    compressAsync: async (input, level) => zstdCompress(input, options(level)),
    decompress(input, maxBytes) {
      const { frames } = splitZstdFrames(asBuffer(input))
      let left = maxBytes
      const parts = frames.map(frame => {
        const part = inflate('zstd', left, limit => native.zstdDecompressSync(frame, limit))
        left -= part.length
        return part
      })
      return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    },
  }
}

function wasmZstd(): Codec {
  const wasm = loadWasmZstd()
  return {
    id: 4,
    name: 'zstd',
    compress: (input, level) => wasm.compress(input, checkLevel('zstd', level)),
    compressAsync: async (input, level) => wasm.compress(input, checkLevel('zstd', level)),
    decompress(input, maxBytes) {
      const { bound } = splitZstdFrames(asBuffer(input))
      const output = wasm.decompress(input, Math.min(bound, maxBytes))
      if (output !== null) return output
      if (bound > maxBytes) throw tooMuch('zstd', maxBytes)
      throw damaged('zstd', 'damaged frame')
    },
  }
}
