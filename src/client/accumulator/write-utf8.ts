/** Node's own writer, which `Buffer.write` calls after sorting out its arguments. */
type DirectWrite = { utf8Write(text: string, at: number, length: number): number }

/** Entering C++ costs more than the bytes of a short string. Measured on Node 20: level at about 24 characters. */
const shortCharacters = 24

/**
 * Writes a string as UTF-8 into `buffer` from `at`, not beyond `limit`, and returns where it ends. A string that does not
 * fit is written in part: whoever needs to know compares the end. A lone surrogate becomes U+FFFD, as everywhere in Node.
 */
export function writeUtf8(buffer: Buffer, text: string, at: number, limit: number): number {
  const length = text.length
  if (length <= shortCharacters && at + length <= limit) {
    let index = 0
    for (; index < length; index++) {
      const character = text.charCodeAt(index)
      if (character > 0x7f) break
      buffer[at + index] = character
    }
    if (index === length) return at + length
  }
  return at + (buffer as Buffer & DirectWrite).utf8Write(text, at, limit - at)
}
