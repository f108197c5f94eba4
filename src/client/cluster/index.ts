export type { BrokerAddress, LeaderEndpoint } from './broker-address.ts'
export { Cluster } from './cluster.ts'
export type { Availability, ClusterOptions } from './cluster-options.ts'
export { type PartitionMetadata, type TopicMetadata, zeroTopicId } from './topic-metadata.ts'
