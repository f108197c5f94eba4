import { codecById } from '../wire/compression/index.ts'
import { DecodeError } from '../wire/protocol/index.ts'

/** How many bytes the records of one batch may have when they are unpacked: a small batch must not fill the memory. */
export const maxInflatedBytes = 256 * 1024 * 1024

/** Unpacks the records of a batch. Throws DecodeError for bytes that are not what the codec writes. */
export function decompress(codec: number, compressed: Buffer): Buffer {
  const known = codecById(codec)
  if (!known) throw new DecodeError(`compression codec ${codec}`)
  return known.decompress(compressed, maxInflatedBytes)
}
