import { DecodeError } from '../decode-error.ts'
import type { Reader } from '../reader.ts'

/**
 * Zigzag varints on a plain buffer, without bigints and without allocation, for the place where every record passes.
 * Zigzag makes 2n of n ≥ 0 and −2n−1 of n < 0. The long functions keep the half of that, `magnitude` = n or −n−1, and
 * its sign bit apart, because the doubled value of a large n does not fit a double exactly.
 */

/** Bytes of the zigzag varint of a 32-bit integer: 1 to 5. */
export function sizeOfVarint(n: number): number {
  const zigzag = (n << 1) ^ (n >> 31)
  return ((38 - Math.clz32(zigzag | 1)) / 7) | 0
}

/** Writes a 32-bit integer as zigzag varint and returns where it ends. */
export function writeVarint(buffer: Uint8Array, at: number, n: number): number {
  let rest = ((n << 1) ^ (n >> 31)) >>> 0
  let end = at
  while (rest > 0x7f) {
    buffer[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[end++] = rest
  return end
}

/** Bytes of the zigzag varlong of an integer with |n| ≤ 2^53: 1 to 8. */
export function sizeOfVarlong(n: number): number {
  if (n === (n | 0)) return sizeOfVarint(n)
  let rest = Math.floor((n < 0 ? -(n + 1) : n) / 64)
  let size = 1
  while (rest > 0) {
    rest = Math.floor(rest / 128)
    size++
  }
  return size
}

/** Writes an integer with |n| ≤ 2^53 as zigzag varlong and returns where it ends. */
export function writeVarlong(buffer: Uint8Array, at: number, n: number): number {
  if (n === (n | 0)) return writeVarint(buffer, at, n)
  const sign = n < 0 ? 1 : 0
  const magnitude = n < 0 ? -(n + 1) : n
  let rest = Math.floor(magnitude / 64)
  let low = (magnitude % 64) * 2 + sign
  let end = at
  while (rest > 0) {
    buffer[end++] = low | 0x80
    low = rest % 128
    rest = Math.floor(rest / 128)
  }
  buffer[end++] = low
  return end
}

/** Reads a zigzag varlong: a number while that is exact (|n| < 2^48), else a bigint of 64 bits. */
export function readVarlong(reader: Reader): number | bigint {
  const { bytes, offset, end } = reader
  let value = 0
  let scale = 1
  const last = Math.min(end, offset + 7)
  for (let at = offset; at < last; at++) {
    const byte = bytes[at]!
    value += (byte & 0x7f) * scale
    if (byte < 0x80) {
      reader.offset = at + 1
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    scale *= 128
  }
  return reader.varlong()
}

/** An int64 as a number: exact up to ±2^53, the nearest double beyond. */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}

/** Writes a safe integer as int64. */
export function writeInt64(bytes: Buffer, at: number, n: number): void {
  const high = Math.floor(n / 0x1_0000_0000)
  bytes.writeInt32BE(high, at)
  bytes.writeUInt32BE(n - high * 0x1_0000_0000, at + 4)
}

/** `base + delta` in 64 bits, as Java adds them; it must be a number that a program can use. */
export function addTimestamp(base: number, delta: number | bigint): number {
  const sum = typeof delta === 'number' ? base + delta : Number(BigInt.asIntN(64, BigInt(base) + delta))
  if (!Number.isSafeInteger(sum)) throw new DecodeError(`timestamp of about ${sum} ms is out of range`)
  return sum
}
