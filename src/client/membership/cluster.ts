import { BrokerError, ClosedError, KafkaError, MetadataTimeoutError, NetworkError } from '../../base/errors/index.ts'
import type { Random } from '../../base/random.ts'
import { Backoff } from '../../base/time/backoff.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import { type Api, apis, type Body, type Draft, type Message } from '../../wire/protocol/index.ts'
import { Connection } from '../../wire/sockets/index.ts'
import { BrokerLink, type OpenConnection } from './broker-link.ts'
import { ControlLink } from './control-link.ts'
import { type BrokerAddress, brokersOf, differs, isUsable, mergeTopic, type TopicMetadata } from './topic-metadata.ts'

export interface ClusterOptions {
  readonly bootstrapServers: readonly BrokerAddress[]
  readonly clientId: string
  readonly clock: Clock
  readonly random: Random
  readonly requestTimeoutMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  readonly reconnectBackoffMs: number
  readonly reconnectBackoffMaxMs: number
  readonly socketConnectionSetupTimeoutMs: number
  readonly socketConnectionSetupTimeoutMaxMs: number
  readonly connectionsMaxIdleMs: number
  readonly metadataMaxAgeMs: number
  readonly metadataMaxIdleMs: number
  readonly metadataRecoveryStrategy: 'rebootstrap' | 'none'
  readonly metadataRecoveryRebootstrapTriggerMs: number
  /** Something about a wanted topic was learnt: partitions, leaders, or an error. */
  onTopic(topic: TopicMetadata): void
  /** A broker can be sent to, or it is time to ask for its connection again. */
  onBrokerReady(brokerId: number): void
}

interface TopicWaiter {
  readonly topic: string
  resolve(topic: TopicMetadata): void
  reject(error: KafkaError): void
}

/** Kafka answers with this when a client should start from its bootstrap servers again (KIP-1102). */
const rebootstrapRequired = 'REBOOTSTRAP_REQUIRED'
/** How often idle connections are looked for. */
const idleCheckMs = 10_000
const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'

/**
 * The picture of the cluster and the ways into it. Metadata is asked for by one request at a time, whoever wants it, with one
 * shared back-off: failures and answers without news both make the pauses longer, news makes them short again (KIP-580).
 */
