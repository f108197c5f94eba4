// Random-looking payloads that are the same in every run: base-64 text, so that a line of a file can hold one.

const alphabet = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 'latin1')

/** `count` buffers of `bytes` bytes, six random bits in each byte. */
export function payloads({ count, bytes, seed }) {
  let state = seed >>> 0
  const all = Buffer.allocUnsafe(count * bytes)
  for (let at = 0; at < all.length; at++) {
    // mulberry32: enough for payloads that compress as badly as random text does
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    all[at] = alphabet[((mixed ^ (mixed >>> 14)) >>> 0) & 63]
  }
  return Array.from({ length: count }, (_, index) => all.subarray(index * bytes, (index + 1) * bytes))
}
