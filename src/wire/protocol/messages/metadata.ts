import { message } from '../message.ts'
import { array, bool, field, int16, int32, nullable, string, struct, uuid } from '../types.ts'

/** What an authorized-operations bit field holds where it was not asked for. */
const notAskedFor = -2147483648

/**
 * Asks for brokers, topics, partitions and their leaders. `topics: null` means all of them (in v0: the empty array does),
 * an empty array none. v4 allowAutoTopicCreation; v7 leader epochs; v9 flexible; v10 topic ids; v12 asks by topic id
 * (KIP-516); v13 a top-level error. Source: MetadataRequest.json.
 */
export const metadataRequest = message({
  name: 'MetadataRequest',
  key: 3,
  versions: [0, 13],
  flexible: 9,
  fields: {
    topics: field(
      nullable(
        array(
          struct('MetadataRequestTopic', {
            topicId: field(uuid, { from: 10, default: uuid.zero }),
            name: field(nullable(string, 10)),
          }),
        ),
        1,
      ),
    ),
    allowAutoTopicCreation: field(bool, { from: 4, default: true }),
    includeClusterAuthorizedOperations: field(bool, { from: 8, to: 10, default: false }),
    includeTopicAuthorizedOperations: field(bool, { from: 8, default: false }),
  },
})

/** Source: MetadataResponse.json. */
export const metadataResponse = message({
  name: 'MetadataResponse',
  key: 3,
  versions: [0, 13],
  flexible: 9,
  fields: {
    throttleTimeMs: field(int32, { from: 3, default: 0 }),
    brokers: field(
      array(
        struct('MetadataResponseBroker', {
          nodeId: field(int32),
          host: field(string),
          port: field(int32),
          rack: field(nullable(string, 1), { from: 1, default: null }),
        }),
      ),
    ),
    clusterId: field(nullable(string, 2), { from: 2, default: null }),
    controllerId: field(int32, { from: 1, default: -1 }),
    topics: field(
      array(
        struct('MetadataResponseTopic', {
          errorCode: field(int16),
          name: field(nullable(string, 12)), // null only where an unknown topic was asked for by id
          topicId: field(uuid, { from: 10, default: uuid.zero }),
          isInternal: field(bool, { from: 1, default: false }),
          partitions: field(
            array(
              struct('MetadataResponsePartition', {
                errorCode: field(int16),
                partitionIndex: field(int32),
                leaderId: field(int32),
                leaderEpoch: field(int32, { from: 7, default: -1 }),
                replicaNodes: field(array(int32)),
                isrNodes: field(array(int32)),
                offlineReplicas: field(array(int32), { from: 5, default: [] }),
              }),
            ),
          ),
          topicAuthorizedOperations: field(int32, { from: 8, default: notAskedFor }),
        }),
      ),
    ),
    clusterAuthorizedOperations: field(int32, { from: 8, to: 10, default: notAskedFor }),
    errorCode: field(int16, { from: 13, default: 0 }),
  },
})