export class Cluster {
  readonly #options: ClusterOptions
  readonly #clock: Clock
  readonly #brokers = new Map<number, BrokerAddress>()
  readonly #links = new Map<number, BrokerLink>()
  readonly #control: ControlLink
  readonly #topics = new Map<string, TopicMetadata>()
  /** Wanted topics, with the time when they were last wanted. */
  readonly #wanted = new Map<string, number>()
  /** Wanted, but never asked for: these need not wait for a back-off. */
  readonly #unasked = new Set<string>()
  readonly #topicErrors = new Map<string, KafkaError>()
  readonly #backoff: Backoff
  readonly #reconnectBackoff: Backoff
  readonly #setupBackoff: Backoff
  #topicWaiters: TopicWaiter[] = []
  #isFetching = false
  /** Why everything should be asked for again; undefined: no need. */
  #refreshReason: string | undefined
  /** Refreshes in a row that failed or told nothing new. */
  #fruitless = 0
  #refreshedAt = Number.NEGATIVE_INFINITY
  /** When metadata was last obtained, for re-bootstrapping. */
  #obtainedAt: number
  #lastError: KafkaError | undefined
  #timer: Timer | undefined
  #timerAt = 0
  #idleTimer: Timer | undefined
  #askScheduled = false
  #isClosed = false

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#obtainedAt = options.clock.now()
    const { random } = options
    this.#backoff = new Backoff(options.retryBackoffMs, options.retryBackoffMaxMs, random)
    this.#reconnectBackoff = new Backoff(options.reconnectBackoffMs, options.reconnectBackoffMaxMs, random)
    this.#setupBackoff = new Backoff(
      options.socketConnectionSetupTimeoutMs,
      options.socketConnectionSetupTimeoutMaxMs,
      random,
    )
    this.#control = new ControlLink(
      () => this.#candidates(),
      this.#open,
      this.#clock,
      this.#reconnectBackoff,
      this.#setupBackoff,
    )
  }

  readonly #open: OpenConnection = (address, setupTimeoutMs, onClosed) => {
    const { clientId, clock, requestTimeoutMs } = this.#options
    this.#watchIdle()
    return Connection.open({ ...address, clientId, clock, requestTimeoutMs, setupTimeoutMs, onClosed })
  }

  /** Whom to ask: brokers we know, in random order, then the bootstrap servers. The latter first where nobody has helped for long. */
  #candidates(): BrokerAddress[] {
    const known = shuffled([...this.#brokers.values()], this.#options.random)
    const bootstrap = shuffled([...this.#options.bootstrapServers], this.#options.random)
    if (known.length === 0) return bootstrap
    if (this.#options.metadataRecoveryStrategy === 'none') return known
    const silentMs = this.#clock.now() - this.#obtainedAt
    return silentMs > this.#options.metadataRecoveryRebootstrapTriggerMs + this.#options.metadataMaxAgeMs
      ? [...bootstrap, ...known]
      : [...known, ...bootstrap]
  }

  // ---- what is known

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  /** The last error about a topic, or about asking at all: for messages. */
  lastErrorOf(topic: string): KafkaError | undefined {
    return this.#topicErrors.get(topic) ?? this.#lastError
  }

  /** Tracks a topic; one that was never asked for is asked for at the end of this turn. */
  want(topic: string): void {
    const isNew = !this.#wanted.has(topic)
    this.#wanted.set(topic, this.#clock.now())
    if (!isNew) return
    this.#unasked.add(topic)
    if (this.#askScheduled) return
    this.#askScheduled = true
    this.#clock.atEndOfTurn(() => {
      this.#askScheduled = false
      this.#fetch()
    })
  }

  /** The topic once it is known. Rejects with MetadataTimeoutError, or with what the cluster has against it. */
  waitForTopic(topic: string, timeoutMs: number): Promise<TopicMetadata> {
    const known = this.#topics.get(topic)
    this.want(topic)
    if (known !== undefined && known.partitions.length > 0 && known.error === undefined) return Promise.resolve(known)
    return new Promise((resolve, reject) => {
      const end = () => {
        timer.cancel()
        this.#topicWaiters = this.#topicWaiters.filter(other => other !== waiter)
      }
      const waiter: TopicWaiter = {
        topic,
        resolve: metadata => {
          end()
          resolve(metadata)
        },
        reject: error => {
          end()
          reject(error)
        },
      }
      const timer = this.#clock.schedule(() => {
        const cause = this.lastErrorOf(topic)
        const reason = cause === undefined ? '' : `; last: ${cause.message}`
        waiter.reject(
          new MetadataTimeoutError(`topic ${topic} did not become known within ${timeoutMs} ms${reason}`, cause),
        )
      }, timeoutMs)
      this.#topicWaiters.push(waiter)
      if (known !== undefined) this.refresh(`topic ${topic} is waited for`)
    })
  }

  // ---- metadata

  /** Asks for everything again, as soon as the back-off allows. */
  refresh(reason: string): void {
    if (this.#isClosed) return
    this.#refreshReason ??= reason
    if (!this.#isFetching) this.#scheduleRefresh()
  }

  #scheduleRefresh(): void {
    const pauseMs = Math.max(this.#backoff.delayMs(this.#fruitless), this.#fruitless === 0 ? 0 : 1)
    const at = Math.max(this.#clock.now(), this.#refreshedAt + pauseMs)
    this.#fetchAt(at, false)
  }

  #fetchAt(at: number, background: boolean): void {
    if (this.#isClosed || (this.#timer !== undefined && this.#timerAt <= at)) return
    this.#timer?.cancel()
    this.#timerAt = at
    const run = () => {
      this.#timer = undefined
      this.#refreshReason ??= 'metadataMaxAgeMs is over'
      this.#fetch()
    }
    this.#timer = this.#clock.schedule(run, at - this.#clock.now(), background)
  }

  #fetch(): void {
    if (this.#isFetching || this.#isClosed) return
    const isFull = this.#refreshReason !== undefined
    if (isFull) this.#dropIdleTopics()
    const names = isFull ? [...this.#wanted.keys()] : [...this.#unasked]
    if (!isFull && names.length === 0) return
    this.#refreshReason = undefined
    this.#unasked.clear()
    this.#isFetching = true
    if (isFull) this.#refreshedAt = this.#clock.now()
    this.#ask(names).then(
      answer => this.#fetched(answer, isFull),
      error => this.#notFetched(error, names),
    )
  }

  #dropIdleTopics(): void {
    const oldest = this.#clock.now() - this.#options.metadataMaxIdleMs
    for (const [topic, wantedAt] of this.#wanted)
      if (wantedAt < oldest && !this.#topicWaiters.some(waiter => waiter.topic === topic)) {
        this.#wanted.delete(topic)
        this.#topics.delete(topic)
        this.#topicErrors.delete(topic)
      }
  }

  async #ask(names: readonly string[]): Promise<MetadataAnswer> {
    const connection = await this.#control.acquire()
    const version = connection.versionOf(apis.metadata.request)
    // v0 has no way to ask for no topic: an empty list means all of them.
    const topics = names.map(name => ({ topicId: zeroId, name }))
    const answer = await connection.request(
      apis.metadata,
      {
        topics: topics.length === 0 && version === 0 ? null : topics,
        allowAutoTopicCreation: true,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      },
      { version },
    )
    if (answer.errorCode !== 0 || answer.brokers.length === 0) {
      this.#control.drop()
      if (answer.errorCode !== 0) this.#startOver()
      throw new NetworkError(
        answer.errorCode === 0 ? 'BAD_RESPONSE' : rebootstrapRequired,
        `${connection.remote} knows no brokers (error ${answer.errorCode})`,
      )
    }
    return answer
  }

  #fetched(answer: MetadataAnswer, wasFull: boolean): void {
    this.#isFetching = false
    if (this.#isClosed) return
    this.#obtainedAt = this.#clock.now()
    this.#lastError = undefined
    const hadNews = this.#takeBrokers(answer) || wasFull === false
    let topicsHadNews = false
    let isIncomplete = false
    for (const answered of answer.topics) {
      const known = this.#topics.get(answered.name ?? '')
      const topic = mergeTopic(answered, known)
      if (!this.#wanted.has(topic.name)) continue
      if (differs(known, topic)) topicsHadNews = true
      this.#topics.set(topic.name, topic)
      this.#noteError(topic)
      const hasLeaders = topic.partitions.length > 0 && topic.partitions.every(partition => partition.leader >= 0)
      if (topic.error?.retriable || (topic.error === undefined && !hasLeaders)) isIncomplete = true
      this.#options.onTopic(topic)
      this.#tellWaiters(topic)
    }
    this.#fruitless = hadNews || topicsHadNews ? (isIncomplete ? Math.max(1, this.#fruitless) : 0) : this.#fruitless + 1
    if (isIncomplete) this.#refreshReason ??= 'a topic has no leader yet'
    this.#next()
  }

  #next(): void {
    if (this.#unasked.size > 0) this.#fetch()
    else if (this.#refreshReason !== undefined) this.#scheduleRefresh()
    else if (this.#wanted.size > 0) this.#fetchAt(this.#clock.now() + this.#options.metadataMaxAgeMs, true)
  }

  #noteError(topic: TopicMetadata): void {
    const { name, error } = topic
    if (error === undefined) {
      this.#topicErrors.delete(name)
      return
    }
    const hint =
      error.name === 'UNKNOWN_TOPIC_OR_PARTITION' ? ' (it does not exist, or this client may not see it)' : ''
    const message = `the cluster answers ${error.name} for topic ${name}${hint}`
    this.#topicErrors.set(name, new BrokerError(error.name, error.code, message, { retriable: error.retriable }))
  }

  #tellWaiters(topic: TopicMetadata): void {
    for (const waiter of this.#topicWaiters) {
      if (waiter.topic !== topic.name) continue
      if (topic.error === undefined && topic.partitions.length > 0) waiter.resolve(topic)
      else if (topic.error !== undefined && !topic.error.retriable) waiter.reject(this.#topicErrors.get(topic.name)!)
    }
  }

  #notFetched(error: unknown, names: readonly string[]): void {
    this.#isFetching = false
    if (this.#isClosed) return
    this.#lastError = error instanceof KafkaError ? error : new KafkaError('METADATA_FAILED', String(error))
    this.#control.drop()
    for (const name of names) if (!this.#topics.has(name) && this.#wanted.has(name)) this.#unasked.delete(name)
    this.#fruitless++
    this.#refreshReason ??= `the last request failed: ${this.#lastError.code}`
    this.#refreshedAt = this.#clock.now()
    this.#scheduleRefresh()
  }

  /** Takes over the brokers of an answer; true where they differ from what was known. */
  #takeBrokers(answer: MetadataAnswer): boolean {
    const brokers = brokersOf(answer)
    let changed = brokers.size !== this.#brokers.size
    for (const [id, address] of brokers) {
      const known = this.#brokers.get(id)
      if (known?.host === address.host && known.port === address.port) continue
      changed = true
      this.#setBroker(id, address)
    }
    for (const id of [...this.#brokers.keys()]) if (!brokers.has(id)) this.#brokers.delete(id)
    return changed
  }

  /** A broker is its id; where its address changed, the way to the old one is given up. */
  #setBroker(id: number, address: BrokerAddress): void {
    this.#brokers.set(id, address)
    const link = this.#links.get(id)
    if (link === undefined || (link.address.host === address.host && link.address.port === address.port)) return
    this.#links.delete(id)
    link.close()
    this.#options.onBrokerReady(id)
  }

  #startOver(): void {
    if (this.#options.metadataRecoveryStrategy === 'none') return
    this.#brokers.clear()
  }

  /**
   * Who leads a partition now, as a Produce answer says (KIP-951). Taken where it is newer than what is known.
   * The full metadata is asked for all the same.
   */
  applyLeaderHint(
    topic: string,
    partition: number,
    leaderId: number,
    leaderEpoch: number,
    endpoints: readonly { nodeId: number; host: string; port: number }[],
  ): boolean {
    const known = this.#topics.get(topic)
    const own = known?.partitions[partition]
    if (known === undefined || own === undefined || leaderEpoch <= own.leaderEpoch) return false
    for (const { nodeId, host, port } of endpoints)
      if (nodeId === leaderId && isUsable(nodeId, host, port)) this.#setBroker(nodeId, { host, port })
    if (!this.#brokers.has(leaderId)) return false
    const partitions = known.partitions.map(other =>
      other.partition === partition ? { ...other, leader: leaderId, leaderEpoch } : other,
    )
    const updated = { ...known, partitions }
    this.#topics.set(topic, updated)
    this.#options.onTopic(updated)
    return true
  }

  // ---- connections

  /** The connection for records to a broker; undefined while it is being made (`onBrokerReady`), or the broker is unknown. */
  connectionTo(brokerId: number): Connection | undefined {
    if (this.#isClosed) return undefined
    let link = this.#links.get(brokerId)
    if (link === undefined) {
      const address = this.#brokers.get(brokerId)
      if (address === undefined) {
        this.refresh(`broker ${brokerId} is not known`)
        return undefined
      }
      link = new BrokerLink(
        address,
        this.#open,
        {
          onReady: () => this.#options.onBrokerReady(brokerId),
          onLost: error => this.refresh(`broker ${brokerId}: ${error.code}`),
        },
        this.#clock,
        this.#reconnectBackoff,
        this.#setupBackoff,
      )
      this.#links.set(brokerId, link)
    }
    return link.connection()
  }

  /** Why a broker cannot be reached, where it cannot. */
  availability(brokerId: number): { lastError: NetworkError | undefined } {
    return { lastError: this.#links.get(brokerId)?.lastError }
  }

  /** One question to any broker. */
  async request<Q extends Message, A extends Message>(
    api: Api<Q, A>,
    body: Draft<Q>,
    options: { timeoutMs?: number } = {},
  ): Promise<Body<A>> {
    const connection = await this.#control.acquire()
    return await connection.request(api, body, options)
  }

  /** Reaches any broker and learns the cluster. Rejects where every address failed once. */
  async connect(): Promise<void> {
    await this.#control.acquire()
    if (this.#brokers.size > 0) return
    const answer = await this.#ask([...this.#wanted.keys()])
    this.#takeBrokers(answer)
    this.#obtainedAt = this.#clock.now()
  }

  #watchIdle(): void {
    const { connectionsMaxIdleMs } = this.#options
    if (this.#idleTimer !== undefined || connectionsMaxIdleMs < 0) return
    const everyMs = Math.min(idleCheckMs, Math.max(100, connectionsMaxIdleMs / 2))
    const check = () => {
      this.#control.closeIfIdle(connectionsMaxIdleMs)
      for (const link of this.#links.values()) link.closeIfIdle(connectionsMaxIdleMs)
      this.#idleTimer = this.#clock.schedule(check, everyMs, true)
    }
    this.#idleTimer = this.#clock.schedule(check, everyMs, true)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#idleTimer?.cancel()
    this.#control.close()
    for (const link of this.#links.values()) link.close()
    for (const waiter of [...this.#topicWaiters]) waiter.reject(new ClosedError('the producer was closed'))
  }
}

type MetadataAnswer = Body<(typeof apis.metadata)['response']>

function shuffled<T>(list: T[], random: Random): T[] {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const item = list[last]!
    list[last] = list[other]!
    list[other] = item
  }
  return list
}
