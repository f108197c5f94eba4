import * as zlib from 'node:zlib'
import type { Random } from '../../base/random.ts'
import { murmur2Partition } from './murmur2.ts'
import { StickyPartition } from './sticky.ts'

/** What a partitioner is told of a record. */
export interface PartitionerContext {
  readonly topic: string
  /** The serialized key; null where the record has none. */
  readonly key: Uint8Array | null
  /** All partitions of the topic, available or not. */
  readonly partitionCount: number
  /** The partitions that have a leader now. */
  readonly availablePartitions: readonly number[]
}

/** A partitioner of the user's own: gives the partition, 0 to `partitionCount` − 1. Called once a record. */
export type PartitionerFunction = (context: PartitionerContext) => number

export type PartitionerName = 'murmur2' | 'roundRobin' | 'random' | 'crc32'

/** What a partitioner may look at: the state of one topic. */
export interface TopicView {
  readonly name: string
  readonly partitionCount: number
  readonly availablePartitions: readonly number[]
  /** How many batches wait or are on their way for a partition. */
  queueLength(partition: number): number
  /** Whether the partition's newest batch takes no more records, or there is none. */
  isLastBatchFull(partition: number): boolean
  /** Whether the partition's broker takes data (KIP-794, `partitionerAvailabilityTimeoutMs`). */
  isAvailable(partition: number): boolean
}

/** Chooses partitions for one topic; keeps what it must remember of that topic. */
export interface TopicPartitioner {
  /** `keyEnd` is −1 where the record has no key; otherwise the key is `key[0..keyEnd)`. */
  choose(key: Uint8Array, keyEnd: number, topic: TopicView): number
  /** Told after each append of a record whose partition it chose without a key. */
  appended(partition: number, bytes: number, topic: TopicView): void
}

export interface PartitionerOptions {
  readonly partitioner: PartitionerName | PartitionerFunction
  readonly partitionerIgnoreKeys: boolean
  readonly partitionerAdaptivePartitioningEnable: boolean
  readonly batchSize: number
  readonly random: Random
}

const ignoreAppends = () => {}

/** Makes a partitioner for one topic. */
export function topicPartitioner(options: PartitionerOptions): TopicPartitioner {
  const { partitioner, random, partitionerIgnoreKeys: ignoreKeys } = options
  const anyAvailable = (topic: TopicView) => {
    const available = topic.availablePartitions
    return available.length > 0
      ? available[Math.floor(random() * available.length)]!
      : Math.floor(random() * topic.partitionCount)
  }
  if (typeof partitioner === 'function')
    return {
      choose: (key, keyEnd, topic) =>
        partitioner({
          topic: topic.name,
          key: keyEnd < 0 ? null : key.slice(0, keyEnd),
          partitionCount: topic.partitionCount,
          availablePartitions: topic.availablePartitions,
        }),
      appended: ignoreAppends,
    }
  if (partitioner === 'roundRobin') {
    let next = 0
    return {
      choose(_key, _keyEnd, topic) {
        const available = topic.availablePartitions
        const turn = next
        next = (next + 1) & 0x7fffffff
        return available.length > 0 ? available[turn % available.length]! : turn % topic.partitionCount
      },
      appended: ignoreAppends,
    }
  }
  if (partitioner === 'random')
    return { choose: (_key, _keyEnd, topic) => anyAvailable(topic), appended: ignoreAppends }
  if (partitioner === 'crc32')
    return {
      // librdkafka's consistent_random: an empty key counts as none.
      choose: (key, keyEnd, topic) =>
        keyEnd <= 0 || ignoreKeys ? anyAvailable(topic) : zlib.crc32(key.subarray(0, keyEnd)) % topic.partitionCount,
      appended: ignoreAppends,
    }
  const sticky = new StickyPartition(options.batchSize, options.partitionerAdaptivePartitioningEnable, random)
  return {
    choose: (key, keyEnd, topic) =>
      keyEnd < 0 || ignoreKeys ? sticky.current(topic) : murmur2Partition(key, 0, keyEnd, topic.partitionCount),
    appended: (partition, bytes, topic) => sticky.appended(partition, bytes, topic),
  }
}
