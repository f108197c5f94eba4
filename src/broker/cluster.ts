import { randomBytes } from 'node:crypto'
import type { Random } from '../base/random.ts'
import type { Clock } from '../base/time/clock.ts'
import { Faults } from './faults.ts'
import { MemorySegments, MemoryUse } from './log/memory-segment.ts'
import { PartitionLog } from './log/partition-log.ts'
import { ProducerState } from './log/producer-state.ts'
import { RequestLog } from './request-log.ts'
import type { ClusterStorage } from './storage/cluster-storage.ts'
import type { StoredTopic } from './storage/meta-file.ts'
import { Partition, type Topic, topicNameProblem } from './topic.ts'
import { TopicSettings, topicConfigProblem } from './topic-config.ts'
import type { VersionRanges } from './versions.ts'

/** Where a broker of the cluster can be reached. */
export interface NodeAddress {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly running: boolean
}

export interface ClusterSettings {
  readonly clusterId: string
  readonly clock: Clock
  readonly random: Random
  /** The seed was given: topic ids come from `random`, so that a run can be repeated. */
  readonly repeatable: boolean
  readonly autoCreateTopics: boolean
  readonly numPartitions: number
  readonly brokerConfig: ReadonlyMap<string, string>
  readonly versions: VersionRanges
  /** False: as before Kafka 2.5 (KIP-360). */
  readonly unknownProducersMayBeginAnywhere: boolean
  readonly requestLogSize: number
  /** null: everything is in memory. */
  readonly storage: ClusterStorage | null
}

/** What a refused change of the cluster is answered with. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError'
  /** Kafka's name. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** What all brokers of the cluster know: topics, producer ids, who leads what. One event loop owns it, so nothing is locked. */
export class Cluster {
  readonly settings: ClusterSettings
  readonly clock: Clock
  readonly faults: Faults
  readonly requests: RequestLog
  readonly #nodes: NodeAddress[] = []
  readonly #topics = new Map<string, Topic>()
  readonly #topicsById = new Map<string, Topic>()
  readonly #memory = new MemoryUse()
  #producerIds = { next: 0n, end: 0n }
  #connections = 0
  #state: 'starting' | 'running' | 'closing' = 'starting'

  constructor(settings: ClusterSettings) {
    this.settings = settings
    this.clock = settings.clock
    this.faults = new Faults()
    this.requests = new RequestLog(settings.requestLogSize, settings.clock)
  }

  addNode(node: NodeAddress): void {
    this.#nodes.push(node)
  }

  /** The brokers that run: one that is down is not in the metadata, as with KRaft. */
  get nodes(): NodeAddress[] {
    return this.#nodes.filter(node => node.running)
  }

  node(id: number): NodeAddress | undefined {
    return this.#nodes.find(node => node.id === id)
  }

  get controllerId(): number {
    return this.nodes[0]?.id ?? -1
  }

  nextConnection(): number {
    return ++this.#connections
  }

  /** An id that nobody has had, also before a start. They are taken in blocks, so that few of them are written down. */
  nextProducerId(): bigint {
    const ids = this.#producerIds
    if (ids.next === ids.end) {
      const block = this.settings.storage?.takeProducerIds() ?? { first: ids.end, end: ids.end + 1_000n }
      ids.next = block.first
      ids.end = block.end
    }
    return ids.next++
  }

