import { message } from '../message.ts'
import { array, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/** Has leaders elected (KIP-183). v1 election types (KIP-460); v2 flexible. Source: ElectLeadersRequest.json. */
export const electLeadersRequest = message({
  name: 'ElectLeadersRequest',
  key: 43,
  versions: [0, 2],
  flexible: 2,
  fields: {
    electionType: field(int8, { from: 1, default: 0 }), // 0 preferred, 1 unclean
    // null: all
    topicPartitions: field(
      nullable(array(struct('TopicPartitions', { topic: field(string), partitions: field(array(int32)) }))),
    ),
    timeoutMs: field(int32, { default: 60_000 }),
  },
})

/** Source: ElectLeadersResponse.json. */
export const electLeadersResponse = message({
  name: 'ElectLeadersResponse',
  key: 43,
  versions: [0, 2],
  flexible: 2,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16, { from: 1, default: 0 }),
    replicaElectionResults: field(
      array(
        struct('ReplicaElectionResult', {
          topic: field(string),
          partitionResult: field(
            array(
              struct('PartitionResult', {
                partitionId: field(int32),
                errorCode: field(int16),
                errorMessage: field(nullable(string)),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})
