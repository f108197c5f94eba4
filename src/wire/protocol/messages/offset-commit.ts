import { message } from '../message.ts'
import { array, field, int16, int32, int64, nullable, string, struct, uuid } from '../types.ts'

/**
 * Commits a group's offsets. v5 retention time gone (KIP-211); v6 leader epochs (KIP-320); v7 static members
 * (KIP-345); v8 flexible; v9 member epochs, for the new group protocol; v10 topic ids in place of names (KIP-848).
 * Source: OffsetCommitRequest.json.
 */
export const offsetCommitRequest = message({
  name: 'OffsetCommitRequest',
  key: 8,
  versions: [2, 10],
  flexible: 8,
  fields: {
    groupId: field(string),
    generationIdOrMemberEpoch: field(int32, { from: 1, default: -1 }), // -1: no member, only a user of the group
    memberId: field(string, { from: 1 }),
    groupInstanceId: field(nullable(string, 7), { from: 7, default: null }),
    retentionTimeMs: field(int64, { from: 2, to: 4, default: -1n }), // -1: the broker's
    topics: field(
      array(
        struct('OffsetCommitRequestTopic', {
          name: field(string, { to: 9, default: '' }),
          topicId: field(uuid, { from: 10, default: uuid.zero }),
          partitions: field(
            array(
              struct('OffsetCommitRequestPartition', {
                partitionIndex: field(int32),
                committedOffset: field(int64),
                committedLeaderEpoch: field(int32, { from: 6, default: -1 }),
                committedMetadata: field(nullable(string)),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})

/** Source: OffsetCommitResponse.json. */
export const offsetCommitResponse = message({
  name: 'OffsetCommitResponse',
  key: 8,
  versions: [2, 10],
  flexible: 8,
  fields: {
    throttleTimeMs: field(int32, { from: 3, default: 0 }),
    topics: field(
      array(
        struct('OffsetCommitResponseTopic', {
          name: field(string, { to: 9, default: '' }),
          topicId: field(uuid, { from: 10, default: uuid.zero }),
          partitions: field(
            array(struct('OffsetCommitResponsePartition', { partitionIndex: field(int32), errorCode: field(int16) })),
          ),
        }),
      ),
    ),
  },
})