  topics(): Topic[] {
    return [...this.#topics.values()]
  }

  topic(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  topicById(id: string): Topic | undefined {
    return this.#topicsById.get(id)
  }

  /** Creates a topic. Throws ClusterError with Kafka's code. `assignments`: broker ids per partition. */
  createTopic(
    name: string,
    options: {
      partitions?: number
      replicationFactor?: number
      assignments?: readonly (readonly number[])[]
      config?: ReadonlyMap<string, string>
    } = {},
  ): Topic {
    this.checkNewTopic(name)
    const count = options.assignments?.length ?? options.partitions ?? this.settings.numPartitions
    const factor = options.replicationFactor ?? Math.min(3, this.#nodes.length)
    const ids = this.#nodes.map(node => node.id)
    const settings = new TopicSettings(options.config ?? new Map(), this.settings.brokerConfig)
    const topic: Topic = { name, id: this.#newTopicId(), settings, partitions: [], isInternal: false }
    for (let index = 0; index < count; index++) {
      const replicas =
        options.assignments?.[index] ?? Array.from({ length: factor }, (_, place) => ids[(index + place) % ids.length]!)
      const partition = this.#openPartition(topic, index, replicas, 0)
      this.#elect(partition)
      partition.leaderEpoch = 0
    }
    this.#add(topic)
    this.settings.storage?.changed()
    return topic
  }

  /** Makes the topics that a data folder holds, with their records. Nobody leads them until the brokers run. */
  restore(): void {
    const { storage } = this.settings
    if (!storage) return
    for (const stored of storage.topics) this.#add(this.#restored(stored))
    storage.begin(() => this.topics().map(described))
  }

  /** All brokers that are to run do: those who lead are chosen. */
  started(): void {
    this.#state = 'running'
    this.brokersChanged()
  }

  /** Closes the logs. No broker runs any more. */
  async close(): Promise<void> {
    const { storage } = this.settings
    if (!storage) return
    for (const { log } of this.partitions()) log.close()
    await storage.close()
  }

  /** Brokers stop because all of it ends: that they go is no news to anybody. */
  closing(): void {
    this.#state = 'closing'
  }

  #restored({ name, id, internal, config, partitions }: StoredTopic): Topic {
    const known = Object.entries(config).filter(([key, value]) => topicConfigProblem(key, value) === null)
    const settings = new TopicSettings(new Map(known), this.settings.brokerConfig)
    const topic: Topic = { name, id, settings, partitions: [], isInternal: internal }
    for (const [index, { replicas, leaderEpoch }] of partitions.entries()) {
      // The folder may come from a cluster of more brokers.
      const here = replicas.filter(replica => this.node(replica))
      const partition = this.#openPartition(topic, index, here.length > 0 ? here : [this.#nodes[0]!.id], leaderEpoch)
      partition.leader = -1
    }
    return topic
  }

  #openPartition(topic: Topic, index: number, replicas: readonly number[], leaderEpoch: number): Partition {
    const { storage, unknownProducersMayBeginAnywhere } = this.settings
    const producers = new ProducerState(unknownProducersMayBeginAnywhere)
    const segments = storage
      ? storage.openLog({
          topic: topic.name,
          topicId: topic.id,
          partition: index,
          leaderEpoch,
          config: topic.settings,
          onBatch: bytes => producers.replay(bytes),
        })
      : new MemorySegments(this.#memory)
    const partition = new Partition(topic.name, index, replicas, new PartitionLog(segments, topic.settings), producers)
    partition.leaderEpoch = Math.max(leaderEpoch, partition.log.epochs.at(-1)?.epoch ?? 0)
    partition.onLeader = () => this.settings.storage?.changed()
    topic.partitions.push(partition)
    return partition
  }

  #add(topic: Topic): void {
    this.#topics.set(topic.name, topic)
    this.#topicsById.set(topic.id, topic)
  }

  /** Sets the configuration of a topic, all of it; the caller has checked it. */
  setTopicConfig(topic: Topic, config: ReadonlyMap<string, string>): void {
    topic.settings = new TopicSettings(config, this.settings.brokerConfig)
    for (const { log } of topic.partitions) log.config = topic.settings
    this.settings.storage?.changed()
  }

  /** Adds a partition for each assignment, of broker ids. The caller has checked them. */
  addPartitions(topic: Topic, assignments: readonly (readonly number[])[]): void {
    for (const replicas of assignments) {
      const partition = this.#openPartition(topic, topic.partitions.length, replicas, 0)
      this.#elect(partition)
      partition.leaderEpoch = 0
    }
    this.settings.storage?.changed()
  }

  /** Writes once for all that `change` changes. */
  together<T>(change: () => T): T {
    return this.settings.storage ? this.settings.storage.together(change) : change()
  }

  /** Throws ClusterError where no topic of this name can be created. */
  checkNewTopic(name: string): void {
    const problem = topicNameProblem(name)
    if (problem) throw new ClusterError('INVALID_TOPIC_EXCEPTION', problem)
    if (this.#topics.has(name)) throw new ClusterError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  }

  /** Deletes a topic with its records and all that its partitions remember of producers. */
  deleteTopic(topic: Topic): void {
    this.#topics.delete(topic.name)
    this.#topicsById.delete(topic.id)
    this.together(() => {
      for (const partition of topic.partitions) {
        partition.lead(-1)
        partition.log.close()
      }
    })
    this.settings.storage?.topicDeleted(topic.name, topic.id, topic.partitions.length)
  }

  /** All partitions of all topics. */
  partitions(): Partition[] {
    return this.topics().flatMap(topic => topic.partitions)
  }

  /** A broker came or went: replicas join or leave the ISR, and partitions without a leader get one if one is there. */
  brokersChanged(): void {
    if (this.#state === 'running') this.together(() => this.#followBrokers())
  }

  #followBrokers(): void {
    const running = new Set(this.nodes.map(node => node.id))
    for (const partition of this.partitions()) {
      const alive = partition.replicas.filter(id => running.has(id))
      // The last in-sync replica stays in the ISR when it goes, or nobody would know who has all records.
      if (alive.length > 0) partition.isr = alive
      if (!running.has(partition.leader)) this.#elect(partition)
    }
  }

  #elect(partition: Partition): void {
    const leader = partition.isr.find(id => this.node(id)?.running) ?? -1
    if (leader !== partition.leader) partition.lead(leader)
  }

  #newTopicId(): string {
    if (!this.settings.repeatable) return randomBytes(16).toString('base64url')
    return Buffer.from(Array.from({ length: 16 }, () => Math.floor(this.settings.random() * 256))).toString('base64url')
  }
}

/** What is kept of a topic beside its records. */
function described({ name, id, isInternal, settings, partitions }: Topic): StoredTopic {
  return {
    name,
    id,
    internal: isInternal,
    config: Object.fromEntries(settings.entries()),
    partitions: partitions.map(({ replicas, leaderEpoch }) => ({ replicas, leaderEpoch })),
  }
}
