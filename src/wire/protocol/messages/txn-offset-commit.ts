import { message } from '../message.ts'
import { array, field, int16, int32, int64, nullable, string, struct } from '../types.ts'

/**
 * Commits a group's offsets within a transaction (KIP-98). v2 leader epochs (KIP-320); v3 flexible, fences by the
 * group's generation (KIP-447); v4 may answer TRANSACTION_ABORTABLE; v5 adds the group to the transaction by itself
 * (both KIP-890). Source: TxnOffsetCommitRequest.json.
 */
export const txnOffsetCommitRequest = message({
  name: 'TxnOffsetCommitRequest',
  key: 28,
  versions: [0, 5],
  flexible: 3,
  fields: {
    transactionalId: field(string),
    groupId: field(string),
    producerId: field(int64),
    producerEpoch: field(int16),
    generationId: field(int32, { from: 3, default: -1 }),
    memberId: field(string, { from: 3, default: '' }),
    groupInstanceId: field(nullable(string, 3), { from: 3, default: null }),
    topics: field(
      array(
        struct('TxnOffsetCommitRequestTopic', {
          name: field(string),
          partitions: field(
            array(
              struct('TxnOffsetCommitRequestPartition', {
                partitionIndex: field(int32),
                committedOffset: field(int64),
                committedLeaderEpoch: field(int32, { from: 2, default: -1 }),
                committedMetadata: field(nullable(string)),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})

/** Source: TxnOffsetCommitResponse.json. */
export const txnOffsetCommitResponse = message({
  name: 'TxnOffsetCommitResponse',
  key: 28,
  versions: [0, 5],
  flexible: 3,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    topics: field(
      array(
        struct('TxnOffsetCommitResponseTopic', {
          name: field(string),
          partitions: field(
            array(
              struct('TxnOffsetCommitResponsePartition', { partitionIndex: field(int32), errorCode: field(int16) }),
            ),
          ),
        }),
      ),
    ),
  },
})
