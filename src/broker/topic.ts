import type { PartitionLog } from './log/partition-log.ts'
import type { ProducerState } from './log/producer-state.ts'
import type { TopicSettings } from './topic-config.ts'

/** More partitions than anyone means; one request must not fill the memory. */
export const maxPartitions = 10_000

/** One partition: who leads it, its log, its producers, and who waits for it to grow. */
export class Partition {
  readonly topic: string
  readonly index: number
  readonly log: PartitionLog
  readonly producers: ProducerState
  /** Broker ids; the first is the preferred leader. */
  replicas: readonly number[]
  /** −1: no leader. */
  leader: number
  leaderEpoch = 0
  /** Called after each change of the leader. */
  onLeader: () => void = () => {}
  /** Called after each change of the leader or the ISR, before those who wait. */
  onReplicas: () => void = () => {}
  #isr: readonly number[]
  #epochStartOffset = 0n
  readonly #waiting = new Set<() => void>()

  constructor(topic: string, index: number, replicas: readonly number[], log: PartitionLog, producers: ProducerState) {
    this.topic = topic
    this.index = index
    this.replicas = replicas
    this.#isr = replicas
    this.leader = replicas[0] ?? -1
    this.log = log
    this.producers = producers
  }

  /** The in-sync replicas. */
  get isr(): readonly number[] {
    return this.#isr
  }

  /** Where the log ended when the present leader was chosen. */
  get epochStartOffset(): bigint {
    return this.#epochStartOffset
  }

  /** Where readers of committed records have to stop: the high watermark, or the first transaction under way before it. */
  get lastStableOffset(): bigint {
    return this.producers.lastStableOffset(this.log.startOffset, this.log.highWatermark)
  }

  /**
   * Changes the leader; every change is a new epoch. Those who wait for data are woken, for they ask the wrong broker now.
   *
   * @param has - What the new leader has of the log: all of it, or only what every in-sync replica is known to have.
   */
  lead(broker: number, has: 'everything' | 'what-is-committed' = 'everything'): void {
    this.leader = broker
    this.leaderEpoch++
    if (has === 'what-is-committed') this.#truncateTo(this.log.highWatermark)
    this.#epochStartOffset = this.log.endOffset
    this.onLeader()
    this.onReplicas()
    this.changed()
  }

  setIsr(brokers: readonly number[]): void {
    this.#isr = brokers
    this.onReplicas()
    this.changed()
  }

  /** Calls `listener` after each change until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#waiting.add(listener)
    return () => this.#waiting.delete(listener)
  }

  /** Tells those who wait that there is something new. */
  changed(): void {
    if (this.#waiting.size > 0) for (const listener of [...this.#waiting]) listener()
  }

  /** Takes back what was written from `offset` on; what is known of producers is what the rest of the log tells. */
  #truncateTo(offset: bigint): void {
    if (offset >= this.log.endOffset) return
    this.log.truncateTo(offset)
    this.producers.reset()
    for (const { bytes } of this.log.eachBatch()) this.producers.replay(bytes)
  }
}

export interface Topic {
  readonly name: string
  /** Sixteen random bytes, base64url: another topic of the same name has another id. */
  readonly id: string
  /** Changed by `Cluster.configureTopic` alone. */
  settings: TopicSettings
  /** Grows by `Cluster.addPartitions` alone. */
  readonly partitions: Partition[]
  readonly isInternal: boolean
}

/** Why Kafka takes no topic of this name, or null. Source: Topic.validate (names become folders). */
export function topicNameProblem(name: string): string | null {
  if (name.length === 0) return 'Topic name is invalid: the empty string is not allowed'
  if (name === '.' || name === '..') return `Topic name is invalid: '.' or '..' is not allowed`
  if (name.length > 249)
    return `Topic name is invalid: the length of '${name}' is longer than the max allowed length 249`
  if (!/^[a-zA-Z0-9._-]+$/.test(name))
    return `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  return null
}
