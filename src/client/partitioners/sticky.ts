import type { Random } from '../../base/random.ts'
import type { TopicView } from './partitioner.ts'

/**
 * KIP-794: records without a key stay with one partition for `batchSize` bytes, then move on, so that batches are full.
 * Adaptive: partitions with shorter queues are chosen more often, so that a slow broker gets less.
 * Source: BuiltInPartitioner.java.
 */
export class StickyPartition {
  readonly #stickyBytes: number
  readonly #adaptive: boolean
  readonly #random: Random
  #partition = -1
  #bytes = 0

  constructor(stickyBytes: number, adaptive: boolean, random: Random) {
    this.#stickyBytes = stickyBytes
    this.#adaptive = adaptive
    this.#random = random
  }

  current(topic: TopicView): number {
    if (this.#partition < 0 || this.#partition >= topic.partitionCount) this.#move(topic)
    // A switch that had to wait for the batch to fill: made up for before the next record.
    else if (this.#bytes >= this.#stickyBytes && topic.isLastBatchFull(this.#partition)) this.#move(topic)
    return this.#partition
  }

  appended(partition: number, bytes: number, topic: TopicView): void {
    if (partition !== this.#partition) return
    this.#bytes += bytes
    // Leaving a half-filled batch behind is put off, but not for ever.
    if (this.#bytes >= 2 * this.#stickyBytes) this.#move(topic)
    else if (this.#bytes >= this.#stickyBytes && topic.isLastBatchFull(partition)) this.#move(topic)
  }

  #move(topic: TopicView): void {
    this.#bytes = 0
    this.#partition = nextPartition(topic, this.#adaptive, this.#random)
  }
}

/** Chooses among the partitions with a leader, by weight where adaptive; among all of them where none has one. */
export function nextPartition(topic: TopicView, adaptive: boolean, random: Random): number {
  const withLeader = topic.availablePartitions
  if (withLeader.length === 0) return Math.floor(random() * topic.partitionCount)
  if (!adaptive) return withLeader[Math.floor(random() * withLeader.length)]!
  const taking = withLeader.filter(partition => topic.isAvailable(partition))
  const candidates = taking.length > 0 ? taking : withLeader
  const lengths = candidates.map(partition => topic.queueLength(partition))
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0)
  // Weight: longest queue + 1 − own queue (Java's table for lengths 1, 7, 2 is 7, 1, 6).
  let point = random() * lengths.reduce((sum, length) => sum + longest + 1 - length, 0)
  for (let index = 0; index < candidates.length; index++) {
    point -= longest + 1 - lengths[index]!
    if (point < 0) return candidates[index]!
  }
  return candidates.at(-1)!
}
