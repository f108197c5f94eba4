import type { KafkaError } from '../../base/errors/index.ts'
import type { Random } from '../../base/random.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { Connection } from '../../wire/network/connection.ts'
import type { Api, Body, Draft, Message } from '../../wire/protocol/index.ts'
import type { LeaderEndpoint, TopicMetadata } from './topic-metadata.ts'

export type { PartitionMetadata, TopicMetadata } from './topic-metadata.ts'

export interface ClusterOptions {
  readonly bootstrapServers: readonly { readonly host: string; readonly port: number }[]
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
  /** −1: never. */
  readonly connectionsMaxIdleMs: number
  readonly metadataMaxAgeMs: number
  readonly metadataMaxIdleMs: number
  readonly metadataRecoveryStrategy: 'none' | 'rebootstrap'
  readonly metadataRecoveryRebootstrapTriggerMs: number
  /** Default: true, as Java's producer. */
  readonly allowAutoTopicCreation?: boolean
  lookup?(host: string): Promise<readonly { address: string }[]>
  /** Something was learnt about a topic that is wanted: news, or an error (each time it is said again). */
  onTopic(topic: TopicMetadata): void
  /** A connection that `connectionTo` had to start is there. */
  onBrokerReady(brokerId: number): void
  /** For the producer's 'error' event: nothing is lost by it, everything is tried again. */
  onError(error: KafkaError): void
}

export interface Availability {
  readonly lastError: KafkaError | undefined
  /** Monotonic time of the next attempt to connect. */
  readonly nextAttemptAt: number
}

/** The picture of the cluster, kept fresh, and the connections to it. */
export class Cluster {
  constructor(_options: ClusterOptions) {}

  connect(_signal?: AbortSignal): Promise<void> {
    return Promise.reject(new Error('declared only'))
  }

  topic(_name: string): TopicMetadata | undefined {
    return undefined
  }

  topicIdOf(_name: string): string {
    return ''
  }

  want(_name: string): void {}

  unwant(_name: string): void {}

  refresh(_reason: string): void {}

  applyLeaderHint(
    _topic: string,
    _partition: number,
    _leaderId: number,
    _leaderEpoch: number,
    _endpoints: readonly LeaderEndpoint[],
  ): boolean {
    return false
  }

  connectionTo(_brokerId: number): Connection | undefined {
    return undefined
  }

  availability(_brokerId: number): Availability | undefined {
    return undefined
  }

  /** Why a broker cannot be reached, for messages; undefined where nothing is wrong. */
  brokerProblem(_brokerId: number): string | undefined {
    return undefined
  }

  request<Q extends Message, A extends Message>(
    _api: Api<Q, A>,
    _body: Draft<Q>,
    _options: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<Body<A>> {
    return Promise.reject(new Error('declared only'))
  }

  lastErrorOf(_topic: string): KafkaError | undefined {
    return undefined
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
