import type { Random } from '../../src/base/random.ts'

/** Numbers that lengths and counts are attacked with: as fixed widths, and as varints. */
const hostile = [
  '7fffffff',
  '80000000',
  'ffffffff',
  'fffffffe',
  '7fff',
  '8000',
  '00ffffff',
  '10000000',
  'ffffffff0f',
  'ffffffff7f',
  'ffffffffff',
  'ffff7f',
  'ff7f',
  '80808080808080',
  '00',
].map(hex => Buffer.from(hex, 'hex'))

/** One to four changes: bytes flipped, overwritten by hostile numbers, inserted, cut out, repeated, cut off. */
export function mutate(original: Buffer, random: Random): Buffer {
  const below = (limit: number) => Math.floor(random() * limit)
  let bytes = Buffer.from(original)
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length + 1)
    const number = hostile[below(hostile.length)]!
    const kind = below(6)
    if (kind === 0 && at < bytes.length) bytes[at] = below(256)
    else if (kind === 1) number.copy(bytes, at)
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), number, bytes.subarray(at)])
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(8))])
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at >> 1)])
    else bytes = bytes.subarray(0, at)
  }
  return bytes
}
