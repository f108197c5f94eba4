import { randomBytes } from 'node:crypto'
import type { Random } from '../base/random.ts'
import type { Clock } from '../base/time/clock.ts'
import { BrokerConfig } from './broker-config.ts'
import { groupsTopic, InternalTopic, isInternalTopic, transactionsTopic } from './coordinators/internal-topic.ts'
import { Faults } from './faults.ts'
import { FetchSessions } from './fetch-session.ts'
import { RequestLog } from './request-log.ts'
import { Partition, type Topic, topicNameProblem } from './topic.ts'
import { TopicSettings } from './topic-config.ts'
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
  readonly maxRequestBytes: number
  /** What DescribeLogDirs names. */
  readonly logDir: string
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
  /** Where the state of groups is kept, and that of transactions. */
  readonly groupState: InternalTopic
  readonly transactionState: InternalTopic
  readonly brokerConfig: BrokerConfig
  readonly fetchSessions: FetchSessions
  readonly #nodes: NodeAddress[] = []
  readonly #topics = new Map<string, Topic>()
  readonly #topicsById = new Map<string, Topic>()
  #nextProducerId = 0n
  #connections = 0

  constructor(settings: ClusterSettings) {
    this.settings = settings
    this.clock = settings.clock
    this.brokerConfig = new BrokerConfig(settings.brokerConfig)
    this.faults = new Faults()
    this.fetchSessions = new FetchSessions(this)
    this.requests = new RequestLog(settings.requestLogSize, settings.clock)
    this.groupState = new InternalTopic(this, groupsTopic)
    this.transactionState = new InternalTopic(this, transactionsTopic)
  }

  addNode(node: NodeAddress): void {
    this.#nodes.push(node)
  }

  /** The brokers that run: one that is down is not in the metadata, as with KRaft. */
  get nodes(): NodeAddress[] {
    return this.#nodes.filter(node => node.running)
  }

  /** How many brokers there are, running or not. */
  get size(): number {
    return this.#nodes.length
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
    const settings = new TopicSettings(options.config ?? new Map(), this.brokerConfig.forTopics())
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
    topic.settings = new TopicSettings(config, this.brokerConfig.forTopics())
  }

  /** Replaces what was set for brokers while they run, by Kafka's names for brokers; topics follow at once. */
  configureBrokers(scope: 'broker' | 'allBrokers', config: ReadonlyMap<string, string>): void {
    this.brokerConfig.set(scope, config)
    for (const topic of this.topics()) this.configureTopic(topic, topic.settings.entries())
  }

  /** Gives a partition other replicas, which have all records at once. */
  reassign(partition: Partition, replicas: readonly number[]): void {
    partition.replicas = replicas
    const alive = replicas.filter(id => this.node(id)?.running)
    partition.isr = alive.length > 0 ? alive : replicas
    if (!replicas.includes(partition.leader)) this.#elect(partition)
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
    for (const partition of topic.partitions) partition.lead(-1)
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
