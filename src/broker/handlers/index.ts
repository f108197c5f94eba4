import type { KafkaApiName } from '../api-names.ts'
import type { Handler } from '../call.ts'
import { createAclsHandler, deleteAclsHandler, describeAclsHandler } from './acls.ts'
import { addOffsetsToTxnHandler } from './add-offsets-to-txn.ts'
import { addPartitionsToTxnHandler } from './add-partitions-to-txn.ts'
import { alterConfigsHandler, incrementalAlterConfigsHandler } from './alter-configs.ts'
import { alterPartitionReassignmentsHandler } from './alter-partition-reassignments.ts'
import { apiVersionsHandler } from './api-versions.ts'
import { alterClientQuotasHandler, describeClientQuotasHandler } from './client-quotas.ts'
import { createPartitionsHandler } from './create-partitions.ts'
import { createTopicsHandler } from './create-topics.ts'
import { deleteGroupsHandler } from './delete-groups.ts'
import { deleteRecordsHandler } from './delete-records.ts'
import { deleteTopicsHandler } from './delete-topics.ts'
import { describeClusterHandler } from './describe-cluster.ts'
import { describeConfigsHandler } from './describe-configs.ts'
import { describeGroupsHandler } from './describe-groups.ts'
import { describeLogDirsHandler } from './describe-log-dirs.ts'
import { describeProducersHandler } from './describe-producers.ts'
import { describeQuorumHandler } from './describe-quorum.ts'
import { describeTopicPartitionsHandler } from './describe-topic-partitions.ts'
import { describeTransactionsHandler } from './describe-transactions.ts'
import { describeUserScramCredentialsHandler } from './describe-user-scram-credentials.ts'
import { electLeadersHandler } from './elect-leaders.ts'
import { endTxnHandler } from './end-txn.ts'
import { fetchHandler } from './fetch.ts'
import { findCoordinatorHandler } from './find-coordinator.ts'
import { getTelemetrySubscriptionsHandler } from './get-telemetry-subscriptions.ts'
import { heartbeatHandler } from './heartbeat.ts'
import { initProducerIdHandler } from './init-producer-id.ts'
import { joinGroupHandler } from './join-group.ts'
import { leaveGroupHandler } from './leave-group.ts'
import { listConfigResourcesHandler } from './list-config-resources.ts'
import { listGroupsHandler } from './list-groups.ts'
import { listOffsetsHandler } from './list-offsets.ts'
import { listPartitionReassignmentsHandler } from './list-partition-reassignments.ts'
import { listTransactionsHandler } from './list-transactions.ts'
import { metadataHandler } from './metadata.ts'
import { offsetCommitHandler } from './offset-commit.ts'
import { offsetDeleteHandler } from './offset-delete.ts'
import { offsetFetchHandler } from './offset-fetch.ts'
import { offsetForLeaderEpochHandler } from './offset-for-leader-epoch.ts'
import { produceHandler } from './produce.ts'
import { pushTelemetryHandler } from './push-telemetry.ts'
import { saslAuthenticateHandler } from './sasl-authenticate.ts'
import { saslHandshakeHandler } from './sasl-handshake.ts'
import { syncGroupHandler } from './sync-group.ts'
import { txnOffsetCommitHandler } from './txn-offset-commit.ts'
import { updateFeaturesHandler } from './update-features.ts'
import { writeTxnMarkersHandler } from './write-txn-markers.ts'

/** All APIs that the broker answers, by key. */
export const handlers: ReadonlyMap<number, Handler> = new Map(
  [
    produceHandler,
    fetchHandler,
    listOffsetsHandler,
    metadataHandler,
    findCoordinatorHandler,
    saslHandshakeHandler,
    apiVersionsHandler,
    createTopicsHandler,
    deleteTopicsHandler,
    initProducerIdHandler,
    saslAuthenticateHandler,
    describeConfigsHandler,
    describeClusterHandler,
    createPartitionsHandler,
    deleteRecordsHandler,
    alterConfigsHandler,
    incrementalAlterConfigsHandler,
    electLeadersHandler,
    describeLogDirsHandler,
    offsetForLeaderEpochHandler,
    describeTopicPartitionsHandler,
    listConfigResourcesHandler,
    describeAclsHandler,
    createAclsHandler,
    deleteAclsHandler,
    listPartitionReassignmentsHandler,
    offsetCommitHandler,
    offsetFetchHandler,
    joinGroupHandler,
    heartbeatHandler,
    leaveGroupHandler,
    syncGroupHandler,
    describeGroupsHandler,
    listGroupsHandler,
    deleteGroupsHandler,
    offsetDeleteHandler,
    addPartitionsToTxnHandler,
    addOffsetsToTxnHandler,
    endTxnHandler,
    writeTxnMarkersHandler,
    txnOffsetCommitHandler,
    describeProducersHandler,
    describeTransactionsHandler,
    listTransactionsHandler,
    updateFeaturesHandler,
    alterPartitionReassignmentsHandler,
    describeUserScramCredentialsHandler,
    describeQuorumHandler,
    describeClientQuotasHandler,
    alterClientQuotasHandler,
    getTelemetrySubscriptionsHandler,
    pushTelemetryHandler,
  ].map(handler => [handler.key, handler]),
)

export const handledApis: readonly KafkaApiName[] = [...handlers.values()].map(handler => handler.name)
