import { damaged, tooMuch } from './damaged.ts'

/** Runs one of node:zlib's decompressors, which stop by themselves at `maxOutputLength`. */
export function inflate(
  codec: string,
  maxBytes: number,
  run: (options: { maxOutputLength: number }) => Buffer,
): Buffer {
  let output: Buffer
  try {
    output = run({ maxOutputLength: Math.max(1, maxBytes) })
  } catch (error) {
    if (error instanceof RangeError) throw tooMuch(codec, maxBytes)
    throw damaged(codec, error instanceof Error ? error.message : String(error), error)
  }
  // maxOutputLength 0 is not allowed there.
  if (output.length > maxBytes) throw tooMuch(codec, maxBytes)
  return output
}
