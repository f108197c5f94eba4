import { message } from '../message.ts'
import { array, field, int16, int32, int64, string, struct } from '../types.ts'

/**
 * Asks where leader epochs end (KIP-101). v2 the asker's own epoch, to be fenced by (KIP-320); v3 replica id
 * (KIP-392); v4 flexible. Source: OffsetForLeaderEpochRequest.json.
 */
export const offsetForLeaderEpochRequest = message({
  name: 'OffsetForLeaderEpochRequest',
  key: 23,
  versions: [2, 4],
  flexible: 4,
  fields: {
    replicaId: field(int32, { from: 3, default: -2 }), // -2: a consumer that sees beyond the high watermark; -1: an ordinary one
    topics: field(
      array(
        struct('OffsetForLeaderTopic', {
          topic: field(string),
          partitions: field(
            array(
              struct('OffsetForLeaderPartition', {
                partition: field(int32),
                currentLeaderEpoch: field(int32, { from: 2, default: -1 }),
                leaderEpoch: field(int32),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})

/** Source: OffsetForLeaderEpochResponse.json. */
export const offsetForLeaderEpochResponse = message({
  name: 'OffsetForLeaderEpochResponse',
  key: 23,
  versions: [2, 4],
  flexible: 4,
  fields: {
    throttleTimeMs: field(int32, { from: 2, default: 0 }),
    topics: field(
      array(
        struct('OffsetForLeaderTopicResult', {
          topic: field(string),
          partitions: field(
            array(
              struct('EpochEndOffset', {
                errorCode: field(int16),
                partition: field(int32),
                leaderEpoch: field(int32, { from: 1, default: -1 }),
                endOffset: field(int64, { default: -1n }),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})
