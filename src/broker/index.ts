/** An embedded Kafka broker for tests and first steps: real clients work against it, and it fails on demand. */

export type { KafkaApiName } from './api-names.ts'
export { type Broker, type PartitionState, startBroker, type TransactionSnapshot } from './broker.ts'
export type { Fault, FaultAction, FaultMatch, FaultOptions, FaultPhase, FaultRule } from './fault-rules.ts'
export type { Faults } from './faults.ts'
export type { ProducerSnapshot, RememberedBatch } from './log/producer-state.ts'
export type { BrokerOptions, TopicOptions } from './options.ts'
export type { StoredBatchHeader, StoredRecord } from './read-back.ts'
export type { BrokerRequest, ProducedBatch, RequestMatch, Target } from './request-log.ts'
export type { TopicConfig, TopicConfigName } from './topic-config.ts'
export type { TransactionState } from './transactions/transaction.ts'
export type { KafkaVersion, MaxVersions } from './versions.ts'
