export type { BrokerAddress } from './broker-address.ts'
export { Cluster } from './cluster.ts'
export type { ClusterOptions } from './cluster-options.ts'
export type { TopicMetadata } from './topic-metadata.ts'
