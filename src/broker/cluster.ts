import { randomBytes } from 'node:crypto'
import type { Random } from '../base/random.ts'
import type { Clock } from '../base/time/clock.ts'
import { ClusterError } from './cluster-error.ts'
import { groupsTopic, InternalTopic, isInternalTopic, transactionsTopic } from './coordinators/internal-topic.ts'
import type { Faults } from './faults.ts'
import { Features } from './features.ts'
import { GroupCoordinator } from './groups/coordinator.ts'
import { RequestLog } from './request-log.ts'
import type { SaslSettings } from './security/authentication.ts'
import { Partition, type Topic, topicNameProblem } from './topic.ts'
import { TopicSettings } from './topic-config.ts'
import { TransactionCoordinator } from './transactions/coordinator.ts'
import type { KafkaVersion, VersionRanges } from './versions.ts'

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
  /** What DescribeLogDirs names. */
  readonly logDir: string
  /** Kafka's `group.initial.rebalance.delay.ms`. */
  readonly groupInitialRebalanceDelayMs: number
  /** Kafka's `group.max.size`. */
  readonly groupMaxSize: number
  /** The release it looks like. */
  readonly release: KafkaVersion
  /** Level of the feature `transaction.version` to begin with. */
  readonly transactionVersion: number
  /** Whether leaders ask the coordinator if a partition is in the transaction: since Kafka 3.6 (KIP-890). */
  readonly verifiesTransactions: boolean
  /** How long after EndTxn's answer the markers are written. */
  readonly transactionMarkerDelayMs: number
  /** Null: whoever connects is in. */
  readonly sasl: SaslSettings | null
}

/** What all brokers of the cluster know: topics, producer ids, who leads what. One event loop owns it, so nothing is locked. */
export class Cluster {
  settings: ClusterSettings
  readonly clock: Clock
  readonly faults: Faults
  readonly requests: RequestLog
  /** Where the state of groups is kept, and that of transactions. */
  readonly groupState: InternalTopic
  readonly transactionState: InternalTopic
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly features: Features
  readonly #nodes: NodeAddress[] = []
  readonly #topics = new Map<string, Topic>()
  readonly #topicsById = new Map<string, Topic>()
  #nextProducerId = 0n
  #connections = 0

  constructor(settings: ClusterSettings, faults: Faults) {
    this.settings = settings
    this.clock = settings.clock
    this.faults = faults
    this.requests = new RequestLog(settings.requestLogSize, settings.clock)
    this.groupState = new InternalTopic(this, groupsTopic)
    this.transactionState = new InternalTopic(this, transactionsTopic)
    this.groups = new GroupCoordinator(this)
    this.transactions = new TransactionCoordinator(this, settings.transactionMarkerDelayMs)
    this.features = new Features(settings.release, settings.transactionVersion)
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

  nextProducerId(): bigint {
    return this.#nextProducerId++
  }

  /** Gives no id out that was given before: `used` was found in a log. */
  skipProducerIds(used: bigint): void {
    if (used >= this.#nextProducerId) this.#nextProducerId = used + 1n
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
    const partitions = Array.from({ length: count }, (_, index) =>
      this.#newPartition(name, index, options.assignments?.[index] ?? this.#spread(index, factor)),
    )
    const settings = new TopicSettings(options.config ?? new Map(), this.settings.brokerConfig)
    const topic: Topic = { name, id: this.#newTopicId(), settings, partitions, isInternal: isInternalTopic(name) }
    this.#topics.set(name, topic)
    this.#topicsById.set(topic.id, topic)
    return topic
  }

  /** Gives a topic more partitions, `count` in all; `assignments` are the replicas of the new ones. */
  addPartitions(topic: Topic, count: number, assignments?: readonly (readonly number[])[]): void {
    const before = topic.partitions.length
    const factor = topic.partitions[0]?.replicas.length ?? 1
    for (let index = before; index < count; index++)
      topic.partitions.push(
        this.#newPartition(topic.name, index, assignments?.[index - before] ?? this.#spread(index, factor)),
      )
  }

  /** Replaces what is set for a topic; it counts from the next request on. */
  configureTopic(topic: Topic, config: ReadonlyMap<string, string>): void {
    topic.settings = new TopicSettings(config, this.settings.brokerConfig)
  }

  /** Throws ClusterError where no topic of this name can be created. */
  checkNewTopic(name: string): void {
    const problem = topicNameProblem(name)
    if (problem) throw new ClusterError('INVALID_TOPIC_EXCEPTION', problem)
    if (this.#topics.has(name)) throw new ClusterError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  }

  /** Deletes a topic with its records, all that its partitions remember of producers, and what groups have committed for it. */
  deleteTopic(topic: Topic): void {
    this.#topics.delete(topic.name)
    this.#topicsById.delete(topic.id)
    for (const partition of topic.partitions) partition.lead(-1)
    this.groups.offsets.deleteTopic(topic.name)
  }

  /** Another cluster at the same addresses: nothing of the old one is left but its settings. */
  replace(clusterId: string): void {
    for (const topic of this.topics()) this.deleteTopic(topic)
    this.#nextProducerId = 0n
    this.settings = { ...this.settings, clusterId }
    this.groups.load()
    this.transactions.load()
  }

  /** All partitions of all topics. */
  partitions(): Partition[] {
    return this.topics().flatMap(topic => topic.partitions)
  }

  /** A broker came or went: replicas join or leave the ISR, and partitions without a leader get one if one is there. */
  brokersChanged(): void {
    const running = new Set(this.nodes.map(node => node.id))
    for (const partition of this.partitions()) {
      const alive = partition.replicas.filter(id => running.has(id))
      // The last in-sync replica stays in the ISR when it goes, or nobody would know who has all records.
      if (alive.length > 0) partition.isr = alive
      if (!running.has(partition.leader)) this.#elect(partition)
    }
  }

  #newPartition(topic: string, index: number, replicas: readonly number[]): Partition {
    const partition = new Partition(topic, index, replicas, this.settings.unknownProducersMayBeginAnywhere)
    this.#elect(partition)
    partition.leaderEpoch = 0
    return partition
  }

  /** Replicas of a partition where nobody said which: one broker after the other, beginning one further each time. */
  #spread(index: number, factor: number): number[] {
    const ids = this.#nodes.map(node => node.id)
    return Array.from({ length: factor }, (_, place) => ids[(index + place) % ids.length]!)
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
