import { expect, test } from 'vitest'
import crc32 from '../../../test/kafka/crc32-vectors.json' with { type: 'json' }
import { type PartitionerOptions, type TopicView, topicPartitioner } from './partitioner.ts'

const topic = (available: number[], partitionCount = 4): TopicView => ({
  name: 't',
  partitionCount,
  availablePartitions: available,
  queueLength: () => 0,
  isLastBatchFull: () => true,
  isAvailable: () => true,
})

const made = (options: Partial<PartitionerOptions>) =>
  topicPartitioner({
    partitioner: 'murmur2',
    partitionerIgnoreKeys: false,
    partitionerAdaptivePartitioningEnable: true,
    batchSize: 100,
    random: () => 0,
    ...options,
  })

const none = new Uint8Array(0)
const key = Buffer.from('user-42')

test('crc32: a key goes where librdkafka puts it', () => {
  const partitioner = made({ partitioner: 'crc32' })
  const all = topic([0], crc32.partitionCount)
  for (const { key: hex, partition } of crc32.vectors) {
    const bytes = Buffer.from(hex, 'hex')
    // An empty key counts as none there, and goes anywhere; its vector is that of the hash alone.
    if (bytes.length > 0) expect(partitioner.choose(bytes, bytes.length, all), hex).toBe(partition)
  }
})

test('crc32: a scratch buffer longer than the key does not matter', () => {
  const partitioner = made({ partitioner: 'crc32' })
  const scratch = Buffer.concat([key, Buffer.from('left over')])
  expect(partitioner.choose(scratch, key.length, topic([0]))).toBe(partitioner.choose(key, key.length, topic([0])))
})

test('round robin takes the available partitions in turn, keys or not', () => {
  const partitioner = made({ partitioner: 'roundRobin' })
  expect([1, 2, 3, 4, 5].map(() => partitioner.choose(key, key.length, topic([0, 2, 3])))).toEqual([0, 2, 3, 0, 2])
})

test('round robin takes all partitions where none is available', () => {
  const partitioner = made({ partitioner: 'roundRobin' })
  expect([1, 2, 3, 4, 5].map(() => partitioner.choose(none, -1, topic([])))).toEqual([0, 1, 2, 3, 0])
})

test('random stays with the available ones', () => {
  const chances = [0, 0.34, 0.67, 0.999]
  const partitioner = made({ partitioner: 'random', random: () => chances.shift()! })
  expect([1, 2, 3, 4].map(() => partitioner.choose(key, key.length, topic([0, 2, 3])))).toEqual([0, 2, 3, 3])
})

test('murmur2: a key goes to its partition, available or not, an empty key as well', () => {
  const partitioner = made({})
  for (const available of [[], [0], [0, 1, 2, 3]])
    expect(partitioner.choose(key, key.length, topic(available))).toBe(
      partitioner.choose(key, key.length, topic([0, 1])),
    )
  expect(partitioner.choose(none, 0, topic([], 3))).toBe(0) // murmur2 of nothing is 275646681
  expect(partitioner.choose(none, 0, topic([], 7))).toBe(275646681 % 7)
})

test('partitionerIgnoreKeys: keys do not matter', () => {
  const partitioner = made({ partitionerIgnoreKeys: true })
  for (const text of ['a', 'b', 'c', 'd']) expect(partitioner.choose(Buffer.from(text), 1, topic([0, 1]))).toBe(0)
})

test('a function gets topic, key and partitions', () => {
  const seen: unknown[] = []
  const partitioner = made({ partitioner: context => seen.push(context) })
  const scratch = Buffer.concat([key, Buffer.from('left over')])
  partitioner.choose(scratch, key.length, topic([1]))
  partitioner.choose(none, -1, topic([1]))
  partitioner.choose(none, 0, topic([1]))
  const rest = { topic: 't', partitionCount: 4, availablePartitions: [1] }
  expect(seen).toEqual([
    { ...rest, key },
    { ...rest, key: null },
    { ...rest, key: new Uint8Array(0) },
  ])
})
