/**
 * What a value is in an answer of the control port: a bigint is a text of digits, bytes are base64, a number without end is
 * "unlimited"; functions and what is not there are left out.
 */
export function jsonOf(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value === Number.POSITIVE_INFINITY) return 'unlimited'
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (Array.isArray(value)) return value.map(jsonOf)
  if (value instanceof Map) return jsonOf(Object.fromEntries(value))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined && typeof one !== 'function')
      .map(([name, one]) => [name, jsonOf(one)]),
  )
}
