const seed = 0x9747b28c
const m = 0x5bd1e995
const r = 24

/**
 * Kafka's 32-bit murmur2 over bytes `start` to `end`, as a signed integer.
 * Source: Utils.murmur2 of the Java client; vectors made by that class are in test/kafka.
 */
export function murmur2(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const length = end - start
  let hash = seed ^ length
  let at = start
  for (const last = end - 3; at < last; at += 4) {
    let k = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    k = Math.imul(k, m)
    k ^= k >>> r
    k = Math.imul(k, m)
    hash = Math.imul(hash, m) ^ k
  }
  const rest = end - at
  if (rest === 3) hash ^= bytes[at + 2]! << 16
  if (rest >= 2) hash ^= bytes[at + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[at]!, m)
  hash ^= hash >>> 13
  hash = Math.imul(hash, m)
  return hash ^ (hash >>> 15)
}

/** The partition of a key: the hash's 31 lower bits modulo all partitions of the topic, whether available or not. */
export const murmur2Partition = (key: Uint8Array, start: number, end: number, partitionCount: number): number =>
  (murmur2(key, start, end) & 0x7fffffff) % partitionCount
