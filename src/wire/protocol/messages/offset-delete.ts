import { message } from '../message.ts'
import { array, field, int16, int32, string, struct } from '../types.ts'

/**
 * Deletes a group's committed offsets of partitions it is not subscribed to (KIP-496).
 * Source: OffsetDeleteRequest.json.
 */
export const offsetDeleteRequest = message({
  name: 'OffsetDeleteRequest',
  key: 47,
  versions: [0, 0],
  fields: {
    groupId: field(string),
    topics: field(
      array(
        struct('OffsetDeleteRequestTopic', {
          name: field(string),
          partitions: field(array(struct('OffsetDeleteRequestPartition', { partitionIndex: field(int32) }))),
        }),
      ),
    ),
  },
})

/** Source: OffsetDeleteResponse.json. */
export const offsetDeleteResponse = message({
  name: 'OffsetDeleteResponse',
  key: 47,
  versions: [0, 0],
  fields: {
    errorCode: field(int16),
    throttleTimeMs: field(int32, { default: 0 }),
    topics: field(
      array(
        struct('OffsetDeleteResponseTopic', {
          name: field(string),
          partitions: field(
            array(struct('OffsetDeleteResponsePartition', { partitionIndex: field(int32), errorCode: field(int16) })),
          ),
        }),
      ),
    ),
  },
})
