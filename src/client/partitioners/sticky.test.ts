import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import type { TopicView } from './partitioner.ts'
import { nextPartition, StickyPartition } from './sticky.ts'

interface Picture {
  lengths: number[]
  available?: number[]
  notTaking?: number[]
  isFull?: () => boolean
}

const view = ({ lengths, available, notTaking = [], isFull = () => true }: Picture): TopicView => ({
  name: 't',
  partitionCount: lengths.length,
  availablePartitions: available ?? lengths.map((_, partition) => partition),
  queueLength: partition => lengths[partition]!,
  isLastBatchFull: isFull,
  isAvailable: partition => !notTaking.includes(partition),
})

/** Gives the points 0, 1/n … (n−1)/n, so that frequencies are exact. */
function evenly(n: number) {
  let turn = 0
  return () => (turn++ % n) / n
}

function counts(topic: TopicView, draws: number, adaptive = true): number[] {
  const random = evenly(draws)
  const seen = Array<number>(topic.partitionCount).fill(0)
  for (let draw = 0; draw < draws; draw++) seen[nextPartition(topic, adaptive, random)]!++
  return seen
}

describe('Staying', () => {
  const moving = (isFull: () => boolean) => {
    const topic = view({ lengths: [0, 0], isFull })
    let turn = 0
    // 0, 1, 0, 1 …: each move goes to the other partition.
    const sticky = new StickyPartition(100, true, () => (turn++ % 2) / 2)
    return { topic, sticky }
  }

  test('it stays for batchSize bytes, then moves on', () => {
    const { topic, sticky } = moving(() => true)
    const seen: number[] = []
    for (let record = 0; record < 9; record++) {
      const partition = sticky.current(topic)
      seen.push(partition)
      sticky.appended(partition, 34, topic)
    }
    expect(seen).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0])
  })

  test('it does not leave a half-filled batch behind, so long waits for company make no tiny batches', () => {
    let full = false
    const { topic, sticky } = moving(() => full)
    expect(sticky.current(topic)).toBe(0)
    sticky.appended(0, 150, topic)
    expect(sticky.current(topic)).toBe(0)
    full = true
    expect(sticky.current(topic)).toBe(1)
  })

  test('at twice batchSize it leaves even a half-filled batch', () => {
    const { topic, sticky } = moving(() => false)
    expect(sticky.current(topic)).toBe(0)
    sticky.appended(0, 199, topic)
    expect(sticky.current(topic)).toBe(0)
    sticky.appended(0, 1, topic)
    expect(sticky.current(topic)).toBe(1)
  })

  test('what went to a partition it has left does not count', () => {
    const { topic, sticky } = moving(() => true)
    expect(sticky.current(topic)).toBe(0)
    sticky.appended(1, 1000, topic)
    expect(sticky.current(topic)).toBe(0)
  })

  test('a partition that the topic no longer has is left', () => {
    const sticky = new StickyPartition(100, true, () => 0.99)
    expect(sticky.current(view({ lengths: [0, 0, 0] }))).toBe(2)
    expect(sticky.current(view({ lengths: [0, 0] }))).toBe(1)
  })
})

describe('Choosing', () => {
  test('queue lengths 1, 7 and 2 give weights 7, 1 and 6, as in Java', () => {
    expect(counts(view({ lengths: [1, 7, 2] }), 14)).toEqual([7, 1, 6])
  })

  test('equal queues are chosen equally', () => {
    expect(counts(view({ lengths: [3, 3, 3, 3] }), 400)).toEqual([100, 100, 100, 100])
  })

  test('without adaptation queue lengths do not matter', () => {
    expect(counts(view({ lengths: [1, 7, 2] }), 300, false)).toEqual([100, 100, 100])
  })

  test('partitions without a leader are never chosen while another has one, and all are where none has', () => {
    for (const adaptive of [true, false]) {
      expect(counts(view({ lengths: [0, 0, 0], available: [1] }), 90, adaptive)).toEqual([0, 90, 0])
      expect(counts(view({ lengths: [0, 0, 0], available: [] }), 90, adaptive)).toEqual([30, 30, 30])
    }
  })

  test('a broker that takes nothing loses its partitions until it does, unless no other takes anything', () => {
    expect(counts(view({ lengths: [0, 0, 0], notTaking: [0, 2] }), 90)).toEqual([0, 90, 0])
    expect(counts(view({ lengths: [0, 0, 0], notTaking: [0, 1, 2] }), 90)).toEqual([30, 30, 30])
    expect(counts(view({ lengths: [0, 0, 0] }), 90)).toEqual([30, 30, 30])
  })

  test('over many moves with full batches every partition gets its share', () => {
    const topic = view({ lengths: [0, 0, 0, 0] })
    const sticky = new StickyPartition(1000, true, seededRandom(7))
    const bytes = [0, 0, 0, 0]
    for (let record = 0; record < 40_000; record++) {
      const partition = sticky.current(topic)
      bytes[partition]! += 100
      sticky.appended(partition, 100, topic)
    }
    for (const own of bytes) expect(Math.abs(own - 1_000_000)).toBeLessThan(100_000)
  })
})
