import { promisify } from 'node:util'
import { gunzipSync, gzip as gzipInPool, gzipSync } from 'node:zlib'
import { type Codec, checkLevel } from './codec.ts'
import { inflate } from './inflate.ts'

const gzipAsync: (input: Uint8Array, options: { level: number }) => Promise<Buffer> = promisify(gzipInPool)

export const gzip: Codec = {
  id: 1,
  name: 'gzip',
  compress: (input, level) => gzipSync(input, { level: checkLevel('gzip', level) }),
  compressAsync: async (input, level) => gzipAsync(input, { level: checkLevel('gzip', level) }),
  decompress: (input, maxBytes) => inflate('gzip', maxBytes, options => gunzipSync(input, options)),
}
