import { DecodeError } from '../../base/errors/decode-error.ts'

/** Bytes that a codec cannot read. */
export function damaged(codec: string, what: string, cause?: unknown): DecodeError {
  return new DecodeError(`${codec}: ${what}`, cause === undefined ? undefined : { cause })
}

/** Bytes that would become more than was allowed. */
export function tooMuch(codec: string, maxBytes: number): DecodeError {
  return new DecodeError(`${codec}: decompresses to more than ${maxBytes} bytes`)
}
