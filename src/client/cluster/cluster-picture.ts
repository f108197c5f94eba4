import { type BrokerAddress, isSameAddress, isUsable, type LeaderEndpoint, usableBrokers } from './broker-address.ts'
import {
  isNews,
  type MetadataAnswer,
  mergeTopic,
  newerOf,
  type TopicMetadata,
  whatIsMissing,
  zeroTopicId,
} from './topic-metadata.ts'

/** What an answer brought. */
export interface Learnt {
  /** Topics that changed, or have an error; each is to be told. */
  readonly topics: readonly TopicMetadata[]
  readonly isNews: boolean
  /** Why to ask again; undefined: everything that was wanted is there. */
  readonly missing: string | undefined
}

/** Brokers and wanted topics, as the cluster last described them. Knows no time and no network. */
export class ClusterPicture {
  #brokers = new Map<number, BrokerAddress>()
  readonly #topics = new Map<string, TopicMetadata>()

  get brokers(): ReadonlyMap<number, BrokerAddress> {
    return this.#brokers
  }

  introduce(brokerId: number, address: BrokerAddress): void {
    this.#brokers.set(brokerId, address)
  }

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  forget(topic: string): void {
    this.#topics.delete(topic)
  }

  /** Takes an answer in. undefined: it names no broker that one could connect to, and counts as a failure. */
  apply(answer: MetadataAnswer, version: number, isWanted: (topic: string) => boolean): Learnt | undefined {
    const brokers = usableBrokers(answer.brokers)
    if (brokers.size === 0) return undefined
    let news = brokers.size !== this.#brokers.size
    for (const [id, address] of brokers) {
      const before = this.#brokers.get(id)
      if (before === undefined || !isSameAddress(before, address)) news = true
    }
    this.#brokers = brokers
    const topics: TopicMetadata[] = []
    let missing: string | undefined
    for (const row of answer.topics) {
      if (row.name === null || !isWanted(row.name)) continue
      const known = this.#topics.get(row.name)
      const topic = mergeTopic(row, known, version, id => brokers.has(id))
      this.#topics.set(topic.name, topic)
      missing ??= whatIsMissing(topic)
      const changed = isNews(topic, known)
      if (changed) news = true
      if (changed || topic.error !== undefined) topics.push(topic)
    }
    return { topics, isNews: news, missing }
  }

  /** Takes over what another picture of this cluster knows, where it is newer; returns the topics that it tells something about. */
  adopt(
    brokers: ReadonlyMap<number, BrokerAddress>,
    topics: readonly TopicMetadata[],
    isWanted: (topic: string) => boolean,
  ): TopicMetadata[] {
    if (brokers.size > 0) this.#brokers = new Map(brokers)
    const learnt: TopicMetadata[] = []
    for (const told of topics) {
      if (!isWanted(told.name)) continue
      const topic = newerOf(told, this.#topics.get(told.name))
      this.#topics.set(topic.name, topic)
      learnt.push(topic)
    }
    return learnt
  }

  /** KIP-951: who leads now, as an answer to Produce says. Only what is newer is taken; undefined: nothing was. */
  applyLeaderHint(
    name: string,
    partition: number,
    leader: number,
    leaderEpoch: number,
    endpoints: readonly LeaderEndpoint[],
  ): TopicMetadata | undefined {
    const known = this.#topics.get(name)
    const row = known?.partitions[partition]
    if (known === undefined || row === undefined || leader < 0 || leaderEpoch <= row.leaderEpoch) return undefined
    const endpoint = endpoints.find(({ nodeId }) => nodeId === leader)
    if (endpoint !== undefined && isUsable(endpoint))
      this.#brokers.set(leader, { host: endpoint.host, port: endpoint.port })
    if (!this.#brokers.has(leader)) return undefined
    const partitions = known.partitions.with(partition, { ...row, leader, leaderEpoch, error: undefined })
    const topic = { ...known, partitions }
    this.#topics.set(name, topic)
    return topic
  }

  /**
   * Before starting again from the bootstrap servers: the brokers are forgotten, and so are the leader epochs, since the names
   * may lead to another cluster by now. Partitions and ids stay, so that nothing queued loses its place.
   */
  startOver(): void {
    this.#brokers.clear()
    for (const [name, topic] of this.#topics) {
      const partitions = topic.partitions.map(row => ({ ...row, leaderEpoch: -1 }))
      this.#topics.set(name, { ...topic, partitions })
    }
  }

  topicIdOf(name: string): string {
    return this.#topics.get(name)?.id ?? zeroTopicId
  }
}
