import { expect, test } from 'vitest'
import { PartitionLog } from './partition-log.ts'

/** A log of batches with these numbers of records, each batch of `size` bytes, all bytes the batch's number. */
function logOf(counts: readonly number[], size = 100): PartitionLog {
  const log = new PartitionLog()
  counts.forEach((count, index) => {
    const baseOffset = log.endOffset
    const lastOffset = baseOffset + BigInt(count) - 1n
    log.append({ baseOffset, lastOffset, maxTimestamp: index * 1000, leaderEpoch: 0, bytes: Buffer.alloc(size, index) })
  })
  return log
}

const numbers = (batches: readonly Buffer[]) => batches.map(bytes => bytes[0])

test('offsets follow each other without gaps', () => {
  const log = logOf([3, 1, 5])
  expect(log.batches().map(({ baseOffset, lastOffset }) => [baseOffset, lastOffset])).toEqual([
    [0n, 2n],
    [3n, 3n],
    [4n, 8n],
  ])
  expect(log.endOffset).toBe(9n)
  expect(log.highWatermark).toBe(9n)
})

test('reading begins with the batch that holds the offset', () => {
  const log = logOf([3, 1, 5])
  expect(numbers(log.read(0n, 10_000, true))).toEqual([0, 1, 2])
  expect(numbers(log.read(2n, 10_000, true))).toEqual([0, 1, 2])
  expect(numbers(log.read(3n, 10_000, true))).toEqual([1, 2])
  expect(numbers(log.read(8n, 10_000, true))).toEqual([2])
  expect(numbers(log.read(9n, 10_000, true))).toEqual([])
})

test('reading gives whole batches up to the limit, and one that is larger than the limit only where it must', () => {
  const log = logOf([1, 1, 1])
  expect(numbers(log.read(0n, 250, true))).toEqual([0, 1])
  expect(numbers(log.read(0n, 10, true))).toEqual([0])
  expect(numbers(log.read(0n, 10, false))).toEqual([])
})

test('a timestamp is found in the first batch that reaches it', () => {
  const log = logOf([1, 1, 1])
  expect(log.firstBatchAt(1)?.baseOffset).toBe(1n)
  expect(log.firstBatchAt(1000)?.baseOffset).toBe(1n)
  expect(log.firstBatchAt(2001)).toBeUndefined()
  expect(log.batchOfMaxTimestamp()?.baseOffset).toBe(2n)
})

test('keeping a number of bytes drops whole batches from the front, never the newest', () => {
  const log = logOf(Array.from({ length: 1000 }, () => 2))
  log.keepBytes(250)
  expect(log.sizeInBytes).toBe(200)
  expect(log.startOffset).toBe(1996n)
  expect(log.endOffset).toBe(2000n)
  expect(log.batches().map(({ baseOffset }) => baseOffset)).toEqual([1996n, 1998n])
  log.keepBytes(0)
  expect(log.batches().map(({ baseOffset }) => baseOffset)).toEqual([1998n])
})
