import {
  AbortedError,
  BrokerError,
  brokerErrorCode,
  ClosedError,
  KafkaError,
  NetworkError,
} from '../../base/errors/index.ts'
import { backgroundClock } from '../../base/time/background-clock.ts'
import { Backoff } from '../../base/time/backoff.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import { Connection, type ConnectionMeter } from '../../wire/network/index.ts'
import { type Api, apis, type Body, type Draft, type Message } from '../../wire/protocol/index.ts'
import { type BrokerAddress, isSameAddress, type LeaderEndpoint } from './broker-address.ts'
import { BrokerLink } from './broker-link.ts'
import type { Availability, ClusterOptions } from './cluster-options.ts'
import { ClusterPicture } from './cluster-picture.ts'
import { type Candidates, ControlLink } from './control-link.ts'
import type { LinkSettings, OpenConnection } from './link-settings.ts'
import { MetadataRefresh, type Refreshed, type Scope } from './metadata-refresh.ts'
import { shuffled } from './shuffled.ts'
import { type MetadataAnswer, type TopicMetadata, zeroTopicId } from './topic-metadata.ts'
import { type TopicWaiter, TopicWaiters } from './topic-waiters.ts'

interface WantedTopic {
  wantedAt: number
  wasAskedFor: boolean
}

/** Idle connections are looked for this often, or four times in `connectionsMaxIdleMs`. */
const idleCheckMs = 10_000

