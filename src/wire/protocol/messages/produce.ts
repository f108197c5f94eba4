import { message } from '../message.ts'
import { array, field, int16, int32, int64, nullable, records, string, struct, uuid } from '../types.ts'

/**
 * Appends record batches, one a partition. v3 is the first with record batch v2; v9 flexible; v10 leader hints (KIP-951);
 * v12 implicit AddPartitionsToTxn (KIP-890); v13 topic ids in place of names.
 * Source: ProduceRequest.json. The client writes this request by hand (client/sender), checked against this table.
 */
export const produceRequest = message({
  name: 'ProduceRequest',
  key: 0,
  versions: [3, 13],
  flexible: 9,
  fields: {
    transactionalId: field(nullable(string, 3), { from: 3, default: null }),
    acks: field(int16),
    timeoutMs: field(int32),
    topicData: field(
      array(
        struct('TopicProduceData', {
          name: field(string, { to: 12, default: '' }),
          topicId: field(uuid, { from: 13, default: uuid.zero }),
          partitionData: field(
            array(struct('PartitionProduceData', { index: field(int32), records: field(nullable(records)) })),
          ),
        }),
      ),
    ),
  },
})

/** Source: ProduceResponse.json. */
export const produceResponse = message({
  name: 'ProduceResponse',
  key: 0,
  versions: [3, 13],
  flexible: 9,
  fields: {
    responses: field(
      array(
        struct('TopicProduceResponse', {
          name: field(string, { to: 12, default: '' }),
          topicId: field(uuid, { from: 13, default: uuid.zero }),
          partitionResponses: field(
            array(
              struct('PartitionProduceResponse', {
                index: field(int32),
                errorCode: field(int16),
                baseOffset: field(int64),
                logAppendTimeMs: field(int64, { from: 2, default: -1n }),
                logStartOffset: field(int64, { from: 5, default: -1n }),
                recordErrors: field(
                  array(
                    struct('BatchIndexAndErrorMessage', {
                      batchIndex: field(int32, { from: 8 }),
                      batchIndexErrorMessage: field(nullable(string, 8), { from: 8, default: null }),
                    }),
                  ),
                  { from: 8, default: [] },
                ),
                errorMessage: field(nullable(string, 8), { from: 8, default: null }),
                currentLeader: field(
                  struct('LeaderIdAndEpoch', {
                    leaderId: field(int32, { from: 10, default: -1 }),
                    leaderEpoch: field(int32, { from: 10, default: -1 }),
                  }),
                  { from: 10, tag: 0, default: { leaderId: -1, leaderEpoch: -1 } },
                ),
              }),
            ),
          ),
        }),
      ),
    ),
    throttleTimeMs: field(int32, { from: 1, default: 0 }),
    nodeEndpoints: field(
      array(
        struct('NodeEndpoint', {
          nodeId: field(int32, { from: 10 }),
          host: field(string, { from: 10 }),
          port: field(int32, { from: 10 }),
          rack: field(nullable(string, 10), { from: 10, default: null }),
        }),
      ),
      { from: 10, tag: 0, default: [] },
    ),
  },
})
