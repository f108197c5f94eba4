import type { Clock, Timer } from '../base/time/clock.ts'
import type { Partition, Topic } from './topic.ts'
import type { KafkaVersion } from './versions.ts'

export interface ReplicationSettings {
  readonly clock: Clock
  readonly topics: () => readonly Topic[]
  /** How long after the leader the followers have a record. */
  readonly delayMs: number
  readonly release: KafkaVersion
}

type Copying = 'copying' | 'paused'

/** Some partitions of a topic; or those of all topics, also of topics to come. */
export type Replicated = { readonly topic: Topic; readonly partitions: readonly Partition[] } | 'all'

/** Part of a log that the followers will have at a time. */
interface OnItsWay {
  readonly endOffset: bigint
  readonly at: number
}

/** The followers of a partition whose log they do not have at once. They are one: none of them is ahead of the others. */
interface Followers {
  readonly topic: Topic
  readonly partition: Partition
  state: Copying
  /** What is before it they have. */
  copied: bigint
  /** Where the log ended when it was last looked at. */
  seen: bigint
  /** Oldest first. */
  onItsWay: OnItsWay[]
  timer: Timer | null
  readonly unwatch: () => void
}

/**
 * Says how far each partition is replicated, which is its high watermark. There are no followers here, only what a client can
 * see of them: without a delay or a pause they have everything as soon as the leader, and the high watermark is the log's end.
 *
 * What must stay true: the high watermark never moves back, and never past what all in-sync replicas have; where the leader
 * alone is in sync, that is everything. The topics of coordinators are replicated at once. Source: Partition.maybeIncrementLeaderHW.
 */
export class Replication {
  readonly #settings: ReplicationSettings
  /** Of partitions whose followers are not always there with the leader; of the others nothing is kept. */
  readonly #followers = new Map<Partition, Followers>()
  /** How it is with partitions that are created. */
  #ofNewPartitions: Copying = 'copying'

  constructor(settings: ReplicationSettings) {
    this.#settings = settings
  }

  /** Looks after a partition that is new, or that was loaded. */
  watch(topic: Topic, partition: Partition): void {
    if (topic.isInternal) return
    partition.onReplicas = () => this.#settle(topic, partition)
    if (this.#settings.delayMs > 0 || this.#ofNewPartitions === 'paused')
      this.#follow(topic, partition, this.#ofNewPartitions)
    this.#settle(topic, partition)
  }

  /** A deleted topic is nobody's any more. */
  forget(partition: Partition): void {
    const followers = this.#followers.get(partition)
    if (!followers) return
    followers.timer?.cancel()
    followers.unwatch()
    this.#followers.delete(partition)
  }

  /** Followers copy no more. */
  pause(which: Replicated): void {
    this.#each(which, 'paused', (topic, partition) => {
      const followers = this.#followers.get(partition)
      if (!followers) this.#follow(topic, partition, 'paused')
      else this.#stopCopying(followers)
      this.#settle(topic, partition)
    })
  }

  /** Followers copy again: at once, or with the delay, what they have missed. */
  resume(which: Replicated): void {
    this.#each(which, 'copying', (topic, partition) => {
      const followers = this.#followers.get(partition)
      if (followers?.state !== 'paused') return
      followers.state = 'copying'
      if (this.#settings.delayMs > 0) return this.#copyLater(followers)
      this.forget(partition)
      this.#settle(topic, partition)
      partition.changed()
    })
  }

  /** Whether fewer replicas are in sync than acks=all needs. Source: Partition.isUnderMinIsr, effectiveMinIsr. */
  isUnderMinIsr({ settings }: Topic, { isr, replicas }: Partition): boolean {
    const { minInsyncReplicas } = settings
    // A partition never needs more than it has (KAFKA-15583, with Kafka 3.7).
    return isr.length < (this.#waitsForMinIsr ? Math.min(minInsyncReplicas, replicas.length) : minInsyncReplicas)
  }

  /** Nothing is copied any more; timers are taken back. */
  stop(): void {
    for (const followers of this.#followers.values()) this.#stopCopying(followers)
  }

  /** Whether the high watermark stands still below `min.insync.replicas` (KAFKA-15583, with Kafka 3.7). */
  get #waitsForMinIsr(): boolean {
    const { release } = this.#settings
    return release === '3.9' || release === '4.3'
  }

  #each(which: Replicated, ofNewPartitions: Copying, act: (topic: Topic, partition: Partition) => void): void {
    if (which !== 'all') {
      for (const partition of which.partitions) act(which.topic, partition)
      return
    }
    this.#ofNewPartitions = ofNewPartitions
    for (const topic of this.#settings.topics())
      for (const partition of topic.isInternal ? [] : topic.partitions) act(topic, partition)
  }

  #follow(topic: Topic, partition: Partition, state: Copying): void {
    const { highWatermark, endOffset } = partition.log
    const followers: Followers = {
      topic,
      partition,
      state,
      copied: highWatermark,
      seen: endOffset,
      onItsWay: [],
      timer: null,
      unwatch: partition.onChange(() => this.#notice(followers)),
    }
    this.#followers.set(partition, followers)
  }

  /** The log may have grown, or have lost its end. */
  #notice(followers: Followers): void {
    const { partition, state, seen } = followers
    const { endOffset } = partition.log
    followers.seen = endOffset
    if (endOffset < seen) {
      followers.onItsWay = followers.onItsWay.filter(part => part.endOffset <= endOffset)
      if (followers.copied > endOffset) followers.copied = endOffset
    } else if (endOffset > seen && state === 'copying') this.#copyLater(followers)
  }

  #copyLater(followers: Followers): void {
    const { clock, delayMs } = this.#settings
    const { endOffset } = followers.partition.log
    if (endOffset === followers.copied) return
    followers.onItsWay.push({ endOffset, at: clock.now() + delayMs })
    this.#waitForNext(followers)
  }

  #waitForNext(followers: Followers): void {
    const { clock } = this.#settings
    const next = followers.onItsWay[0]
    if (followers.timer || !next) return
    followers.timer = clock.schedule(() => this.#arrived(followers), next.at - clock.now(), true)
  }

  #arrived(followers: Followers): void {
    const { topic, partition, onItsWay } = followers
    const now = this.#settings.clock.now()
    followers.timer = null
    let count = 0
    for (; onItsWay[count] && onItsWay[count]!.at <= now; count++) followers.copied = onItsWay[count]!.endOffset
    onItsWay.splice(0, count)
    this.#waitForNext(followers)
    const before = partition.log.highWatermark
    this.#settle(topic, partition)
    if (partition.log.highWatermark > before) partition.changed()
  }

  #stopCopying(followers: Followers): void {
    followers.state = 'paused'
    followers.timer?.cancel()
    followers.timer = null
    followers.onItsWay = []
  }

  /** Moves the high watermark to where it belongs, and tells nobody. */
  #settle(topic: Topic, partition: Partition): void {
    const { log, leader, isr } = partition
    const followers = this.#followers.get(partition)
    if (followers) this.#notice(followers)
    if (this.#waitsForMinIsr && this.isUnderMinIsr(topic, partition)) log.holdHighWatermark()
    else if (followers && isr.some(id => id !== leader)) {
      // Who joins the ISR has caught up to the high watermark.
      if (followers.copied < log.highWatermark) followers.copied = log.highWatermark
      log.holdHighWatermark()
      log.setHighWatermark(followers.copied)
    } else log.releaseHighWatermark()
  }
}
