import { message } from '../message.ts'
import { array, field, int16, int32, nullable, string, struct, uuid } from '../types.ts'

/**
 * Deletes topics, by name; from v6 on by name or by id. v4 flexible; v5 error messages (KIP-599).
 * Source: DeleteTopicsRequest.json.
 */
export const deleteTopicsRequest = message({
  name: 'DeleteTopicsRequest',
  key: 20,
  versions: [1, 6],
  flexible: 4,
  fields: {
    topics: field(
      array(
        struct('DeleteTopicState', {
          name: field(nullable(string, 6), { from: 6, default: null }),
          topicId: field(uuid, { from: 6, default: uuid.zero }),
        }),
      ),
      { from: 6, default: [] },
    ),
    topicNames: field(array(string), { to: 5, default: [] }),
    timeoutMs: field(int32),
  },
})

/** Source: DeleteTopicsResponse.json. */
export const deleteTopicsResponse = message({
  name: 'DeleteTopicsResponse',
  key: 20,
  versions: [1, 6],
  flexible: 4,
  fields: {
    throttleTimeMs: field(int32, { from: 1, default: 0 }),
    responses: field(
      array(
        struct('DeletableTopicResult', {
          name: field(nullable(string, 6)),
          topicId: field(uuid, { from: 6, default: uuid.zero }),
          errorCode: field(int16),
          errorMessage: field(nullable(string, 5), { from: 5, default: null }),
        }),
      ),
    ),
  },
})
