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

/** Written out, since the type that would be inferred repeats every table in the declaration file. */
interface Apis {
  readonly produce: Api<typeof produceRequest, typeof produceResponse>
  readonly fetch: Api<typeof fetchRequest, typeof fetchResponse>
  readonly listOffsets: Api<typeof listOffsetsRequest, typeof listOffsetsResponse>
  readonly metadata: Api<typeof metadataRequest, typeof metadataResponse>
  readonly offsetCommit: Api<typeof offsetCommitRequest, typeof offsetCommitResponse>
  readonly offsetFetch: Api<typeof offsetFetchRequest, typeof offsetFetchResponse>
  readonly findCoordinator: Api<typeof findCoordinatorRequest, typeof findCoordinatorResponse>
  readonly joinGroup: Api<typeof joinGroupRequest, typeof joinGroupResponse>
  readonly heartbeat: Api<typeof heartbeatRequest, typeof heartbeatResponse>
  readonly leaveGroup: Api<typeof leaveGroupRequest, typeof leaveGroupResponse>
  readonly syncGroup: Api<typeof syncGroupRequest, typeof syncGroupResponse>
  readonly describeGroups: Api<typeof describeGroupsRequest, typeof describeGroupsResponse>
  readonly listGroups: Api<typeof listGroupsRequest, typeof listGroupsResponse>
  readonly saslHandshake: Api<typeof saslHandshakeRequest, typeof saslHandshakeResponse>
  readonly apiVersions: Api<typeof apiVersionsRequest, typeof apiVersionsResponse>
  readonly createTopics: Api<typeof createTopicsRequest, typeof createTopicsResponse>
  readonly deleteTopics: Api<typeof deleteTopicsRequest, typeof deleteTopicsResponse>
  readonly deleteRecords: Api<typeof deleteRecordsRequest, typeof deleteRecordsResponse>
  readonly initProducerId: Api<typeof initProducerIdRequest, typeof initProducerIdResponse>
  readonly offsetForLeaderEpoch: Api<typeof offsetForLeaderEpochRequest, typeof offsetForLeaderEpochResponse>
  readonly addPartitionsToTxn: Api<typeof addPartitionsToTxnRequest, typeof addPartitionsToTxnResponse>
  readonly addOffsetsToTxn: Api<typeof addOffsetsToTxnRequest, typeof addOffsetsToTxnResponse>
  readonly endTxn: Api<typeof endTxnRequest, typeof endTxnResponse>
  readonly writeTxnMarkers: Api<typeof writeTxnMarkersRequest, typeof writeTxnMarkersResponse>
  readonly txnOffsetCommit: Api<typeof txnOffsetCommitRequest, typeof txnOffsetCommitResponse>
  readonly describeAcls: Api<typeof describeAclsRequest, typeof describeAclsResponse>
  readonly createAcls: Api<typeof createAclsRequest, typeof createAclsResponse>
  readonly deleteAcls: Api<typeof deleteAclsRequest, typeof deleteAclsResponse>
  readonly describeConfigs: Api<typeof describeConfigsRequest, typeof describeConfigsResponse>
  readonly alterConfigs: Api<typeof alterConfigsRequest, typeof alterConfigsResponse>
  readonly alterReplicaLogDirs: Api<typeof alterReplicaLogDirsRequest, typeof alterReplicaLogDirsResponse>
  readonly describeLogDirs: Api<typeof describeLogDirsRequest, typeof describeLogDirsResponse>
  readonly saslAuthenticate: Api<typeof saslAuthenticateRequest, typeof saslAuthenticateResponse>
  readonly createPartitions: Api<typeof createPartitionsRequest, typeof createPartitionsResponse>
  readonly deleteGroups: Api<typeof deleteGroupsRequest, typeof deleteGroupsResponse>
  readonly electLeaders: Api<typeof electLeadersRequest, typeof electLeadersResponse>
  readonly incrementalAlterConfigs: Api<typeof incrementalAlterConfigsRequest, typeof incrementalAlterConfigsResponse>
  readonly alterPartitionReassignments: Api<
    typeof alterPartitionReassignmentsRequest,
    typeof alterPartitionReassignmentsResponse
  >
  readonly listPartitionReassignments: Api<
    typeof listPartitionReassignmentsRequest,
    typeof listPartitionReassignmentsResponse
  >
  readonly offsetDelete: Api<typeof offsetDeleteRequest, typeof offsetDeleteResponse>
  readonly describeClientQuotas: Api<typeof describeClientQuotasRequest, typeof describeClientQuotasResponse>
  readonly alterClientQuotas: Api<typeof alterClientQuotasRequest, typeof alterClientQuotasResponse>
  readonly describeUserScramCredentials: Api<
    typeof describeUserScramCredentialsRequest,
    typeof describeUserScramCredentialsResponse
  >
  readonly alterUserScramCredentials: Api<
    typeof alterUserScramCredentialsRequest,
    typeof alterUserScramCredentialsResponse
  >
  readonly describeQuorum: Api<typeof describeQuorumRequest, typeof describeQuorumResponse>
  readonly updateFeatures: Api<typeof updateFeaturesRequest, typeof updateFeaturesResponse>
  readonly describeCluster: Api<typeof describeClusterRequest, typeof describeClusterResponse>
  readonly describeProducers: Api<typeof describeProducersRequest, typeof describeProducersResponse>
  readonly describeTransactions: Api<typeof describeTransactionsRequest, typeof describeTransactionsResponse>
  readonly listTransactions: Api<typeof listTransactionsRequest, typeof listTransactionsResponse>
  readonly consumerGroupHeartbeat: Api<typeof consumerGroupHeartbeatRequest, typeof consumerGroupHeartbeatResponse>
  readonly consumerGroupDescribe: Api<typeof consumerGroupDescribeRequest, typeof consumerGroupDescribeResponse>
  readonly getTelemetrySubscriptions: Api<
    typeof getTelemetrySubscriptionsRequest,
    typeof getTelemetrySubscriptionsResponse
  >
  readonly pushTelemetry: Api<typeof pushTelemetryRequest, typeof pushTelemetryResponse>
  readonly listConfigResources: Api<typeof listConfigResourcesRequest, typeof listConfigResourcesResponse>
  readonly describeTopicPartitions: Api<typeof describeTopicPartitionsRequest, typeof describeTopicPartitionsResponse>
}

/** Every API whose tables we have, by Kafka's name. */
export const apis: Apis = {
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
}

export type ApiName = keyof Apis

const byKey = new Map<number, Api>(Object.values(apis).map(api => [api.request.key, api]))

/** The API with this key, or undefined where it is none of ours. */
export const apiByKey = (key: number): Api | undefined => byKey.get(key)

/** Whether header and body of this version carry tagged fields (KIP-482); false for APIs that are none of ours. */
export const isFlexible = (key: number, version: number): boolean =>
  version >= (byKey.get(key)?.request.flexibleFrom ?? Number.POSITIVE_INFINITY)
