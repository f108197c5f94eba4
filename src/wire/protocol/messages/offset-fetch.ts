import { message } from '../message.ts'
import { array, bool, field, int16, int32, int64, nullable, string, struct, uuid } from '../types.ts'

/**
 * Asks for a group's committed offsets. v2 null topics: all; v6 flexible; v7 requireStable (KIP-447); v8 many groups,
 * in place of groupId and topics (KIP-709); v9 member epochs, v10 topic ids in place of names (KIP-848).
 * Source: OffsetFetchRequest.json.
 */
export const offsetFetchRequest = message({
  name: 'OffsetFetchRequest',
  key: 9,
  versions: [1, 10],
  flexible: 6,
  fields: {
    groupId: field(string, { to: 7, default: '' }),
    // null: all
    topics: field(
      nullable(
        array(
          struct('OffsetFetchRequestTopic', {
            name: field(string, { to: 7 }),
            partitionIndexes: field(array(int32), { to: 7 }),
          }),
        ),
        2,
      ),
      { to: 7, default: [] },
    ),
    groups: field(
      array(
        struct('OffsetFetchRequestGroup', {
          groupId: field(string, { from: 8 }),
          memberId: field(nullable(string, 9), { from: 9, default: null }),
          memberEpoch: field(int32, { from: 9, default: -1 }),
          // null: all
          topics: field(
            nullable(
              array(
                struct('OffsetFetchRequestTopics', {
                  name: field(string, { from: 8, to: 9, default: '' }),
                  topicId: field(uuid, { from: 10, default: uuid.zero }),
                  partitionIndexes: field(array(int32), { from: 8 }),
                }),
              ),
              8,
            ),
            { from: 8 },
          ),
        }),
      ),
      { from: 8, default: [] },
    ),
    requireStable: field(bool, { from: 7, default: false }),
  },
})

/** committedOffset -1: none committed. v5 leader epochs (KIP-320). Source: OffsetFetchResponse.json. */
export const offsetFetchResponse = message({
  name: 'OffsetFetchResponse',
  key: 9,
  versions: [1, 10],
  flexible: 6,
  fields: {
    throttleTimeMs: field(int32, { from: 3, default: 0 }),
    topics: field(
      array(
        struct('OffsetFetchResponseTopic', {
          name: field(string, { to: 7 }),
          partitions: field(
            array(
              struct('OffsetFetchResponsePartition', {
                partitionIndex: field(int32, { to: 7 }),
                committedOffset: field(int64, { to: 7 }), // -1: none
                committedLeaderEpoch: field(int32, { from: 5, to: 7, default: -1 }),
                metadata: field(nullable(string), { to: 7 }),
                errorCode: field(int16, { to: 7 }),
              }),
            ),
            { to: 7 },
          ),
        }),
      ),
      { to: 7, default: [] },
    ),
    errorCode: field(int16, { from: 2, to: 7, default: 0 }),
    groups: field(
      array(
        struct('OffsetFetchResponseGroup', {
          groupId: field(string, { from: 8 }),
          topics: field(
            array(
              struct('OffsetFetchResponseTopics', {
                name: field(string, { from: 8, to: 9, default: '' }),
                topicId: field(uuid, { from: 10, default: uuid.zero }),
                partitions: field(
                  array(
                    struct('OffsetFetchResponsePartitions', {
                      partitionIndex: field(int32, { from: 8 }),
                      committedOffset: field(int64, { from: 8 }),
                      committedLeaderEpoch: field(int32, { from: 8, default: -1 }),
                      metadata: field(nullable(string, 8), { from: 8 }),
                      errorCode: field(int16, { from: 8 }),
                    }),
                  ),
                  { from: 8 },
                ),
              }),
            ),
            { from: 8 },
          ),
          errorCode: field(int16, { from: 8, default: 0 }),
        }),
      ),
      { from: 8, default: [] },
    ),
  },
})
