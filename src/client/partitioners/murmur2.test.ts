import fc from 'fast-check'
import { expect, test } from 'vitest'
import vectors from '../../../test/kafka/murmur2-vectors.json' with { type: 'json' }
import { murmur2, murmur2Partition } from './murmur2.ts'

test('hashes and partitions are those of Kafka’s own class', () => {
  expect(vectors.vectors.length).toBeGreaterThan(100)
  for (const { key, hash, partitions } of vectors.vectors) {
    const bytes = Buffer.from(key, 'hex')
    expect(murmur2(bytes), key).toBe(hash)
    vectors.partitionCounts.forEach((count, index) => {
      expect(murmur2Partition(bytes, 0, bytes.length, count), `${key} of ${count}`).toBe(partitions[index])
    })
  }
})

test('a part of a larger buffer hashes as a buffer of its own', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(8), fc.nat(8), (key, before, after) => {
      const larger = new Uint8Array(before + key.length + after).fill(0xff)
      larger.set(key, before)
      expect(murmur2(larger, before, before + key.length)).toBe(murmur2(key))
    }),
  )
})