/** The picture of the cluster, kept fresh; a control connection for questions; and a connection to each broker that leads. */
export class Cluster {
  readonly #options: ClusterOptions
  readonly #clock: Clock
  readonly #picture = new ClusterPicture()
  readonly #wanted = new Map<string, WantedTopic>()
  readonly #topicErrors = new Map<string, KafkaError>()
  readonly #waiters: TopicWaiters
  readonly #links = new Map<number, BrokerLink>()
  /** Brokers somebody has something for, without a link: whoever asked is told once it is known where they are. */
  readonly #awaited = new Set<number>()
  readonly #settings: LinkSettings
  readonly #control: ControlLink
  /** For what nobody waits for: made when it is first wanted. */
  #apart: ControlLink | undefined
  readonly #refresh: MetadataRefresh
  /** What `close` waits for: sockets that are not gone yet, and attempts that are not over. */
  readonly #sockets = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  /** Since when metadata cannot be obtained; undefined: the last attempt succeeded. */
  #failingSince: number | undefined
  #lastError: KafkaError | undefined
  #learntAt: number | undefined
  #idleTimer: Timer | undefined

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#waiters = new TopicWaiters(options.waitersClock ?? options.clock)
    const { clock, random, retryBackoffMs, retryBackoffMaxMs, metadataMaxAgeMs } = options
    const { socketConnectionSetupTimeoutMs: setupMs, socketConnectionSetupTimeoutMaxMs: setupMaxMs } = options
    const setupBackoff = new Backoff(setupMs, setupMaxMs, random)
    this.#settings = {
      clock,
      open: (...attempt) => this.#openConnection({ meter: options.meters?.traffic }, ...attempt),
      reconnectBackoff: new Backoff(options.reconnectBackoffMs, options.reconnectBackoffMaxMs, random),
      // The first attempt takes what the option says; jitter is for those who fail together.
      setupTimeoutMs: failures => (failures === 0 ? setupMs : Math.max(setupMs, setupBackoff.delayMs(failures + 1))),
    }
    this.#control = new ControlLink(this.#settings, {
      candidates: () => this.#candidates(),
      onRebootstrap: () => this.#startOver(false),
    })
    const backoff = new Backoff(retryBackoffMs, retryBackoffMaxMs, random)
    this.#refresh = new MetadataRefresh(
      { ask: scope => this.#ask(scope), hasNew: () => this.#hasNew(), onFailure: error => this.#metadataFailed(error) },
      { clock, backoff, retryBackoffMaxMs, metadataMaxAgeMs },
    )
  }

  /** Reaches a broker and learns the cluster. Rejects when every address has failed once, or the answer is unusable. */
  async connect(signal?: AbortSignal): Promise<void> {
    await this.#unlessAborted(this.#connectOnce(), signal)
  }

  async #connectOnce(): Promise<void> {
    const connection = await this.#control.acquire()
    if (this.#picture.brokers.size > 0) return
    await this.#askOn(connection, [])
  }

  // ---- topics

  /** What is known of a topic. A look-up in a map. */
  topic(name: string): TopicMetadata | undefined {
    return this.#picture.topic(name)
  }

  /** The zero id where the cluster has none, or it is not known. */
  topicIdOf(name: string): string {
    return this.#picture.topicIdOf(name)
  }

  /**
   * Tracks a topic until it has not been wanted for `metadataMaxIdleMs`: call it with each send. A topic that was never asked
   * for is asked for at the end of this turn, whatever back-off there is; one that the cluster refused, after the back-off.
   */
  want(name: string): void {
    const wanted = this.#wanted.get(name)
    if (wanted === undefined) {
      this.#wanted.set(name, { wantedAt: this.#clock.now(), wasAskedFor: false })
      this.#refresh.askForNew()
      return
    }
    wanted.wantedAt = this.#clock.now()
    const known = this.#picture.topic(name)
    if (known?.error !== undefined && !known.error.retriable) this.refresh(`topic ${name}: ${known.error.name}`)
  }

  unwant(name: string): void {
    this.#wanted.delete(name)
    this.#topicErrors.delete(name)
    this.#picture.forget(name)
  }

  /** The topic once it is known. Rejects with what the cluster has against it, or with MetadataTimeoutError. */
  waitForTopic(name: string, timeoutMs: number): Promise<TopicMetadata> {
    return new Promise((resolve, reject) => this.whenTopicKnown(name, timeoutMs, { resolve, reject }))
  }

  /** The same with callbacks, which may be called at once. */
  whenTopicKnown(name: string, timeoutMs: number, told: TopicWaiter): void {
    if (this.#closing.signal.aborted) {
      told.reject(closed())
      return
    }
    this.want(name)
    const known = this.#picture.topic(name)
    if (known !== undefined && known.error === undefined && known.partitions.length > 0) told.resolve(known)
    else this.#waiters.wait(name, timeoutMs, () => this.lastErrorOf(name), told)
  }

  /** The last error about a topic, or about asking at all; for messages. */
  lastErrorOf(topic: string): KafkaError | undefined {
    return this.#topicErrors.get(topic) ?? this.#lastError
  }

  /** Asks for all wanted topics again, as soon as the back-off allows. */
  refresh(reason: string): void {
    this.#refresh.refresh(reason)
  }

  /** KIP-951: who leads a partition, as a Produce answer says; taken only where its epoch is newer than what is known. */
  applyLeaderHint(
    topic: string,
    partition: number,
    leaderId: number,
    leaderEpoch: number,
    endpoints: readonly LeaderEndpoint[],
  ): boolean {
    const changed = this.#picture.applyLeaderHint(topic, partition, leaderId, leaderEpoch, endpoints)
    if (changed === undefined) return false
    this.#brokersLearnt()
    this.#options.onTopic(changed)
    return true
  }

  /** What another picture of the same cluster has learnt: the courier's, while this thread was blocked. */
  adopt(brokers: ReadonlyMap<number, BrokerAddress>, topics: readonly TopicMetadata[]): void {
    if (this.#closing.signal.aborted) return
    const learnt = this.#picture.adopt(brokers, topics, name => this.#wanted.has(name))
    this.#brokersLearnt()
    for (const topic of learnt) {
      this.#noteTopicError(topic.name)
      this.#options.onTopic(topic)
      this.#waiters.learn(topic, this.#topicErrors.get(topic.name))
    }
  }

  get brokers(): ReadonlyMap<number, BrokerAddress> {
    return this.#picture.brokers
  }

  /** Somebody else knows where this broker is: it need not be asked for. What is known here stays. */
  introduce(brokerId: number, address: BrokerAddress): void {
    if (this.#picture.brokers.has(brokerId)) return
    this.#picture.introduce(brokerId, address)
    this.#tellAwaiting()
  }

  /** Milliseconds since the cluster last answered; undefined: never. */
  get metadataAgeMs(): number | undefined {
    return this.#learntAt === undefined ? undefined : this.#clock.now() - this.#learntAt
  }

  // ---- connections

  /** The connection for records, if it stands; else it is made, and `onBrokerReady` tells when to ask again. */
  connectionTo(brokerId: number): Connection | undefined {
    if (this.#closing.signal.aborted) return undefined
    let link = this.#links.get(brokerId)
    if (link === undefined) {
      const address = this.#picture.brokers.get(brokerId)
      if (address === undefined) {
        this.#awaited.add(brokerId)
        this.refresh(`broker ${brokerId} is not known`)
        return undefined
      }
      const meter = this.#options.meters?.broker(brokerId).traffic
      const open: OpenConnection = async (...attempt) => {
        const connection = await this.#openConnection({ meter }, ...attempt)
        this.#options.onConnected?.(brokerId, connection.remote)
        return connection
      }
      link = new BrokerLink(
        address,
        { ...this.#settings, open },
        {
          onReady: () => this.#options.onBrokerReady(brokerId),
          onLost: error => this.#brokerLost(brokerId, error),
        },
      )
      this.#links.set(brokerId, link)
    }
    return link.connection()
  }

  /** The connection for records, where it stands; nothing is begun. */
  openConnectionTo(brokerId: number): Connection | undefined {
    const link = this.#links.get(brokerId)
    return link?.isOpen ? link.connection() : undefined
  }

  availability(brokerId: number): Availability {
    const link = this.#links.get(brokerId)
    return { lastError: link?.lastError, nextAttemptAt: link?.nextAttemptAt ?? 0 }
  }

  /** One question to any live broker. Rejects with NetworkError, UnsupportedVersionError, AbortedError or ClosedError. */
  async request<Q extends Message, A extends Message>(
    api: Api<Q, A>,
    body: Draft<Q>,
    options: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<Body<A>> {
    const asked = this.#control.acquire().then(connection => connection.request(api, body, options))
    return await this.#unlessAborted(asked, options.signal)
  }

  /** Whether the broker that questions go to takes this one, as far as is known; nothing is asked. */
  speaks(question: Message): boolean {
    return this.#control.speaks(question)
  }

  /**
   * One question by a connection of its own, which keeps no process alive: what stands behind it, or what it does to a connection that
   * it is lost with, matters to nobody else. It stays with one broker as long as that can be reached.
   */
  async requestApart<Q extends Message, A extends Message>(api: Api<Q, A>, body: Draft<Q>): Promise<Body<A>> {
    this.#apart ??= this.#newApart()
    const asked = this.#apart.acquire().then(connection => connection.request(api, body))
    return await this.#unlessAborted(asked, undefined)
  }

  #newApart(): ControlLink {
    const clock = backgroundClock(this.#clock)
    const origin = { meter: this.#options.meters?.traffic, clock, isBackground: true }
    const open: OpenConnection = (...attempt) => this.#openConnection(origin, ...attempt)
    return new ControlLink(
      { ...this.#settings, clock, open },
      {
        candidates: () => {
          // The broker that has been asked before knows us.
          const { known, bootstrap } = this.#candidates()
          const control = this.#control.address
          const isControl = (address: BrokerAddress) => control !== undefined && isSameAddress(address, control)
          return { known: [...known.filter(isControl), ...known.filter(address => !isControl(address))], bootstrap }
        },
        onRebootstrap: () => {},
      },
    )
  }

  /** Ends everything; whoever waits is told. Resolves when no socket is left. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#refresh.close()
    this.#idleTimer?.cancel()
    this.#waiters.rejectAll(closed())
    this.#control.close()
    this.#apart?.close()
    for (const link of this.#links.values()) link.close(new NetworkError('CONNECTION_CLOSED', closedText))
    while (this.#sockets.size > 0) await Promise.allSettled([...this.#sockets])
  }

  async #openConnection(
    kind: { readonly meter: ConnectionMeter | undefined; readonly clock?: Clock; readonly isBackground?: boolean },
    ...[address, setupTimeoutMs, signal, onClosed]: Parameters<OpenConnection>
  ): Promise<Connection> {
    const { clientId, clock, requestTimeoutMs, lookup } = this.#options
    const options = { ...address, clientId, clock, requestTimeoutMs, setupTimeoutMs, signal, onClosed, ...kind }
    const connection = await this.#untilGone(Connection.open({ ...options, ...(lookup && { lookup }) }))
    void this.#untilGone(connection.gone)
    this.#watchIdle()
    return connection
  }

  #untilGone<T>(socket: Promise<T>): Promise<T> {
    const tracked = socket.finally(() => this.#sockets.delete(tracked))
    this.#sockets.add(tracked)
    return tracked
  }

  #candidates(): Candidates {
    const { bootstrapServers, random, metadataRecoveryStrategy } = this.#options
    const known = shuffled(this.#picture.brokers.values(), random)
    const mayRebootstrap = known.length === 0 || metadataRecoveryStrategy === 'rebootstrap'
    return { known, bootstrap: mayRebootstrap ? shuffled(bootstrapServers, random) : [] }
  }

  #brokerLost(brokerId: number, error: NetworkError): void {
    // A broker that no longer answers would not answer questions either: they need not wait for their own time-out.
    const address = this.#picture.brokers.get(brokerId)
    const control = this.#control.address
    if (error.code === 'REQUEST_TIMEOUT' && address && control && isSameAddress(address, control))
      this.#control.drop(error)
    this.#options.onError?.(error, brokerId)
    this.refresh(`broker ${brokerId}: ${error.code}`)
  }

  /** Links follow their brokers to new addresses; those of brokers that are gone end when nothing is in flight. */
  #brokersLearnt(): void {
    for (const [id, link] of this.#links) {
      const address = this.#picture.brokers.get(id)
      if (address !== undefined) link.moveTo(address)
      else link.closeIfIdle(0)
    }
    this.#tellAwaiting()
  }

  #tellAwaiting(): void {
    for (const id of this.#awaited)
      if (this.#picture.brokers.has(id)) {
        this.#awaited.delete(id)
        this.#options.onBrokerReady(id)
      }
  }

  #watchIdle(): void {
    const { connectionsMaxIdleMs } = this.#options
    if (this.#idleTimer !== undefined || connectionsMaxIdleMs < 0 || this.#closing.signal.aborted) return
    const check = () => {
      this.#control.closeIfIdle(connectionsMaxIdleMs)
      this.#apart?.closeIfIdle(connectionsMaxIdleMs)
      for (const link of this.#links.values()) link.closeIfIdle(connectionsMaxIdleMs)
      this.#idleTimer = undefined
      if (this.#sockets.size > 0) this.#watchIdle()
    }
    const everyMs = Math.min(idleCheckMs, Math.max(10, connectionsMaxIdleMs / 4))
    this.#idleTimer = this.#clock.schedule(check, everyMs, true)
  }

  // ---- metadata

  #hasNew(): boolean {
    for (const wanted of this.#wanted.values()) if (!wanted.wasAskedFor) return true
    return false
  }

  async #ask(scope: Scope): Promise<Refreshed> {
    if (scope === 'all') this.#dropUnwanted()
    const names = [...this.#wanted].filter(([, wanted]) => scope === 'all' || !wanted.wasAskedFor).map(([name]) => name)
    for (const name of names) this.#wanted.get(name)!.wasAskedFor = true
    return await this.#askOn(await this.#control.acquire(), names)
  }

  #dropUnwanted(): void {
    const oldest = this.#clock.now() - this.#options.metadataMaxIdleMs
    for (const [name, { wantedAt }] of this.#wanted)
      if (wantedAt < oldest && !this.#waiters.has(name)) this.unwant(name)
  }

  async #askOn(connection: Connection, names: readonly string[]): Promise<Refreshed> {
    const version = connection.versionOf(apis.metadata.request)
    const draft = {
      topics: names.map(name => ({ topicId: zeroTopicId, name })),
      allowAutoTopicCreation: this.#options.allowAutoTopicCreation ?? true,
    }
    const answer = await connection.request(apis.metadata, draft, { version })
    if (this.#closing.signal.aborted) throw closed()
    this.#checkTopLevel(answer, connection)
    const learnt = this.#picture.apply(answer, version, name => this.#wanted.has(name))
    if (learnt === undefined) {
      const error = new NetworkError('BAD_RESPONSE', `${connection.remote} names no broker that one could connect to`)
      this.#control.drop(error)
      throw error
    }
    this.#failingSince = undefined
    this.#learntAt = this.#clock.now()
    this.#lastError = undefined
    for (const { name } of answer.topics) if (name !== null) this.#noteTopicError(name)
    this.#brokersLearnt()
    for (const topic of learnt.topics) {
      this.#options.onTopic(topic)
      this.#waiters.learn(topic, this.#topicErrors.get(topic.name))
    }
    this.#options.onAnswered?.()
    return learnt
  }

  /** v13 and later (KIP-1102). */
  #checkTopLevel(answer: MetadataAnswer, connection: Connection): void {
    if (answer.errorCode === 0) return
    const { name, code } = brokerErrorCode(answer.errorCode)
    if (name === 'REBOOTSTRAP_REQUIRED' && this.#options.metadataRecoveryStrategy === 'rebootstrap')
      this.#startOver(true)
    throw new BrokerError(name, code, `${connection.remote} answered ${name} to Metadata`, { retriable: true })
  }

  #noteTopicError(name: string): void {
    const error = this.#picture.topic(name)?.error
    if (error === undefined) {
      this.#topicErrors.delete(name)
      return
    }
    const hint =
      error.name === 'UNKNOWN_TOPIC_OR_PARTITION' ? ' (it does not exist, or this client may not see it)' : ''
    const message = `the cluster answers ${error.name} for topic ${name}${hint}`
    this.#topicErrors.set(name, new BrokerError(error.name, error.code, message, { retriable: error.retriable }))
  }

  #metadataFailed(error: unknown): void {
    const known =
      error instanceof KafkaError ? error : new KafkaError('METADATA_FAILED', String(error), { cause: error })
    this.#lastError = known
    this.#options.onError?.(known)
    const now = this.#clock.now()
    this.#failingSince ??= now
    const { metadataRecoveryStrategy, metadataRecoveryRebootstrapTriggerMs } = this.#options
    if (metadataRecoveryStrategy === 'none' || this.#picture.brokers.size === 0) return
    if (now - this.#failingSince < metadataRecoveryRebootstrapTriggerMs) return
    this.#failingSince = undefined
    this.#startOver(true)
  }

  /** KIP-899, KIP-1102: begins again from the bootstrap servers, whose names are looked up anew. */
  #startOver(withConnections: boolean): void {
    this.#picture.startOver()
    const error = new NetworkError('CONNECTION_CLOSED', 'the client starts again from its bootstrap servers')
    if (withConnections) this.#control.drop(error)
    for (const [id, link] of this.#links) {
      if (!withConnections && link.isOpen) continue
      this.#links.delete(id)
      // Who waits for an attempt of this link would never hear of it: the broker is to be found anew.
      this.#awaited.add(id)
      link.close(error)
    }
  }

  #unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const closing = this.#closing.signal
    return new Promise<T>((resolve, reject) => {
      const end = () => reject(closing.aborted ? closed() : new AbortedError('an AbortSignal ended the wait'))
      const leave = () => {
        signal?.removeEventListener('abort', end)
        closing.removeEventListener('abort', end)
      }
      work.finally(leave).then(resolve, reject)
      if (signal?.aborted || closing.aborted) return end()
      signal?.addEventListener('abort', end)
      closing.addEventListener('abort', end)
    })
  }
}

const closedText = 'the producer was closed'
const closed = () => new ClosedError(closedText)
