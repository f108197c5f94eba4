import { KafkaError } from '../base/errors/index.ts'
import { seededRandom } from '../base/random.ts'
import { systemClock } from '../base/time/clock.ts'
import type { KafkaApiName } from './api-names.ts'
import { Cluster, ClusterError } from './cluster.ts'
import type { Faults } from './faults.ts'
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
import type { BrokerRequest, RequestMatch } from './request-log.ts'
import type { Partition, Topic } from './topic.ts'
import { topicConfigMap } from './topic-config.ts'
import { versionRanges } from './versions.ts'

const defaultMaxRequestBytes = 100 * 1024 * 1024

/** Offsets and leadership of one partition. */
export interface PartitionState {
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly startOffset: bigint
  readonly endOffset: bigint
  readonly highWatermark: bigint
  readonly producers: readonly ProducerSnapshot[]
}

/**
 * Starts an embedded Kafka broker, or a cluster of three, in this process. It keeps its records in memory and replicates
 * nothing: for tests and for trying things out. Resolves when it takes connections.
 *
 * @throws ConfigError for wrong options, all of them at once; KafkaError `LISTEN_FAILED` where the port is in use.
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

  /** @internal */
  constructor(options: BrokerOptions) {
    this.#options = options
    const repeatable = options.seed !== undefined || options.random !== undefined
    const random = options.random ?? (options.seed === undefined ? Math.random : seededRandom(options.seed))
    const { asVersion, maxMessageBytes } = options
    this.#cluster = new Cluster({
      clusterId: newClusterId(random),
      clock: options.clock ?? systemClock,
      random,
      repeatable,
      autoCreateTopics: options.autoCreateTopics ?? true,
      numPartitions: options.numPartitions ?? 3,
      brokerConfig: topicConfigMap({
        ...(maxMessageBytes !== undefined && { 'max.message.bytes': maxMessageBytes }),
        ...options.config,
      }),
      versions: versionRanges(handledApis, asVersion, options.maxVersions),
      unknownProducersMayBeginAnywhere: asVersion !== '2.1',
      requestLogSize: options.requestLogSize ?? 10_000,
      maxRequestBytes: options.maxRequestBytes ?? defaultMaxRequestBytes,
      logDir: 'memory',
    })
    this.faults = this.#cluster.faults
    const host = options.host ?? '127.0.0.1'
    this.#nodes = Array.from({ length: options.brokers ?? 1 }, (_, index) => {
      const node = new BrokerNode(this.#cluster, {
        id: index + 1,
        host,
        advertisedHost: options.advertisedHost ?? host,
        port: options.port ? options.port + index : 0,
        maxRequestBytes: options.maxRequestBytes ?? defaultMaxRequestBytes,
        report: error => process.emitWarning(asError(error)),
      })
      this.#cluster.addNode(node)
      return node
    })
  }

  /** @internal */
  async open(): Promise<void> {
    await Promise.all(this.#nodes.map(node => node.start()))
    for (const [name, topic] of topicEntries(this.#options.topics)) this.createTopic(name, topic)
  }

  /** `host:port` of every broker, as clients take it. */
  get bootstrapServers(): string {
    return this.#nodes.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)).join(',')
  }

  get clusterId(): string {
    return this.#cluster.settings.clusterId
  }

  /** The ports of the brokers, by broker id. */
  get ports(): ReadonlyMap<number, number> {
    return new Map(this.#nodes.map(({ id, port }) => [id, port]))
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

  /** @throws ConfigError for wrong options, KafkaError `TOPIC_ALREADY_EXISTS` or `INVALID_TOPIC_EXCEPTION`. */
  createTopic(name: string, options: TopicOptions = {}): void {
    checkNewTopicOptions(name, options, this.#nodes.length)
    const { config, ...rest } = options
    try {
      this.#cluster.createTopic(name, { ...rest, ...(config && { config: topicConfigMap(config) }) })
    } catch (error) {
      if (error instanceof ClusterError) throw new KafkaError(error.code, error.message)
      throw error
    }
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
    if (!(Number.isInteger(count) && count > topic.partitions.length && count <= 10_000))
      throw new RangeError(`${name} has ${topic.partitions.length} partitions; ${count} would not be more, or too many`)
    this.#cluster.addPartitions(topic, count)
  }

  topicId(name: string): string {
    return this.#topic(name).id
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
    const { leader, leaderEpoch, replicas, isr, log, producers } = this.#partition(topic, partition)
    const { startOffset, endOffset, highWatermark } = log
    return {
      leader,
      leaderEpoch,
      replicas,
      isr,
      startOffset,
      endOffset,
      highWatermark,
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

  /** Makes another broker the leader, in a new epoch. The old one answers NOT_LEADER_OR_FOLLOWER from now on. −1: nobody leads. */
  moveLeader(topic: string, partition: number, brokerId: number): void {
    const moved = this.#partition(topic, partition)
    if (brokerId !== -1) {
      this.#node(brokerId)
      if (!moved.replicas.includes(brokerId)) moved.replicas = [...moved.replicas, brokerId]
      if (!moved.isr.includes(brokerId)) moved.isr = [...moved.isr, brokerId]
    }
    moved.lead(brokerId)
  }

  /** Sets the in-sync replicas; with fewer than `min.insync.replicas`, acks=all is answered NOT_ENOUGH_REPLICAS. */
  setIsr(topic: string, partition: number, brokerIds: readonly number[]): void {
    for (const id of brokerIds) this.#node(id)
    this.#partition(topic, partition).isr = [...brokerIds]
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

  /** Closes every port and connection. Records are gone with it. */
  async close(): Promise<void> {
    this.faults.clear()
    this.#cluster.requests.close()
    await Promise.all(this.#nodes.map(node => node.stop()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
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

  #node(id: number): BrokerNode {
    const node = this.#nodes.find(candidate => candidate.id === id)
    if (!node)
      throw new RangeError(`there is no broker ${id}; brokers are ${this.#nodes.map(({ id }) => id).join(', ')}`)
    return node
  }
}

/** 22 characters, like Kafka's own. */
function newClusterId(random: () => number): string {
  return Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256))).toString('base64url')
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
