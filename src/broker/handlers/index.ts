import type { KafkaApiName } from '../api-names.ts'
import type { Handler } from '../call.ts'
import { createAclsHandler, deleteAclsHandler, describeAclsHandler } from './acls.ts'
import { alterConfigsHandler, incrementalAlterConfigsHandler } from './alter-configs.ts'
import { alterPartitionReassignmentsHandler } from './alter-partition-reassignments.ts'
import { apiVersionsHandler } from './api-versions.ts'
import { createPartitionsHandler } from './create-partitions.ts'
import { createTopicsHandler } from './create-topics.ts'
import { deleteRecordsHandler } from './delete-records.ts'
import { deleteTopicsHandler } from './delete-topics.ts'
import { describeClusterHandler } from './describe-cluster.ts'
import { describeConfigsHandler } from './describe-configs.ts'
import { describeLogDirsHandler } from './describe-log-dirs.ts'
import { describeQuorumHandler } from './describe-quorum.ts'
import { describeTopicPartitionsHandler } from './describe-topic-partitions.ts'
import { describeUserScramCredentialsHandler } from './describe-user-scram-credentials.ts'
import { electLeadersHandler } from './elect-leaders.ts'
import { fetchHandler } from './fetch.ts'
import { findCoordinatorHandler } from './find-coordinator.ts'
import { initProducerIdHandler } from './init-producer-id.ts'
import { listConfigResourcesHandler } from './list-config-resources.ts'
import { listOffsetsHandler } from './list-offsets.ts'
import { listPartitionReassignmentsHandler } from './list-partition-reassignments.ts'
import { metadataHandler } from './metadata.ts'
import { offsetForLeaderEpochHandler } from './offset-for-leader-epoch.ts'
import { produceHandler } from './produce.ts'

/** All APIs that the broker answers, by key. */
export const handlers: ReadonlyMap<number, Handler> = new Map(
  [
    produceHandler,
    fetchHandler,
    listOffsetsHandler,
    metadataHandler,
    findCoordinatorHandler,
    apiVersionsHandler,
    createTopicsHandler,
    deleteTopicsHandler,
    initProducerIdHandler,
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
    alterPartitionReassignmentsHandler,
    describeUserScramCredentialsHandler,
    describeQuorumHandler,
  ].map(handler => [handler.key, handler]),
)

export const handledApis: readonly KafkaApiName[] = [...handlers.values()].map(handler => handler.name)
