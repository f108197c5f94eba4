import { message } from '../message.ts'
import { array, field, int16, int32, nullable, string, struct } from '../types.ts'

/** Lists the moves of partitions that are under way (KIP-455). Source: ListPartitionReassignmentsRequest.json. */
export const listPartitionReassignmentsRequest = message({
  name: 'ListPartitionReassignmentsRequest',
  key: 46,
  versions: [0, 0],
  flexible: 0,
  fields: {
    timeoutMs: field(int32, { default: 60_000 }),
    // null: all
    topics: field(
      nullable(
        array(
          struct('ListPartitionReassignmentsTopics', { name: field(string), partitionIndexes: field(array(int32)) }),
        ),
      ),
      { default: null },
    ),
  },
})

/** Source: ListPartitionReassignmentsResponse.json. */
export const listPartitionReassignmentsResponse = message({
  name: 'ListPartitionReassignmentsResponse',
  key: 46,
  versions: [0, 0],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    errorMessage: field(nullable(string)),
    topics: field(
      array(
        struct('OngoingTopicReassignment', {
          name: field(string),
          partitions: field(
            array(
              struct('OngoingPartitionReassignment', {
                partitionIndex: field(int32),
                replicas: field(array(int32)),
                addingReplicas: field(array(int32)),
                removingReplicas: field(array(int32)),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})
