import { message } from '../message.ts'
import { array, bool, field, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Gives topics more partitions (KIP-195). v2 flexible; v3 may answer THROTTLING_QUOTA_EXCEEDED (KIP-599).
 * Source: CreatePartitionsRequest.json.
 */
export const createPartitionsRequest = message({
  name: 'CreatePartitionsRequest',
  key: 37,
  versions: [0, 3],
  flexible: 2,
  fields: {
    topics: field(
      array(
        struct('CreatePartitionsTopic', {
          name: field(string),
          count: field(int32), // in total
          // null: the broker chooses
          assignments: field(nullable(array(struct('CreatePartitionsAssignment', { brokerIds: field(array(int32)) })))),
        }),
      ),
    ),
    timeoutMs: field(int32),
    validateOnly: field(bool),
  },
})

/** Source: CreatePartitionsResponse.json. */
export const createPartitionsResponse = message({
  name: 'CreatePartitionsResponse',
  key: 37,
  versions: [0, 3],
  flexible: 2,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    results: field(
      array(
        struct('CreatePartitionsTopicResult', {
          name: field(string),
          errorCode: field(int16),
          errorMessage: field(nullable(string), { default: null }),
        }),
      ),
    ),
  },
})
