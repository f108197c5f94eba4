import { createRequire } from 'node:module'

type NativeCrc32c = (bytes: Uint8Array) => number

/** CRC-32C (Castagnoli), reflected. */
const polynomial = 0x82f63b78

/**
 * Entering the binding costs about 200 ns on Node 20 (mostly for the view it is given). Slicing by 16 does 1.45 bytes
 * per nanosecond, so it is ahead up to about this size; at 64 KiB the binding is four times faster.
 */
const nativeFrom = 300

function makeTables(): Int32Array[] {
  const first = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0)
    first[byte] = crc
  }
  const tables = [first]
  for (let slice = 1; slice < 16; slice++) {
    const previous = tables[slice - 1]!
    tables.push(previous.map(crc => (crc >>> 8) ^ first[crc & 0xff]!))
  }
  return tables
}

// Sixteen constants instead of an array of tables: one load less per byte.
const tables = makeTables() as [
  ...[Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array],
  ...[Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array],
]
const [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15] = tables

/** CRC-32C in plain JavaScript, sixteen bytes a turn ("slicing", Kounavis and Berry, 2005). */
export function crc32cInJavaScript(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let crc = -1
  let at = start
  for (; at + 16 <= end; at += 16) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc =
      t15[crc & 0xff]! ^
      t14[(crc >>> 8) & 0xff]! ^
      t13[(crc >>> 16) & 0xff]! ^
      t12[crc >>> 24]! ^
      t11[bytes[at + 4]!]! ^
      t10[bytes[at + 5]!]! ^
      t9[bytes[at + 6]!]! ^
      t8[bytes[at + 7]!]! ^
      t7[bytes[at + 8]!]! ^
      t6[bytes[at + 9]!]! ^
      t5[bytes[at + 10]!]! ^
      t4[bytes[at + 11]!]! ^
      t3[bytes[at + 12]!]! ^
      t2[bytes[at + 13]!]! ^
      t1[bytes[at + 14]!]! ^
      t0[bytes[at + 15]!]!
  }
  for (; at < end; at++) crc = t0[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/** The binding's function, or null where none loads (a platform without one, or `npm install --omit=optional`). */
export function loadNativeCrc32c(): NativeCrc32c | null {
  try {
    const native: NativeCrc32c = createRequire(import.meta.url)('@node-rs/crc32').crc32c
    // A binding that computes something else would make every batch look corrupt to the broker.
    return native(Buffer.from('123456789')) === 0xe3069283 ? native : null
  } catch {
    return null
  }
}

/** undefined: not asked for yet. Importing ottla loads no binding. */
let native: NativeCrc32c | null | undefined

/** CRC-32C (Castagnoli) of `bytes` from `start` to `end`, as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  if (end - start < nativeFrom) return crc32cInJavaScript(bytes, start, end)
  if (native === undefined) native = loadNativeCrc32c()
  if (native === null) return crc32cInJavaScript(bytes, start, end)
  return native(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
}
