import { InvalidRecordError } from '../../base/errors/index.ts'
import { sizeOfVarint, writeVarint } from '../../wire/protocol/records/varint.ts'
import type { Headers, HeaderValue } from './record.ts'

/** One header as it will be written. */
export type HeaderPair = readonly [name: string, value: HeaderValue]

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array

function checkPair(name: unknown, value: unknown): HeaderPair {
  if (typeof name !== 'string')
    throw new InvalidRecordError('INVALID_HEADERS', `a header name must be a string, not ${typeof name}`)
  if (value !== null && typeof value !== 'string' && !isBytes(value))
    throw new InvalidRecordError(
      'INVALID_HEADERS',
      `the value of header ${JSON.stringify(name)} must be a string, bytes or null, not ${typeof value}`,
    )
  return [name, value]
}

/** The headers as pairs in their order, repeats kept; throws InvalidRecordError for what is no header. */
export function headerPairs(headers: Headers): HeaderPair[] {
  // A Map, a Headers object or a view has no properties of its own: it would lose its headers in silence.
  if (typeof headers !== 'object' || headers === null || ArrayBuffer.isView(headers) || isForeignIterable(headers))
    throw new InvalidRecordError('INVALID_HEADERS', 'headers must be an object, or an array of [name, value]')
  const pairs: HeaderPair[] = []
  if (Array.isArray(headers)) {
    for (const pair of headers as readonly unknown[]) {
      if (!Array.isArray(pair) || pair.length !== 2)
        throw new InvalidRecordError('INVALID_HEADERS', 'each element of a headers array must be [name, value]')
      pairs.push(checkPair(pair[0], pair[1]))
    }
    return pairs
  }
  for (const [name, value] of Object.entries(headers))
    if (Array.isArray(value)) for (const each of value as readonly unknown[]) pairs.push(checkPair(name, each))
    else pairs.push(checkPair(name, value))
  return pairs
}

const isForeignIterable = (headers: object) => !Array.isArray(headers) && Symbol.iterator in headers

const valueLength = (value: HeaderValue) =>
  value === null ? -1 : typeof value === 'string' ? Buffer.byteLength(value) : value.length

/** The bytes of a record's header section, its count included; `none` is shared. */
export function encodeHeaders(pairs: readonly HeaderPair[]): Buffer {
  let size = sizeOfVarint(pairs.length)
  for (const [name, value] of pairs) {
    const nameLength = Buffer.byteLength(name)
    const length = valueLength(value)
    size += sizeOfVarint(nameLength) + nameLength + sizeOfVarint(length) + Math.max(0, length)
  }
  const bytes = Buffer.allocUnsafe(size)
  let at = writeVarint(bytes, 0, pairs.length)
  for (const [name, value] of pairs) {
    at = writeVarint(bytes, at, Buffer.byteLength(name))
    at += bytes.write(name, at, 'utf8')
    at = writeVarint(bytes, at, valueLength(value))
    if (typeof value === 'string') at += bytes.write(value, at, 'utf8')
    else if (value !== null) {
      bytes.set(value, at)
      at += value.length
    }
  }
  return bytes
}
