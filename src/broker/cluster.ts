import { randomBytes } from 'node:crypto'
import type { Random } from '../base/random.ts'
import type { Clock } from '../base/time/clock.ts'
import { BrokerConfig } from './broker-config.ts'
import { ClusterError } from './cluster-error.ts'
import { groupsTopic, InternalTopic, isInternalTopic, transactionsTopic } from './coordinators/internal-topic.ts'
import type { Faults } from './faults.ts'
import { Features } from './features.ts'
import { FetchSessions } from './fetch-session.ts'
import { GroupCoordinator } from './groups/coordinator.ts'
import { keptState, restoreBrokerConfig } from './kept-state.ts'
import { LogUpkeep } from './log/log-upkeep.ts'
import { MemorySegments, MemoryUse } from './log/memory-segment.ts'
import { PartitionLog } from './log/partition-log.ts'
import { ProducerState } from './log/producer-state.ts'
import { checkRoomForPartitions } from './partition-limit.ts'
import { ProducerIds } from './producer-ids.ts'
import type { QuotaEntity, QuotaName } from './quotas/quota-entity.ts'
import { type QuotaOptions, restoreQuotas, setQuotas } from './quotas/quota-options.ts'
import { Throttling } from './quotas/throttling.ts'
import { Replication } from './replication.ts'
import { RequestLog } from './request-log.ts'
import type { SaslSettings } from './security/authentication.ts'
import type { ClusterStorage } from './storage/cluster-storage.ts'
import type { StoredTopic } from './storage/meta-file.ts'
import { ClientTelemetry } from './telemetry/client-telemetry.ts'
import type { TelemetryOptions } from './telemetry/telemetry-options.ts'
import { Partition, type Topic, topicNameProblem } from './topic.ts'
import { TopicSettings, topicConfigProblem } from './topic-config.ts'
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
  readonly maxRequestBytes: number
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
  /** How long after the leader the other in-sync replicas have a record. */
  readonly replicationDelayMs: number
  /** Null: whoever connects is in. */
  readonly sasl: SaslSettings | null
  /** To begin with. */
  readonly quotas: readonly QuotaOptions[]
  /** Null: clients push no metrics. */
  readonly telemetry: TelemetryOptions | null
  /** null: everything is in memory. */
  readonly storage: ClusterStorage | null
  /** For all records in memory together. */
  readonly maxMemoryBytes: number
  /** Told what somebody should know who reads no logs. */
  readonly warn: (message: string) => void
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
  readonly upkeep: LogUpkeep
  readonly replication: Replication
  readonly brokerConfig: BrokerConfig
  readonly fetchSessions: FetchSessions
  readonly throttling: Throttling
  readonly producerIds: ProducerIds
  readonly telemetry: ClientTelemetry | null
  readonly #nodes: NodeAddress[] = []
  readonly #topics = new Map<string, Topic>()
  readonly #topicsById = new Map<string, Topic>()
  readonly #memory = new MemoryUse()
  #connections = 0
  #state: 'starting' | 'running' | 'closing' = 'starting'

  constructor(settings: ClusterSettings, faults: Faults) {
    this.settings = settings
    this.clock = settings.clock
    this.brokerConfig = new BrokerConfig(settings.brokerConfig)
    this.faults = faults
    this.producerIds = new ProducerIds(settings.storage)
    this.throttling = new Throttling(settings.clock)
    this.fetchSessions = new FetchSessions(this)
    this.requests = new RequestLog(settings.requestLogSize, settings.clock)
    this.groupState = new InternalTopic(this, groupsTopic)
    this.transactionState = new InternalTopic(this, transactionsTopic)
    this.groups = new GroupCoordinator(this)
    this.transactions = new TransactionCoordinator(this, settings.transactionMarkerDelayMs)
    this.features = new Features(settings.release, settings.transactionVersion)
    const { clock, random, maxMemoryBytes, warn, release, replicationDelayMs, telemetry } = settings
    this.telemetry = telemetry && new ClientTelemetry(telemetry, clock, random)
    const topics = () => this.topics()
    this.upkeep = new LogUpkeep({ clock, topics, memory: this.#memory, maxMemoryBytes, warn })
    this.replication = new Replication({ clock, topics, delayMs: replicationDelayMs, release })
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
    checkRoomForPartitions(this.#topics.values(), count)
    const factor = options.replicationFactor ?? Math.min(3, this.#nodes.length)
    const settings = new TopicSettings(options.config ?? new Map(), this.brokerConfig.forTopics())
    const topic: Topic = { name, id: this.#newTopicId(), settings, partitions: [], isInternal: isInternalTopic(name) }
    return this.together(() => {
      for (let index = 0; index < count; index++)
        this.#newPartition(topic, options.assignments?.[index] ?? this.#spread(index, factor))
      this.#add(topic)
      this.settings.storage?.changed()
      return topic
    })
  }

  /** Takes over what a data folder holds, records included. Nobody leads a topic until the brokers run. */
  restore(): void {
    const { storage, quotas } = this.settings
    if (storage) {
      restoreBrokerConfig(this.brokerConfig, storage.state.brokerConfig, this.size)
      restoreQuotas(this.throttling.quotas, storage.state.quotas)
      for (const stored of storage.state.topics) this.#add(this.#restored(stored))
    }
    setQuotas(this.throttling.quotas, quotas)
    storage?.begin(() => keptState(this.topics(), this.brokerConfig, this.throttling.quotas))
  }

  /** All brokers that are to run do: those who lead are chosen. */
  started(): void {
    this.#state = 'running'
    this.upkeep.start()
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
    this.upkeep.stop()
    this.replication.stop()
  }

  #restored({ name, id, internal, config, partitions }: StoredTopic): Topic {
    const known = Object.entries(config).filter(([key, value]) => topicConfigProblem(key, value) === null)
    const settings = new TopicSettings(new Map(known), this.brokerConfig.forTopics())
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
    this.upkeep.watch(topic, partition)
    this.replication.watch(topic, partition)
    topic.partitions.push(partition)
    return partition
  }

  #add(topic: Topic): void {
    this.#topics.set(topic.name, topic)
    this.#topicsById.set(topic.id, topic)
  }

  /** Replaces what is set for a topic, which the caller has checked; it counts from the next request on. */
  configureTopic(topic: Topic, config: ReadonlyMap<string, string>): void {
    topic.settings = new TopicSettings(config, this.brokerConfig.forTopics())
    for (const partition of topic.partitions) {
      partition.log.config = topic.settings
      // It may need another number of in-sync replicas now.
      partition.setIsr(partition.isr)
    }
    this.settings.storage?.changed()
  }

  /** Gives a topic more partitions, `count` in all; `assignments` are the replicas of the new ones. */
  addPartitions(topic: Topic, count: number, assignments?: readonly (readonly number[])[]): void {
    const before = topic.partitions.length
    checkRoomForPartitions(this.#topics.values(), count - before)
    const factor = topic.partitions[0]?.replicas.length ?? 1
    this.together(() => {
      for (let index = before; index < count; index++)
        this.#newPartition(topic, assignments?.[index - before] ?? this.#spread(index, factor))
      this.settings.storage?.changed()
    })
  }

  /** Writes once for all that `change` changes. */
  together<T>(change: () => T): T {
    return this.settings.storage ? this.settings.storage.together(change) : change()
  }

  /** Replaces what was set for brokers while they run, by Kafka's names for brokers; topics follow at once. */
  configureBrokers(scope: 'broker' | 'allBrokers', config: ReadonlyMap<string, string>): void {
    this.brokerConfig.set(scope, config)
    this.together(() => {
      for (const topic of this.topics()) this.configureTopic(topic, topic.settings.entries())
      this.settings.storage?.changed()
    })
  }

  /** Sets quotas, which the caller has checked; null takes one away. They count from the next request on. */
  alterQuotas(entity: QuotaEntity, changes: ReadonlyMap<QuotaName, number | null>): void {
    this.throttling.quotas.alter(entity, changes)
    this.settings.storage?.changed()
  }

  /** Gives a partition other replicas, which have all records at once. */
  reassign(partition: Partition, replicas: readonly number[]): void {
    partition.replicas = replicas
    const alive = replicas.filter(id => this.node(id)?.running)
    partition.setIsr(alive.length > 0 ? alive : replicas)
    if (!replicas.includes(partition.leader)) this.#elect(partition)
    this.settings.storage?.changed()
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
    this.together(() => {
      for (const partition of topic.partitions) {
        partition.lead(-1)
        this.upkeep.forget(partition)
        this.replication.forget(partition)
        partition.log.close()
      }
    })
    this.settings.storage?.topicDeleted(topic.name, topic.id, topic.partitions.length)
    this.groups.offsets.deleteTopic(topic.name)
  }

  /** Another cluster at the same addresses: nothing of the old one is left but its settings. */
  replace(clusterId: string): void {
    // First, or what waits for a leader would begin to write when its topic goes.
    this.transactions.forget()
    this.groups.offsets.clear()
    for (const topic of this.topics()) this.deleteTopic(topic)
    this.producerIds.reset()
    this.brokerConfig.set('allBrokers', new Map())
    this.brokerConfig.set('broker', new Map())
    this.throttling.clear()
    this.telemetry?.replace()
    setQuotas(this.throttling.quotas, this.settings.quotas)
    this.settings = { ...this.settings, clusterId }
    if (this.settings.storage) this.settings.storage.clusterId = clusterId
    this.settings.storage?.changed()
    this.groups.load()
    this.transactions.load()
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
      if (alive.length > 0) partition.setIsr(alive)
      if (!running.has(partition.leader)) this.#elect(partition)
    }
  }

  #newPartition(topic: Topic, replicas: readonly number[]): void {
    const partition = this.#openPartition(topic, topic.partitions.length, replicas, 0)
    this.#elect(partition)
    partition.leaderEpoch = 0
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
