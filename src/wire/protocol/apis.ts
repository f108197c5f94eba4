import type { Message } from './message.ts'
import { addOffsetsToTxnRequest, addOffsetsToTxnResponse } from './messages/add-offsets-to-txn.ts'
import { addPartitionsToTxnRequest, addPartitionsToTxnResponse } from './messages/add-partitions-to-txn.ts'
import { alterClientQuotasRequest, alterClientQuotasResponse } from './messages/alter-client-quotas.ts'
import { alterConfigsRequest, alterConfigsResponse } from './messages/alter-configs.ts'
import {
  alterPartitionReassignmentsRequest,
  alterPartitionReassignmentsResponse,
} from './messages/alter-partition-reassignments.ts'
import { alterReplicaLogDirsRequest, alterReplicaLogDirsResponse } from './messages/alter-replica-log-dirs.ts'
import {
  alterUserScramCredentialsRequest,
  alterUserScramCredentialsResponse,
} from './messages/alter-user-scram-credentials.ts'
import { apiVersionsRequest, apiVersionsResponse } from './messages/api-versions.ts'
import { consumerGroupDescribeRequest, consumerGroupDescribeResponse } from './messages/consumer-group-describe.ts'
import { consumerGroupHeartbeatRequest, consumerGroupHeartbeatResponse } from './messages/consumer-group-heartbeat.ts'
import { createAclsRequest, createAclsResponse } from './messages/create-acls.ts'
import { createPartitionsRequest, createPartitionsResponse } from './messages/create-partitions.ts'
import { createTopicsRequest, createTopicsResponse } from './messages/create-topics.ts'
import { deleteAclsRequest, deleteAclsResponse } from './messages/delete-acls.ts'
import { deleteGroupsRequest, deleteGroupsResponse } from './messages/delete-groups.ts'
import { deleteRecordsRequest, deleteRecordsResponse } from './messages/delete-records.ts'
import { deleteTopicsRequest, deleteTopicsResponse } from './messages/delete-topics.ts'
import { describeAclsRequest, describeAclsResponse } from './messages/describe-acls.ts'
import { describeClientQuotasRequest, describeClientQuotasResponse } from './messages/describe-client-quotas.ts'
import { describeClusterRequest, describeClusterResponse } from './messages/describe-cluster.ts'
import { describeConfigsRequest, describeConfigsResponse } from './messages/describe-configs.ts'
import { describeGroupsRequest, describeGroupsResponse } from './messages/describe-groups.ts'
import { describeLogDirsRequest, describeLogDirsResponse } from './messages/describe-log-dirs.ts'
import { describeProducersRequest, describeProducersResponse } from './messages/describe-producers.ts'
import { describeQuorumRequest, describeQuorumResponse } from './messages/describe-quorum.ts'
import {
  describeTopicPartitionsRequest,
  describeTopicPartitionsResponse,
} from './messages/describe-topic-partitions.ts'
import { describeTransactionsRequest, describeTransactionsResponse } from './messages/describe-transactions.ts'
import {
  describeUserScramCredentialsRequest,
  describeUserScramCredentialsResponse,
} from './messages/describe-user-scram-credentials.ts'
import { electLeadersRequest, electLeadersResponse } from './messages/elect-leaders.ts'
import { endTxnRequest, endTxnResponse } from './messages/end-txn.ts'
import { fetchRequest, fetchResponse } from './messages/fetch.ts'
import { findCoordinatorRequest, findCoordinatorResponse } from './messages/find-coordinator.ts'
import {
  getTelemetrySubscriptionsRequest,
  getTelemetrySubscriptionsResponse,
} from './messages/get-telemetry-subscriptions.ts'
import { heartbeatRequest, heartbeatResponse } from './messages/heartbeat.ts'
import {
  incrementalAlterConfigsRequest,
  incrementalAlterConfigsResponse,
} from './messages/incremental-alter-configs.ts'
import { initProducerIdRequest, initProducerIdResponse } from './messages/init-producer-id.ts'
import { joinGroupRequest, joinGroupResponse } from './messages/join-group.ts'
import { leaveGroupRequest, leaveGroupResponse } from './messages/leave-group.ts'
import { listConfigResourcesRequest, listConfigResourcesResponse } from './messages/list-config-resources.ts'
import { listGroupsRequest, listGroupsResponse } from './messages/list-groups.ts'
import { listOffsetsRequest, listOffsetsResponse } from './messages/list-offsets.ts'
import {
  listPartitionReassignmentsRequest,
  listPartitionReassignmentsResponse,
} from './messages/list-partition-reassignments.ts'
import { listTransactionsRequest, listTransactionsResponse } from './messages/list-transactions.ts'
import { metadataRequest, metadataResponse } from './messages/metadata.ts'
import { offsetCommitRequest, offsetCommitResponse } from './messages/offset-commit.ts'
import { offsetDeleteRequest, offsetDeleteResponse } from './messages/offset-delete.ts'
import { offsetFetchRequest, offsetFetchResponse } from './messages/offset-fetch.ts'
import { offsetForLeaderEpochRequest, offsetForLeaderEpochResponse } from './messages/offset-for-leader-epoch.ts'
import { produceRequest, produceResponse } from './messages/produce.ts'
import { pushTelemetryRequest, pushTelemetryResponse } from './messages/push-telemetry.ts'
import { saslAuthenticateRequest, saslAuthenticateResponse } from './messages/sasl-authenticate.ts'
import { saslHandshakeRequest, saslHandshakeResponse } from './messages/sasl-handshake.ts'
import { syncGroupRequest, syncGroupResponse } from './messages/sync-group.ts'
import { txnOffsetCommitRequest, txnOffsetCommitResponse } from './messages/txn-offset-commit.ts'
import { updateFeaturesRequest, updateFeaturesResponse } from './messages/update-features.ts'
import { writeTxnMarkersRequest, writeTxnMarkersResponse } from './messages/write-txn-markers.ts'

