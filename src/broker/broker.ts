import { KafkaError } from '../base/errors/index.ts'
import { type Random, seededRandom } from '../base/random.ts'
import { systemClock } from '../base/time/clock.ts'
import type { KafkaApiName } from './api-names.ts'
import { Cluster, type ClusterSettings } from './cluster.ts'
import { ClusterError } from './cluster-error.ts'
import { ControlServer } from './control/control-server.ts'
import { Faults } from './faults.ts'
import { Features } from './features.ts'
import { type GroupSnapshot, groupSnapshots } from './groups/snapshots.ts'
import { handledApis } from './handlers/index.ts'
import type { ProducerSnapshot } from './log/producer-state.ts'
import { BrokerNode } from './node.ts'
import {
  type BrokerOptions,
  checkBrokerOptions,
  checkNewTopicOptions,
  type TopicOptions,
  topicEntries,
} from './options.ts'
import { type StoredBatchHeader, type StoredRecord, storedBatches, storedRecords } from './read-back.ts'
import type { Replicated } from './replication.ts'
import type { BrokerRequest, RequestMatch } from './request-log.ts'
import { checkSchedule, type FaultSchedule, type LoadedSchedule, RunningSchedule } from './schedule/fault-schedule.ts'
import type { SaslSettings } from './security/authentication.ts'
import { Credentials } from './security/credentials.ts'
import { type SaslOptions, saslMechanisms } from './security/security-options.ts'
import { ClusterStorage } from './storage/cluster-storage.ts'
import type { ClientTelemetry, TelemetryPush } from './telemetry/client-telemetry.ts'
import { checkSubscription, type TelemetrySubscription } from './telemetry/telemetry-options.ts'
import { maxPartitions, type Partition, type Topic } from './topic.ts'
import { topicConfigMap } from './topic-config.ts'
import type { TransactionState } from './transactions/transaction.ts'
import { versionRanges } from './versions.ts'

/** Offsets and leadership of one partition. */
export interface PartitionState {
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly startOffset: bigint
  readonly endOffset: bigint
  readonly highWatermark: bigint
  /** Where readers of committed records have to stop. */
  readonly lastStableOffset: bigint
  readonly producers: readonly ProducerSnapshot[]
}

/** A transactional id, as its coordinator knows it. */
export interface TransactionSnapshot {
  readonly id: string
  readonly state: TransactionState
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
}

/**
 * Starts an embedded Kafka broker, or a cluster of three, in this process. It keeps its records in memory, or in the folder
 * `dataDir`; its replicas are simulated: for tests and for trying things out. Resolves when it takes connections.
 *
 * @throws ConfigError for wrong options, all of them at once; KafkaError `LISTEN_FAILED` where the port is in use,
 *   `DATA_DIR_IN_USE` where another broker has the folder, `DATA_DIR_FORMAT` where a newer release wrote it.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  checkBrokerOptions(options)
  const broker = new Broker(options)
  try {
    await broker.open()
  } catch (error) {
    await broker.close()
    throw error
  }
  return broker
}

/** An embedded Kafka broker (or three) that can be read back, and that fails on demand. Made by `startBroker`. */
export class Broker implements AsyncDisposable {
  /** Makes it fail: before, after or instead of handling a request. */
  readonly faults: Faults
  readonly #cluster: Cluster
  readonly #nodes: BrokerNode[]
  readonly #options: BrokerOptions
  readonly #control: ControlServer | null
  #chance: Random
  #closed: Promise<void> | null = null

