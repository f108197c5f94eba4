export { Cluster, type ClusterOptions } from './cluster.ts'
export type { PartitionMetadata, TopicMetadata } from './topic-metadata.ts'
