import { InvalidRecordError } from '../../base/errors/index.ts'
import { encodeHeaders, headerPairs } from '../record/headers.ts'
import type { Headers } from '../record/record.ts'

// What a caller gave, as far as it can be read: anything may be anything, and may throw when it is looked at.

/** The header section, or undefined for what the long way has to refuse. */
export function headersIfRight(headers: unknown): Uint8Array | undefined {
  try {
    return encodeHeaders(headerPairs(headers as Headers))
  } catch {
    return undefined
  }
}

export const lengthOf = (value: string | Uint8Array | null): number =>
  value === null ? 0 : typeof value === 'string' ? Buffer.byteLength(value) : value.length

export function topicOf(record: unknown): string {
  try {
    const topic = (record as { topic?: unknown } | null)?.topic
    return typeof topic === 'string' ? topic : ''
  } catch {
    return ''
  }
}

/** The record's fields where nothing could be made of it; each may throw when it is read. */
export function fieldsOf(record: unknown): { key?: unknown; value?: unknown } {
  try {
    const { key, value } = record as { key?: unknown; value?: unknown }
    return { key, value }
  } catch {
    return {}
  }
}

/** Also true of a view on shared memory; not of a Proxy, which has no bytes. */
export const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array && ArrayBuffer.isView(value)

export function checkSignal(signal: unknown): void {
  const { aborted, addEventListener, removeEventListener } = Object(signal) as Record<string, unknown>
  if (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  )
    return
  throw new InvalidRecordError(
    'INVALID_SIGNAL',
    `signal must be an AbortSignal, not ${signal === null ? 'null' : typeof signal}`,
  )
}