  /** @internal */
  constructor(options: BrokerOptions) {
    this.#options = options
    const repeatable =
      options.seed !== undefined || options.schedule?.seed !== undefined || options.random !== undefined
    const seed = options.seed ?? options.schedule?.seed
    this.#chance = options.random ?? (seed === undefined ? Math.random : seededRandom(seed))
    const random = () => this.#chance()
    const { asVersion, maxMessageBytes, dataDir } = options
    const release = asVersion ?? '4.3'
    const warn = (message: string) => process.emitWarning(message, 'OttlaBrokerWarning')
    const storage =
      dataDir === undefined ? null : ClusterStorage.open(dataDir, { newClusterId: () => newClusterId(random), warn })
    this.faults = new Faults(schedule => this.#load(schedule))
    const settings: ClusterSettings = {
      clusterId: storage?.clusterId ?? newClusterId(random),
      storage,
      maxMemoryBytes: options.maxMemoryBytes ?? 1024 * 1024 * 1024,
      warn,
      clock: options.clock ?? systemClock,
      random,
      repeatable,
      autoCreateTopics: options.autoCreateTopics ?? true,
      numPartitions: options.numPartitions ?? 3,
      brokerConfig: topicConfigMap({
        ...(maxMessageBytes !== undefined && { 'max.message.bytes': maxMessageBytes }),
        ...options.config,
      }),
      versions: versionRanges(handledApis, asVersion, {
        ...options.maxVersions,
        ...(!options.telemetry && noTelemetry),
      }),
      unknownProducersMayBeginAnywhere: asVersion !== '2.1',
      requestLogSize: options.requestLogSize ?? 10_000,
      maxRequestBytes: options.maxRequestBytes ?? 100 * 1024 * 1024,
      logDir: dataDir ?? 'memory',
      groupInitialRebalanceDelayMs: options.groupInitialRebalanceDelayMs ?? 50,
      groupMaxSize: options.groupMaxSize ?? 2 ** 31 - 1,
      release,
      transactionVersion: options.transactionVersion ?? Features.defaultTransactionVersion(release),
      verifiesTransactions: release === '3.9' || release === '4.3',
      transactionMarkerDelayMs: options.transactionMarkerDelayMs ?? 0,
      replicationDelayMs: options.replicationDelayMs ?? 0,
      sasl: saslSettings(options.sasl),
      quotas: options.quotas ?? [],
      telemetry: options.telemetry ?? null,
    }
    this.#cluster = new Cluster(settings, this.faults)
    const host = options.host ?? '127.0.0.1'
    const report = (error: unknown) => process.emitWarning(asError(error))
    this.#control =
      options.controlPort === undefined
        ? null
        : new ControlServer(this, options.controlHost ?? '127.0.0.1', options.controlPort, report)
    this.#nodes = Array.from({ length: options.brokers ?? 1 }, (_, index) => {
      const node = new BrokerNode(this.#cluster, {
        id: index + 1,
        host,
        advertisedHost: options.advertisedHost ?? host,
        advertisedPort: options.advertisedPort === undefined ? null : options.advertisedPort + index,
        port: options.port ? options.port + index : 0,
        tls: options.tls ?? null,
        report,
      })
      this.#cluster.addNode(node)
      return node
    })
  }

  /** @internal */
  async open(): Promise<void> {
    this.#cluster.restore()
    await Promise.all(this.#nodes.map(node => node.start()))
    this.#cluster.started()
    this.#cluster.groups.load()
    this.#cluster.together(() => {
      for (const [name, topic] of topicEntries(this.#options.topics))
        if (!this.#cluster.topic(name)) this.createTopic(name, topic)
    })
    this.#cluster.transactions.load()
    await this.#control?.start()
    if (this.#options.schedule) this.faults.load(this.#options.schedule)
  }

  /** `host:port` of every broker, as clients take it. */
  get bootstrapServers(): string {
    return this.#nodes.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)).join(',')
  }

  get clusterId(): string {
    return this.#cluster.settings.clusterId
  }

  /** Where the control port answers: `http://127.0.0.1:8123`; null without the option `controlPort`. */
  get controlUrl(): string | null {
    return this.#control?.url ?? null
  }

  /** The ports on which the brokers listen, by broker id. */
  get ports(): ReadonlyMap<number, number> {
    return new Map(this.#nodes.map(({ id, listenPort }) => [id, listenPort]))
  }

  /** Open connections, of all brokers or of one. */
  connections(brokerId?: number): number {
    return this.#nodes.reduce(
      (sum, node) => sum + (brokerId === undefined || brokerId === node.id ? node.connections : 0),
      0,
    )
  }

  /** The names of all topics but those in which the cluster keeps its own state. */
  get topics(): string[] {
    return this.#cluster
      .topics()
      .filter(({ isInternal }) => !isInternal)
      .map(({ name }) => name)
  }

  /** @throws ConfigError for wrong options, KafkaError `TOPIC_ALREADY_EXISTS`, `INVALID_TOPIC_EXCEPTION` or `POLICY_VIOLATION`. */
  createTopic(name: string, options: TopicOptions = {}): void {
    checkNewTopicOptions(name, options, this.#nodes.length)
    const { config, ...rest } = options
    refusing(() => this.#cluster.createTopic(name, { ...rest, ...(config && { config: topicConfigMap(config) }) }))
  }

  /** Deletes a topic with its records and with what its partitions remember of producers. */
  deleteTopic(name: string): void {
    this.#cluster.deleteTopic(this.#topic(name))
  }

  /** Deletes a topic and creates it again, empty and with another topic id. */
  recreateTopic(name: string): void {
    const { partitions, settings } = this.#topic(name)
    this.deleteTopic(name)
    const assignments = partitions.map(({ replicas }) => replicas)
    this.#cluster.createTopic(name, { assignments, config: settings.entries() })
  }

  /** Gives a topic more partitions: `count` in all. Producers and consumers hear of it with their next metadata. */
  addPartitions(name: string, count: number): void {
    const topic = this.#topic(name)
    if (!(Number.isInteger(count) && count > topic.partitions.length && count <= maxPartitions))
      throw new RangeError(`${name} has ${topic.partitions.length} partitions; ${count} would not be more, or too many`)
    refusing(() => this.#cluster.addPartitions(topic, count))
  }

  topicId(name: string): string {
    return this.#topic(name).id
  }

  partitionCount(topic: string): number {
    return this.#topic(topic).partitions.length
  }

  /** The records of a topic, or of one partition, by partition and offset. */
  records(topic: string, partition?: number): StoredRecord[] {
    return storedRecords(this.#topic(topic), partition)
  }

  /** The headers of a partition's batches, oldest first. */
  batches(topic: string, partition: number): StoredBatchHeader[] {
    this.#partition(topic, partition)
    return storedBatches(this.#topic(topic), partition)
  }

  /** Offsets, leadership and known producers of a partition. */
  partition(topic: string, partition: number): PartitionState {
    const found = this.#partition(topic, partition)
    const { leader, leaderEpoch, replicas, isr, log, lastStableOffset, producers } = found
    const { startOffset, endOffset, highWatermark } = log
    return {
      leader,
      leaderEpoch,
      replicas,
      isr,
      startOffset,
      endOffset,
      highWatermark,
      lastStableOffset,
      producers: producers.snapshot(),
    }
  }

  /** The requests that came, oldest first, at most `requestLogSize` of them. */
  requests(match?: RequestMatch): BrokerRequest[] {
    return this.#cluster.requests.entries(match)
  }

  /** How many requests came in all. */
  requestCount(api?: KafkaApiName): number {
    return this.#cluster.requests.count(api)
  }

  clearRequests(): void {
    this.#cluster.requests.clear()
  }

  /** The next request that matches. Rejects after `timeoutMs` (default 10,000), and when the broker is closed. */
  waitForRequest(match: RequestMatch, timeoutMs = 10_000): Promise<BrokerRequest> {
    return this.#cluster.requests.next(match, timeoutMs)
  }

  /**
   * Makes another broker the leader, in a new epoch. The old one answers NOT_LEADER_OR_FOLLOWER from now on, also to what waits
   * there for its replicas. −1: nobody leads.
   *
   * @param options - `truncate`: the new leader has only what is before the high watermark. What is behind it is lost, and what
   *   was known of the producers that wrote it; what was acknowledged with acks=all never is. Default: it has everything.
   * @throws RangeError where `truncate` is asked of nobody, or of the broker that leads: it has what it has.
   */
  moveLeader(topic: string, partition: number, brokerId: number, options: { truncate?: boolean } = {}): void {
    const moved = this.#partition(topic, partition)
    if (options.truncate && (brokerId === -1 || brokerId === moved.leader))
      throw new RangeError(
        `truncate: only a new leader can lack records, and ${brokerId} is none for ${topic}-${partition}`,
      )
    if (brokerId !== -1) {
      this.#node(brokerId)
      if (!moved.replicas.includes(brokerId)) moved.replicas = [...moved.replicas, brokerId]
      if (!moved.isr.includes(brokerId)) moved.setIsr([...moved.isr, brokerId])
    }
    moved.lead(brokerId, options.truncate ? 'what-is-committed' : 'everything')
  }

  /**
   * The replicas of a partition, of a topic, or of all topics (also of those to come) copy no more from their leaders: the high
   * watermark stays where it is. Consumers see nothing behind it, and acks=all is not answered until its time-out. Where the
   * leader alone is in sync, nobody is waited for, as in Kafka.
   *
   * @throws RangeError where there is one replica, and for the topics of coordinators, which are always replicated at once.
   */
  pauseReplication(topic?: string, partition?: number): void {
    this.#cluster.replication.pause(this.#replicated(topic, partition))
  }

  /** Lets replicas copy again; what they have missed they have at once, or after `replicationDelayMs`. @throws RangeError as `pauseReplication`. */
  resumeReplication(topic?: string, partition?: number): void {
    this.#cluster.replication.resume(this.#replicated(topic, partition))
  }

  /** Every transactional id that is known, in the state it has now. */
  transactions(): TransactionSnapshot[] {
    return this.#cluster.transactions.all().map(({ id, state, producerId, producerEpoch, partitions }) => ({
      ...{ id, state, producerId, producerEpoch, partitions: [...partitions] },
    }))
  }

  /**
   * Lets time pass for one transactional id: a transaction under way is aborted with a raised epoch, as by its time-out; an id
   * without one is forgotten, as after `transactional.id.expiration.ms`.
   *
   * @throws KafkaError `TRANSACTIONAL_ID_NOT_FOUND`, or `CONCURRENT_TRANSACTIONS` while its markers are being written; `NOT_COORDINATOR`
   *   where the disk fails.
   */
  expireTransaction(id: string): void {
    const { transactions } = this.#cluster
    if (!transactions.get(id)) throw new KafkaError('TRANSACTIONAL_ID_NOT_FOUND', `there is no transactional id ${id}`)
    if (!refusing(() => transactions.expire(id)))
      throw new KafkaError('CONCURRENT_TRANSACTIONS', `the last transaction of ${id} is not complete yet`)
  }

  /** Changes the feature `transaction.version`. Clients learn of it with their next ApiVersions, on a new connection. */
  setTransactionVersion(level: 0 | 1 | 2): void {
    if (![0, 1, 2].includes(level)) throw new RangeError(`transaction.version ${level} is none of 0, 1, 2`)
    this.#cluster.features.transactionVersion = level
  }

  /** Makes another broker the coordinator of a group or a transactional id; the old one answers NOT_COORDINATOR. −1: there is none. */
  moveCoordinator(kind: 'group' | 'transaction', key: string, brokerId: number): void {
    const { groupState, transactionState } = this.#cluster
    const { topic, index } = (kind === 'group' ? groupState : transactionState).partitionOf(key)
    this.moveLeader(topic, index, brokerId)
  }

  /** Takes the leader from a partition: everything is answered LEADER_NOT_AVAILABLE or NOT_LEADER_OR_FOLLOWER until one is moved there, or a broker starts or stops. */
  leaderless(topic: string, partition: number): void {
    this.moveLeader(topic, partition, -1)
  }

  /**
   * Lets in-sync replicas fall behind until `to` of them are left, the leader last.
   *
   * @throws RangeError where there are not so many.
   */
  shrinkIsr(topic: string, partition: number, to: number): void {
    const { isr, leader } = this.#partition(topic, partition)
    if (!(Number.isInteger(to) && to >= 0 && to <= isr.length))
      throw new RangeError(`${topic}-${partition} has ${isr.length} in-sync replicas, and cannot be left with ${to}`)
    const others = isr.filter(id => id !== leader)
    this.setIsr(topic, partition, (isr.includes(leader) ? [leader, ...others] : others).slice(0, to))
  }

  /**
   * Sets the in-sync replicas; with fewer than `min.insync.replicas`, acks=all is answered NOT_ENOUGH_REPLICAS, and the high
   * watermark stands still until there are enough again. Before Kafka 3.7 (`asVersion` 2.1 and 2.8) it goes on, and what waits
   * for it is answered NOT_ENOUGH_REPLICAS_AFTER_APPEND.
   */
  setIsr(topic: string, partition: number, brokerIds: readonly number[]): void {
    for (const id of brokerIds) this.#node(id)
    this.#partition(topic, partition).setIsr([...brokerIds])
  }

  /** Closes the port and all connections of a broker; what it led gets another leader where a replica is there. */
  async stop(brokerId: number): Promise<void> {
    await this.#node(brokerId).stop()
  }

  /** Starts a stopped broker on its old port. Nothing was lost. */
  async start(brokerId: number): Promise<void> {
    await this.#node(brokerId).start()
  }

  /** Like SIGSTOP: connections are accepted, nothing is read or answered until `resume`. */
  pause(brokerId: number): void {
    this.#node(brokerId).pause()
  }

  resume(brokerId: number): void {
    this.#node(brokerId).resume()
  }

  /** Closes the connections of a broker, or of all; it goes on taking new ones. */
  closeConnections(brokerId?: number, options: { reset?: boolean } = {}): void {
    for (const node of this.#nodes)
      if (brokerId === undefined || brokerId === node.id) node.closeConnections(options.reset)
  }

  /** Raises the epoch of every known producer: those who write on with the old one are answered INVALID_PRODUCER_EPOCH. */
  bumpEpochs(): void {
    for (const { producers } of this.#cluster.partitions()) producers.bumpEpochs()
  }

  /** Forgets producer ids (one or all) as if they had expired: their next batch may begin with any sequence. */
  forgetProducers(producerId?: bigint): void {
    for (const { producers } of this.#cluster.partitions()) producers.forget(producerId)
  }

  /** The consumer groups, with their members and committed offsets, by name. */
  groups(): GroupSnapshot[] {
    return groupSnapshots(this.#cluster.groups)
  }

  /** Ends the session of one member of a group, or of all, as if their heartbeats had stayed out. @throws RangeError where nobody is meant. */
  expireSession(group: string, memberId?: string): void {
    if (this.#cluster.groups.expireSession(group, memberId)) return
    throw new RangeError(
      memberId === undefined ? `group ${group} has no members` : `${group} has no member ${memberId}`,
    )
  }

  /**
   * Puts another, empty cluster at the same addresses: a new cluster id, no topics, no groups, producer ids from the start. All
   * connections are closed. What a client sees that comes back after somebody has wiped the disks.
   */
  replaceCluster(): void {
    this.closeConnections()
    this.#cluster.replace(newClusterId(this.#cluster.settings.random))
  }

  /**
   * Gives a user another password, or makes a new one. Connections that are open stay so; whoever authenticates from now on, also
   * to renew a session, needs the new one.
   *
   * @throws RangeError where the broker has no SASL
   */
  rotateCredentials(user: string, password: string): void {
    const { sasl } = this.#cluster.settings
    if (!sasl) throw new RangeError('the broker has no users: it was started without the option sasl')
    sasl.credentials.set(user, password)
  }

  /**
   * Asks clients for metrics from now on, under a name of yours: those that are known already learn of it with their next push. The same
   * name again replaces it. What they push is told by `telemetry()`.
   *
   * @throws RangeError where the broker was started without the option `telemetry`; KafkaError `INVALID_CONFIG` for a wrong subscription
   */
  subscribeTelemetry(name: string, subscription: TelemetrySubscription): void {
    checkSubscription(name, subscription)
    this.#telemetry().subscribe(name, subscription)
  }

  /** Takes a subscription back. @throws RangeError as `subscribeTelemetry` */
  unsubscribeTelemetry(name: string): void {
    this.#telemetry().unsubscribe(name)
  }

  /** What clients have pushed, oldest first: the last 10,000 pushes, of 16 MiB in all. @throws RangeError as `subscribeTelemetry` */
  telemetry(): TelemetryPush[] {
    return [...this.#telemetry().pushes]
  }

  /** Forgets what clients have pushed. @throws RangeError as `subscribeTelemetry` */
  clearTelemetry(): void {
    this.#telemetry().forgetPushes()
  }

  /** Drops now what `retention.ms` and `retention.bytes` of the topics allow; otherwise it is looked at every five minutes. */
  applyRetention(): void {
    this.#cluster.upkeep.applyRetention()
  }

  /**
   * Compacts a topic, or all topics with `cleanup.policy=compact`: of every key the last record is kept, also of what was
   * written just now. Gives the size of what was looked at, before and after, in bytes.
   */
  compact(topic?: string): { readonly bytesBefore: number; readonly bytesAfter: number } {
    if (topic !== undefined && !this.#topic(topic).settings.compacted)
      throw new KafkaError('INVALID_CONFIG', `${topic} is not compacted: its cleanup.policy is delete`)
    const total = { bytesBefore: 0, bytesAfter: 0 }
    for (const one of topic === undefined ? this.#cluster.topics() : [this.#topic(topic)])
      for (const partition of one.settings.compacted ? one.partitions : []) {
        const { bytesBefore, bytesAfter } = this.#cluster.upkeep.compact(one, partition)
        total.bytesBefore += bytesBefore
        total.bytesAfter += bytesAfter
      }
    return total
  }

  /** Closes every port and connection. Records in memory are gone with it; those in a `dataDir` are all there at the next start. */
  async close(): Promise<void> {
    if (this.#closed) return this.#closed
    this.#closed = this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.faults.clear()
    this.#cluster.requests.close()
    this.#cluster.transactions.close()
    this.#cluster.closing()
    await Promise.all([this.#control?.stop(), ...this.#nodes.map(node => node.stop())])
    await this.#cluster.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #load(schedule: FaultSchedule): LoadedSchedule {
    checkSchedule(schedule)
    if (schedule.seed !== undefined) this.#chance = seededRandom(schedule.seed)
    return new RunningSchedule(schedule, this, this.#cluster)
  }

  #telemetry(): ClientTelemetry {
    const { telemetry } = this.#cluster
    if (!telemetry) throw new RangeError('clients push no metrics: the broker was started without the option telemetry')
    return telemetry
  }

  #topic(name: string): Topic {
    const topic = this.#cluster.topic(name)
    if (!topic) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`)
    return topic
  }

  #partition(topic: string, index: number): Partition {
    const partition = this.#topic(topic).partitions[index]
    if (!partition) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${topic}-${index}`)
    return partition
  }

  #replicated(name?: string, index?: number): Replicated {
    if (this.#nodes.length === 1) throw new RangeError('one broker has no replicas: start three with brokers: 3')
    if (name === undefined && index !== undefined) throw new RangeError(`of which topic is partition ${index} meant?`)
    if (name === undefined) return 'all'
    const topic = this.#topic(name)
    if (topic.isInternal) throw new RangeError(`${name} belongs to the coordinators, and is always replicated at once`)
    const partitions = index === undefined ? topic.partitions : [this.#partition(name, index)]
    if (partitions.every(({ replicas }) => replicas.length === 1))
      throw new RangeError(`${name} has one replica: nobody copies it`)
    return { topic, partitions }
  }

  #node(id: number): BrokerNode {
    const node = this.#nodes.find(candidate => candidate.id === id)
    if (!node)
      throw new RangeError(`there is no broker ${id}; brokers are ${this.#nodes.map(({ id }) => id).join(', ')}`)
    return node
  }
}

/** As Kafka without a plug-in that receives metrics. */
const noTelemetry = { GetTelemetrySubscriptions: null, PushTelemetry: null }

function saslSettings(options: SaslOptions | undefined): SaslSettings | null {
  if (!options) return null
  const { mechanisms = saslMechanisms, users, sessionLifetimeMs = 0 } = options
  return { mechanisms, credentials: new Credentials(users), sessionLifetimeMs }
}

/** Refusals of the cluster as errors that users know. */
function refusing<T>(change: () => T): T {
  try {
    return change()
  } catch (error) {
    if (error instanceof ClusterError) throw new KafkaError(error.code, error.message)
    throw error
  }
}

/** 22 characters, like Kafka's own. */
function newClusterId(random: () => number): string {
  return Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256))).toString('base64url')
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
