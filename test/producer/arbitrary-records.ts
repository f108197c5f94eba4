import fc from 'fast-check'
import type { Listener } from '../../src/client/accumulator/batch.ts'
import { encodeHeaders, type HeaderPair } from '../../src/client/record/headers.ts'

/** A record in the form that batches take. */
export interface GivenRecord {
  readonly key: Uint8Array | null
  readonly value: string | Uint8Array | null
  readonly headers: readonly HeaderPair[]
  readonly timestamp: number
}

const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 60 })
const anyText = fc.string({ unit: 'binary', maxLength: 60 })
const longText = fc.tuple(anyText, fc.nat(300)).map(([text, times]) => text.repeat(times))
const bytes = fc.uint8Array({ maxLength: 80 })
const none = fc.constant(null)
const latest = 8_640_000_000_000_000

/** All kinds of values; text with and without other than ASCII, lone surrogates included; timestamps near, far and back. */
export const givenRecord: fc.Arbitrary<GivenRecord> = fc.record({
  key: fc.oneof(none, bytes),
  value: fc.oneof(none, bytes, ascii, anyText, longText),
  headers: fc.array(fc.tuple(anyText, fc.oneof(none, anyText, bytes)), { maxLength: 4 }),
  timestamp: fc.oneof(
    fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
    fc.integer({ min: 0, max: latest }),
    fc.constantFrom(0, latest),
  ),
})

/** The arguments of `append`, from the key to the listener. */
export function appendArguments({ key, value, headers, timestamp }: GivenRecord) {
  // The key comes in a scratch buffer that is longer than it.
  const scratch = Buffer.alloc((key?.length ?? 0) + 7, 0xee)
  if (key !== null) scratch.set(key)
  const listener: Listener = undefined
  const encoded = headers.length === 0 ? undefined : encodeHeaders(headers)
  return [scratch, key === null ? -1 : key.length, value, encoded, timestamp, listener] as const
}

const bufferOf = (value: string | Uint8Array | null) => (value === null ? null : Buffer.from(value as string))

/** The record as it must be read back. */
export const expected = ({ key, value, headers, timestamp }: GivenRecord) => ({
  key: bufferOf(key),
  value: bufferOf(value),
  // Text that is not well-formed comes back with U+FFFD.
  headers: headers.map(([name, own]) => [Buffer.from(name).toString(), bufferOf(own)]),
  timestamp,
})
