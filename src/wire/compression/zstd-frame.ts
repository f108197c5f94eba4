import { damaged } from './damaged.ts'

/** Source: RFC 8878. */
const magic = 0xfd2fb528
const skippableMagic = 0x184d2a50
const largestBlock = 128 * 1024

export interface ZstdFrames {
  /** Those with content, one after the other. */
  readonly frames: Buffer[]
  /** At most so many bytes they will become. */
  readonly bound: number
}

/**
 * Splits zstd bytes into frames (node:zlib reads only the first one) and gives an upper bound of what they will become,
 * from their block headers alone. Streaming writers, as Java's, do not announce the content's size, and what is
 * announced is not to be trusted.
 */
export function splitZstdFrames(input: Buffer): ZstdFrames {
  const frames: Buffer[] = []
  let at = 0
  let bound = 0

  function need(bytes: number): number {
    if (bytes > input.length - at) throw damaged('zstd', `frame breaks off at ${at}`)
    const from = at
    at += bytes
    return from
  }

  if (input.length === 0) throw damaged('zstd', 'no frame')
  while (at < input.length) {
    const start = at
    const word = input.readUInt32LE(need(4))
    if ((word & 0xfffffff0) >>> 0 === skippableMagic) {
      need(input.readUInt32LE(need(4)))
      continue
    }
    if (word !== magic) throw damaged('zstd', `not a frame at ${at - 4}`)
    const descriptor = input[need(1)]!
    const singleSegment = (descriptor & 0x20) !== 0
    const sizeFlag = descriptor >> 6
    // window descriptor, dictionary id, content size: their lengths follow from the descriptor
    need(
      (singleSegment ? 0 : 1) +
        [0, 1, 2, 4][descriptor & 3]! +
        (sizeFlag === 0 ? Number(singleSegment) : 2 ** sizeFlag),
    )
    for (;;) {
      const head = input.readUIntLE(need(3), 3)
      const kind = (head >> 1) & 3
      const size = head >>> 3
      if (kind === 3 || size > largestBlock) throw damaged('zstd', `block of kind ${kind} and ${size} bytes at ${at}`)
      need(kind === 1 ? 1 : size)
      bound += kind === 2 ? largestBlock : size
      if (head & 1) break
    }
    if (descriptor & 4) need(4)
    frames.push(input.subarray(start, at))
  }
  return { frames, bound }
}
