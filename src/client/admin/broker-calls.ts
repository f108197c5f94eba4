import { ClosedError, KafkaError, NetworkError } from '../../base/errors/index.ts'
import { Backoff } from '../../base/time/backoff.ts'
import type { Connection } from '../../wire/network/index.ts'
import { apis, type Body } from '../../wire/protocol/index.ts'
import { Cluster, type ClusterOptions, type TopicMetadata } from '../cluster/index.ts'
import { Attempts } from './attempts.ts'

export type MetadataAnswer = Body<typeof apis.metadata.response>

export interface BrokerCallsOptions
  extends Omit<ClusterOptions, 'onTopic' | 'onBrokerReady' | 'allowAutoTopicCreation'> {
  /** How long a piece of work is tried, with all its attempts. Kafka: `default.api.timeout.ms`. */
  readonly apiTimeoutMs: number
  onTopic?(topic: TopicMetadata): void
  onBrokerReady?(brokerId: number): void
}

/** No topic: the question is about the brokers alone. */
const noTopics = { topics: [], allowAutoTopicCreation: false }

/** A cluster to put questions to: to any broker, to a certain one, to the controller. Asking never creates a topic. */
export class BrokerCalls {
  readonly cluster: Cluster
  readonly #options: BrokerCallsOptions
  readonly #backoff: Backoff
  readonly #closing = new AbortController()
  /** Who waits for a connection, or for the next attempt to make one. */
  readonly #waiting = new Map<number, Set<() => void>>()

  constructor(options: BrokerCallsOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.retryBackoffMs, options.retryBackoffMaxMs, options.random)
    this.cluster = new Cluster({
      ...options,
      allowAutoTopicCreation: false,
      onTopic: topic => options.onTopic?.(topic),
      onBrokerReady: brokerId => {
        for (const wake of [...(this.#waiting.get(brokerId) ?? [])]) wake()
        options.onBrokerReady?.(brokerId)
      },
    })
  }

  get backoff(): Backoff {
    return this.#backoff
  }

  /** Reaches a broker and learns the others. Rejects when every address has failed once. */
  connect(): Promise<void> {
    return this.cluster.connect()
  }

  /** `timeoutMs`: default `apiTimeoutMs`. They end when this is closed. */
  attempts(timeoutMs: number = this.#options.apiTimeoutMs): Attempts {
    const { clock } = this.#options
    return new Attempts({ clock, backoff: this.#backoff, timeoutMs, signal: this.#closing.signal })
  }

  /** What any broker knows of these topics; null: of all. Tried again while the network fails. */
  async metadata(topics: readonly string[] | null, attempts: Attempts): Promise<MetadataAnswer> {
    const asked = topics === null ? null : topics.map(name => ({ name }))
    for (;;) {
      try {
        return await this.cluster.request(
          apis.metadata,
          { topics: asked, allowAutoTopicCreation: false },
          { timeoutMs: this.timeoutOf(attempts) },
        )
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error
        await attempts.again(error)
      }
    }
  }

  /** A connection to the controller, or with KRaft to a broker that passes on what is meant for it (KIP-590). One attempt. */
  async toController(attempts: Attempts): Promise<Connection> {
    const timeoutMs = this.timeoutOf(attempts)
    const { controllerId, brokers } = await this.cluster.request(apis.metadata, noTopics, { timeoutMs })
    const controller = brokers.find(({ nodeId }) => nodeId === controllerId)
    if (controller === undefined)
      throw new KafkaError('CONTROLLER_NOT_AVAILABLE', 'the cluster has no controller at the moment', {
        retriable: true,
      })
    this.cluster.introduce(controllerId, { host: controller.host, port: controller.port })
    return await this.connectionTo(controllerId, timeoutMs)
  }

  /** The connection to a broker, made if need be. Rejects when an attempt has failed: whoever goes on may know of another broker. */
  async connectionTo(brokerId: number, timeoutMs: number): Promise<Connection> {
    const open = this.cluster.connectionTo(brokerId)
    if (open !== undefined) return open
    if (!this.cluster.brokers.has(brokerId))
      throw new NetworkError('CONNECT_FAILED', `broker ${brokerId} is not among the brokers of the cluster`)
    const late = await this.#readiness(brokerId, timeoutMs)
    const connection = this.cluster.connectionTo(brokerId)
    if (connection !== undefined) return connection
    if (this.#closing.signal.aborted) throw closed()
    const { lastError } = this.cluster.availability(brokerId)
    throw (
      lastError ??
      new NetworkError(
        'CONNECT_TIMEOUT',
        `broker ${brokerId} was not reached${late ? ` within ${Math.round(timeoutMs)} ms` : ''}`,
      )
    )
  }

  /** Resolves when `connectionTo` of the cluster may be asked again, to whether the time was over first. */
  #readiness(brokerId: number, timeoutMs: number): Promise<boolean> {
    const waiting = this.#waiting.get(brokerId) ?? new Set<() => void>()
    this.#waiting.set(brokerId, waiting)
    return new Promise(resolve => {
      const end = (late: boolean) => {
        timer.cancel()
        waiting.delete(ready)
        this.#closing.signal.removeEventListener('abort', ready)
        resolve(late)
      }
      const ready = () => end(false)
      const timer = this.#options.clock.schedule(() => end(true), timeoutMs)
      waiting.add(ready)
      if (this.#closing.signal.aborted) ready()
      else this.#closing.signal.addEventListener('abort', ready)
    })
  }

  /** How long one request of these attempts may take. */
  timeoutOf(attempts: Attempts): number {
    return Math.max(1, Math.min(this.#options.requestTimeoutMs, attempts.timeLeftMs))
  }

  /** Ends everything. Resolves when no socket is left. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.cluster.close()
  }
}

const closed = () => new ClosedError('the connections to the cluster were closed')
