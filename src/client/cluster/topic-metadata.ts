import type { BrokerErrorCode } from '../../base/errors/index.ts'

/** What the cluster said of one topic. Never changed: news make a new one. */
export interface TopicMetadata {
  readonly name: string
  /** The zero id where the cluster has none, or it is not known. */
  readonly id: string
  /** The topic's error in the last answer. Partitions learnt before are kept beside it. */
  readonly error: BrokerErrorCode | undefined
  /** The index is the partition's number. Empty until the topic is known. */
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionMetadata {
  readonly partition: number
  /** −1: none now. */
  readonly leader: number
  /** −1: unknown. Comparable only within one topic id. */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
  readonly error: BrokerErrorCode | undefined
}

/** Where a broker listens. */
export interface BrokerAddress {
  readonly id: number
  readonly host: string
  readonly port: number
}

/** An address as a Produce answer names it (KIP-951). */
export interface LeaderEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}
