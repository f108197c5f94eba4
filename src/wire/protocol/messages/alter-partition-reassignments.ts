import { message } from '../message.ts'
import { array, bool, field, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Begins or cancels the move of partitions to other replicas (KIP-455). v1 may forbid another replication factor
 * (KIP-860). Source: AlterPartitionReassignmentsRequest.json.
 */
export const alterPartitionReassignmentsRequest = message({
  name: 'AlterPartitionReassignmentsRequest',
  key: 45,
  versions: [0, 1],
  flexible: 0,
  fields: {
    timeoutMs: field(int32, { default: 60_000 }),
    allowReplicationFactorChange: field(bool, { from: 1, default: true }),
    topics: field(
      array(
        struct('ReassignableTopic', {
          name: field(string),
          partitions: field(
            array(
              struct('ReassignablePartition', {
                partitionIndex: field(int32),
                replicas: field(nullable(array(int32)), { default: null }), // null: cancels the move
              }),
            ),
          ),
        }),
      ),
    ),
  },
})

/** Source: AlterPartitionReassignmentsResponse.json. */
export const alterPartitionReassignmentsResponse = message({
  name: 'AlterPartitionReassignmentsResponse',
  key: 45,
  versions: [0, 1],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    allowReplicationFactorChange: field(bool, { from: 1, default: true }),
    errorCode: field(int16),
    errorMessage: field(nullable(string)),
    responses: field(
      array(
        struct('ReassignableTopicResponse', {
          name: field(string),
          partitions: field(
            array(
              struct('ReassignablePartitionResponse', {
                partitionIndex: field(int32),
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
