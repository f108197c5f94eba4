import { apis } from '../wire/protocol/index.ts'
import type { KafkaApiName } from './api-names.ts'

export type VersionRange = readonly [min: number, max: number]
/** The versions of each API that a broker speaks; what is not in it is not spoken. */
export type VersionRanges = ReadonlyMap<KafkaApiName, VersionRange>

/** Highest versions per API; null: the API does not exist. */
export type MaxVersions = { readonly [Api in KafkaApiName]?: number | null }

/** The versions of Kafka that the broker can look like. */
export const kafkaVersions = ['2.1', '2.8', '3.9', '4.3'] as const
export type KafkaVersion = (typeof kafkaVersions)[number]

/**
 * Where a release spoke less than our tables do. Source: `common/message/*Request.json` of 2.8.2 and 3.9.2 (brokers with
 * ZooKeeper in 2.8, with KRaft in 3.9), and what brokers of 2.1.1, 2.8.2 and 3.9.2 answered to ApiVersions.
 */
const releases: Record<KafkaVersion, MaxVersions> = {
  '2.1': {
    Produce: 7,
    Fetch: 10,
    ListOffsets: 4,
    Metadata: 7,
    OffsetCommit: 6,
    OffsetFetch: 5,
    FindCoordinator: 2,
    JoinGroup: 3,
    Heartbeat: 2,
    LeaveGroup: 2,
    SyncGroup: 2,
    DescribeGroups: 2,
    ListGroups: 2,
    ApiVersions: 2,
    CreateTopics: 3,
    DeleteTopics: 3,
    DeleteRecords: 1,
    InitProducerId: 1,
    OffsetForLeaderEpoch: 2,
    AddPartitionsToTxn: 1,
    AddOffsetsToTxn: 1,
    EndTxn: 1,
    WriteTxnMarkers: 0,
    TxnOffsetCommit: 2,
    DescribeAcls: 1,
    CreateAcls: 1,
    DeleteAcls: 1,
    DescribeConfigs: 2,
    AlterConfigs: 1,
    AlterReplicaLogDirs: 1,
    DescribeLogDirs: 1,
    SaslAuthenticate: 0,
    CreatePartitions: 1,
    DeleteGroups: 1,
    ElectLeaders: null,
    IncrementalAlterConfigs: null,
    AlterPartitionReassignments: null,
    ListPartitionReassignments: null,
    OffsetDelete: null,
    DescribeClientQuotas: null,
    AlterClientQuotas: null,
    DescribeUserScramCredentials: null,
    AlterUserScramCredentials: null,
    DescribeQuorum: null,
    UpdateFeatures: null,
    DescribeCluster: null,
    DescribeProducers: null,
    DescribeTransactions: null,
    ListTransactions: null,
    ConsumerGroupHeartbeat: null,
    ConsumerGroupDescribe: null,
    GetTelemetrySubscriptions: null,
    PushTelemetry: null,
    ListConfigResources: null,
    DescribeTopicPartitions: null,
  },
  '2.8': {
    Produce: 9,
    Fetch: 12,
    ListOffsets: 6,
    Metadata: 11,
    OffsetCommit: 8,
    OffsetFetch: 7,
    FindCoordinator: 3,
    JoinGroup: 7,
    LeaveGroup: 4,
    DescribeGroups: 5,
    ListGroups: 4,
    ApiVersions: 3,
    InitProducerId: 4,
    AddPartitionsToTxn: 3,
    AddOffsetsToTxn: 3,
    EndTxn: 3,
    WriteTxnMarkers: 1,
    TxnOffsetCommit: 3,
    DescribeAcls: 2,
    CreateAcls: 2,
    DeleteAcls: 2,
    DescribeLogDirs: 2,
    AlterPartitionReassignments: 0,
    DescribeQuorum: null,
    UpdateFeatures: 0,
    DescribeCluster: 0,
    DescribeTransactions: null,
    ListTransactions: null,
    ConsumerGroupHeartbeat: null,
    ConsumerGroupDescribe: null,
    GetTelemetrySubscriptions: null,
    PushTelemetry: null,
    ListConfigResources: null,
    DescribeTopicPartitions: null,
  },
  '3.9': {
    Produce: 11,
    Fetch: 17,
    ListOffsets: 9,
    Metadata: 12,
    OffsetCommit: 9,
    OffsetFetch: 9,
    DescribeGroups: 5,
    EndTxn: 4,
    WriteTxnMarkers: 1,
    TxnOffsetCommit: 4,
    DescribeLogDirs: 4,
    AlterPartitionReassignments: 0,
    UpdateFeatures: 1,
    DescribeCluster: 1,
    ListTransactions: 1,
    ConsumerGroupHeartbeat: 0,
    ConsumerGroupDescribe: 0,
    ListConfigResources: 0,
  },
  '4.3': {},
}

/** What a broker speaks: all that is handled, no higher than the release and the caller's own limits. */
export function versionRanges(
  handled: Iterable<KafkaApiName>,
  release: KafkaVersion = '4.3',
  limits: MaxVersions = {},
): VersionRanges {
  const ranges = new Map<KafkaApiName, VersionRange>()
  for (const name of handled) {
    const [min, ours] = apiOf(name).request.versions
    const bounds = [releases[release][name], limits[name]]
    if (bounds.includes(null)) continue
    const max = Math.min(ours, ...bounds.filter(bound => bound != null))
    if (max >= min) ranges.set(name, [min, max])
  }
  return ranges
}

/** The table of an API by Kafka's name. */
export function apiOf(name: KafkaApiName): (typeof apis)[keyof typeof apis] {
  return apis[`${name[0]!.toLowerCase()}${name.slice(1)}` as keyof typeof apis]
}
