import { message } from '../message.ts'
import { array, field, int16, int32, int64, nullable, string, struct, uint16, uuid } from '../types.ts'

/** Describes the controllers' quorum (KIP-595). v1 and v2 as v0. Source: DescribeQuorumRequest.json. */
export const describeQuorumRequest = message({
  name: 'DescribeQuorumRequest',
  key: 55,
  versions: [0, 2],
  flexible: 0,
  fields: {
    topics: field(
      array(
        struct('TopicData', {
          topicName: field(string),
          partitions: field(array(struct('PartitionData', { partitionIndex: field(int32) }))),
        }),
      ),
    ),
  },
})

const replicaState = struct('ReplicaState', {
  replicaId: field(int32),
  replicaDirectoryId: field(uuid, { from: 2, default: uuid.zero }),
  logEndOffset: field(int64),
  lastFetchTimestamp: field(int64, { from: 1, default: -1n }),
  lastCaughtUpTimestamp: field(int64, { from: 1, default: -1n }),
})

/**
 * v1 times of fetching (KIP-836); v2 directory ids, nodes and error messages (KIP-853).
 * Source: DescribeQuorumResponse.json.
 */
export const describeQuorumResponse = message({
  name: 'DescribeQuorumResponse',
  key: 55,
  versions: [0, 2],
  flexible: 0,
  fields: {
    errorCode: field(int16),
    errorMessage: field(nullable(string, 2), { from: 2, default: '' }),
    topics: field(
      array(
        struct('TopicData', {
          topicName: field(string),
          partitions: field(
            array(
              struct('PartitionData', {
                partitionIndex: field(int32),
                errorCode: field(int16),
                errorMessage: field(nullable(string, 2), { from: 2, default: '' }),
                leaderId: field(int32),
                leaderEpoch: field(int32),
                highWatermark: field(int64),
                currentVoters: field(array(replicaState)),
                observers: field(array(replicaState)),
              }),
            ),
          ),
        }),
      ),
    ),
    nodes: field(
      array(
        struct('Node', {
          nodeId: field(int32, { from: 2 }),
          listeners: field(
            array(
              struct('Listener', {
                name: field(string, { from: 2 }),
                host: field(string, { from: 2 }),
                port: field(uint16, { from: 2 }),
              }),
            ),
            { from: 2 },
          ),
        }),
      ),
      { from: 2, default: [] },
    ),
  },
})
