import type { Random } from '../base/random.ts'
import { type TopicPartitioner, type TopicView, topicPartitioner } from '../client/partitioners/partitioner.ts'
import type { ResolvedOptions } from '../client/producer/options.ts'
import type { PartitionInfo } from '../client/producer/types.ts'

/** One topic of a mock's cluster: every partition has a leader, and nothing ever queues. */
class MockTopic implements TopicView {
  readonly name: string
  readonly partitionCount: number
  readonly availablePartitions: readonly number[]
  readonly partitioner: TopicPartitioner
  readonly #nextOffsets = new Map<number, bigint>()

  constructor(name: string, partitionCount: number, partitioner: TopicPartitioner) {
    this.name = name
    this.partitionCount = partitionCount
    this.availablePartitions = Array.from({ length: partitionCount }, (_, partition) => partition)
    this.partitioner = partitioner
  }

  queueLength(): number {
    return 0
  }

  /** Records without a key move on when a batch's worth has been sent. */
  isLastBatchFull(): boolean {
    return true
  }

  isAvailable(): boolean {
    return true
  }

  nextOffset(partition: number): bigint {
    const offset = this.#nextOffsets.get(partition) ?? 0n
    this.#nextOffsets.set(partition, offset + 1n)
    return offset
  }
}

const noKey = new Uint8Array(0)

/** The topics of a mock's cluster: how many partitions, which of them a record goes to, and the offsets in them. */
export class MockTopics {
  readonly #topics = new Map<string, MockTopic>()
  readonly #given: { readonly [topic: string]: number }
  readonly #options: ResolvedOptions
  readonly #random: Random

  constructor(given: { readonly [topic: string]: number }, options: ResolvedOptions, random: Random) {
    this.#given = given
    this.#options = options
    this.#random = random
  }

  of(name: string): MockTopic {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      const partitions = Object.hasOwn(this.#given, name) ? this.#given[name]! : 1
      topic = new MockTopic(name, partitions, topicPartitioner({ ...this.#options, random: this.#random }))
      this.#topics.set(name, topic)
    }
    return topic
  }

  /** Whether the topic has such a partition. A topic whose partitions nobody has told has any that is asked for. */
  has(name: string, partition: number): boolean {
    return !Object.hasOwn(this.#given, name) || partition < this.#given[name]!
  }

  /** Where the real producer would put the record. */
  choose(name: string, key: Buffer | null, bytes: number): number {
    const topic = this.of(name)
    const chosen = topic.partitioner.choose(key ?? noKey, key?.length ?? -1, topic)
    if (key === null || this.#options.partitionerIgnoreKeys) topic.partitioner.appended(chosen, bytes, topic)
    return chosen
  }

  partitionInfos(name: string): PartitionInfo[] {
    return this.of(name).availablePartitions.map(partition => ({
      topic: name,
      partition,
      leader: 1,
      replicas: [1],
      inSyncReplicas: [1],
    }))
  }
}
