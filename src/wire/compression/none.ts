import { asBuffer, type Codec } from './codec.ts'
import { tooMuch } from './damaged.ts'

/** No compression. Gives back the bytes it gets, not a copy. */
export const none: Codec = {
  id: 0,
  name: 'none',
  compress: input => input,
  compressAsync: input => Promise.resolve(input),
  decompress(input, maxBytes) {
    if (input.length > maxBytes) throw tooMuch('none', maxBytes)
    return asBuffer(input)
  },
}
