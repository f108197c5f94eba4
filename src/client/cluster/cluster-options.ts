import type { KafkaError } from '../../base/errors/index.ts'
import type { Random } from '../../base/random.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { ConnectionMeter } from '../../wire/network/index.ts'
import type { BrokerAddress } from './broker-address.ts'
import type { TopicMetadata } from './topic-metadata.ts'

/** Options by the names of ProducerOptions, resolved; and what the cluster tells. */
export interface ClusterOptions {
  readonly bootstrapServers: readonly BrokerAddress[]
  readonly clientId: string
  readonly clock: Clock
  /** The time of those who wait for a topic, where it is not `clock`: they may be blocked. */
  readonly waitersClock?: Clock
  readonly random: Random
  /** Where connections are counted: those for questions, and those for records to a broker. */
  readonly meters?: {
    readonly traffic: ConnectionMeter
    broker(brokerId: number): { readonly traffic: ConnectionMeter }
  }
  readonly requestTimeoutMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  readonly reconnectBackoffMs: number
  readonly reconnectBackoffMaxMs: number
  readonly socketConnectionSetupTimeoutMs: number
  readonly socketConnectionSetupTimeoutMaxMs: number
  /** Negative: never. */
  readonly connectionsMaxIdleMs: number
  readonly metadataMaxAgeMs: number
  readonly metadataMaxIdleMs: number
  readonly metadataRecoveryStrategy: 'none' | 'rebootstrap'
  readonly metadataRecoveryRebootstrapTriggerMs: number
  /** Default: true, as Java's producer. */
  readonly allowAutoTopicCreation?: boolean
  /** Default: the system's resolver. */
  lookup?(host: string): Promise<readonly { address: string }[]>
  /** Something was learnt about a topic that is wanted: news, or an error (each time the cluster says it). */
  onTopic(topic: TopicMetadata): void
  /** A broker that `connectionTo` had no connection for can be asked for again: it stands, or another attempt may begin. */
  onBrokerReady(brokerId: number): void
  /** A connection for records stands. */
  onConnected?(brokerId: number, remote: string): void
  /** Something failed that is tried again: nothing is lost by it. With a broker's id where it was its connection for records. */
  onError?(error: KafkaError, brokerId?: number): void
  /** The cluster has told of itself, on a connection of this thread. */
  onAnswered?(): void
}

export interface Availability {
  /** Why there is no connection; undefined where nothing went wrong. */
  readonly lastError: KafkaError | undefined
  /** Monotonic time before which no attempt is made. */
  readonly nextAttemptAt: number
}