/**
 * A request and what answers it. A function over all APIs reads
 * `<Q extends Message, A extends Message>(api: Api<Q, A>, body: Draft<Q>) => Promise<Body<A>>`.
 */
export interface Api<Q extends Message = Message, A extends Message = Message> {
  readonly request: Q
  readonly response: A
  /**
   * The lowest version a broker announces in ApiVersions, where that is not the lowest it understands: librdkafka finds
   * no version for old codecs unless Produce begins at 0 (KAFKA-18659; ApiKeys.PRODUCE_API_VERSIONS_RESPONSE_MIN_VERSION).
   */
  readonly announcedFrom?: number
}

/** Every API whose tables we have, by Kafka's name. */
export const apis = {
  produce: { request: produceRequest, response: produceResponse, announcedFrom: 0 },
  fetch: { request: fetchRequest, response: fetchResponse },
  listOffsets: { request: listOffsetsRequest, response: listOffsetsResponse },
  metadata: { request: metadataRequest, response: metadataResponse },
  offsetCommit: { request: offsetCommitRequest, response: offsetCommitResponse },
  offsetFetch: { request: offsetFetchRequest, response: offsetFetchResponse },
  findCoordinator: { request: findCoordinatorRequest, response: findCoordinatorResponse },
  joinGroup: { request: joinGroupRequest, response: joinGroupResponse },
  heartbeat: { request: heartbeatRequest, response: heartbeatResponse },
  leaveGroup: { request: leaveGroupRequest, response: leaveGroupResponse },
  syncGroup: { request: syncGroupRequest, response: syncGroupResponse },
  describeGroups: { request: describeGroupsRequest, response: describeGroupsResponse },
  listGroups: { request: listGroupsRequest, response: listGroupsResponse },
  saslHandshake: { request: saslHandshakeRequest, response: saslHandshakeResponse },
  apiVersions: { request: apiVersionsRequest, response: apiVersionsResponse },
  createTopics: { request: createTopicsRequest, response: createTopicsResponse },
  deleteTopics: { request: deleteTopicsRequest, response: deleteTopicsResponse },
  deleteRecords: { request: deleteRecordsRequest, response: deleteRecordsResponse },
  initProducerId: { request: initProducerIdRequest, response: initProducerIdResponse },
  offsetForLeaderEpoch: { request: offsetForLeaderEpochRequest, response: offsetForLeaderEpochResponse },
  addPartitionsToTxn: { request: addPartitionsToTxnRequest, response: addPartitionsToTxnResponse },
  addOffsetsToTxn: { request: addOffsetsToTxnRequest, response: addOffsetsToTxnResponse },
  endTxn: { request: endTxnRequest, response: endTxnResponse },
  writeTxnMarkers: { request: writeTxnMarkersRequest, response: writeTxnMarkersResponse },
  txnOffsetCommit: { request: txnOffsetCommitRequest, response: txnOffsetCommitResponse },
  describeAcls: { request: describeAclsRequest, response: describeAclsResponse },
  createAcls: { request: createAclsRequest, response: createAclsResponse },
  deleteAcls: { request: deleteAclsRequest, response: deleteAclsResponse },
  describeConfigs: { request: describeConfigsRequest, response: describeConfigsResponse },
  alterConfigs: { request: alterConfigsRequest, response: alterConfigsResponse },
  alterReplicaLogDirs: { request: alterReplicaLogDirsRequest, response: alterReplicaLogDirsResponse },
  describeLogDirs: { request: describeLogDirsRequest, response: describeLogDirsResponse },
  saslAuthenticate: { request: saslAuthenticateRequest, response: saslAuthenticateResponse },
  createPartitions: { request: createPartitionsRequest, response: createPartitionsResponse },
  deleteGroups: { request: deleteGroupsRequest, response: deleteGroupsResponse },
  electLeaders: { request: electLeadersRequest, response: electLeadersResponse },
  incrementalAlterConfigs: { request: incrementalAlterConfigsRequest, response: incrementalAlterConfigsResponse },
  alterPartitionReassignments: {
    request: alterPartitionReassignmentsRequest,
    response: alterPartitionReassignmentsResponse,
  },
  listPartitionReassignments: {
    request: listPartitionReassignmentsRequest,
    response: listPartitionReassignmentsResponse,
  },
  offsetDelete: { request: offsetDeleteRequest, response: offsetDeleteResponse },
  describeClientQuotas: { request: describeClientQuotasRequest, response: describeClientQuotasResponse },
  alterClientQuotas: { request: alterClientQuotasRequest, response: alterClientQuotasResponse },
  describeUserScramCredentials: {
    request: describeUserScramCredentialsRequest,
    response: describeUserScramCredentialsResponse,
  },
  alterUserScramCredentials: { request: alterUserScramCredentialsRequest, response: alterUserScramCredentialsResponse },
  describeQuorum: { request: describeQuorumRequest, response: describeQuorumResponse },
  updateFeatures: { request: updateFeaturesRequest, response: updateFeaturesResponse },
  describeCluster: { request: describeClusterRequest, response: describeClusterResponse },
  describeProducers: { request: describeProducersRequest, response: describeProducersResponse },
  describeTransactions: { request: describeTransactionsRequest, response: describeTransactionsResponse },
  listTransactions: { request: listTransactionsRequest, response: listTransactionsResponse },
  consumerGroupHeartbeat: { request: consumerGroupHeartbeatRequest, response: consumerGroupHeartbeatResponse },
  consumerGroupDescribe: { request: consumerGroupDescribeRequest, response: consumerGroupDescribeResponse },
  getTelemetrySubscriptions: { request: getTelemetrySubscriptionsRequest, response: getTelemetrySubscriptionsResponse },
  pushTelemetry: { request: pushTelemetryRequest, response: pushTelemetryResponse },
  listConfigResources: { request: listConfigResourcesRequest, response: listConfigResourcesResponse },
  describeTopicPartitions: { request: describeTopicPartitionsRequest, response: describeTopicPartitionsResponse },
} as const satisfies { readonly [name: string]: Api }

export type ApiName = keyof typeof apis

const byKey = new Map<number, Api>(Object.values(apis).map(api => [api.request.key, api]))

/** The API with this key, or undefined where it is none of ours. */
export const apiByKey = (key: number): Api | undefined => byKey.get(key)

/** Whether header and body of this version carry tagged fields (KIP-482); false for APIs that are none of ours. */
export const isFlexible = (key: number, version: number): boolean =>
  version >= (byKey.get(key)?.request.flexibleFrom ?? Number.POSITIVE_INFINITY)
