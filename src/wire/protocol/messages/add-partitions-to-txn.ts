import { message } from '../message.ts'
import { array, bool, field, int16, int32, int64, string, struct } from '../types.ts'

const addPartitionsToTxnTopic = struct('AddPartitionsToTxnTopic', {
  name: field(string),
  partitions: field(array(int32)),
})

/**
 * Adds partitions to a transaction. v2 may answer PRODUCER_FENCED (KIP-588); v3 flexible; v4 many transactions, and
 * asking without adding (from brokers only); v5 may answer TRANSACTION_ABORTABLE (both KIP-890).
 * Source: AddPartitionsToTxnRequest.json.
 */
export const addPartitionsToTxnRequest = message({
  name: 'AddPartitionsToTxnRequest',
  key: 24,
  versions: [0, 5],
  flexible: 3,
  fields: {
    transactions: field(
      array(
        struct('AddPartitionsToTxnTransaction', {
          transactionalId: field(string, { from: 4 }),
          producerId: field(int64, { from: 4 }),
          producerEpoch: field(int16, { from: 4 }),
          verifyOnly: field(bool, { from: 4, default: false }),
          topics: field(array(addPartitionsToTxnTopic), { from: 4 }),
        }),
      ),
      { from: 4, default: [] },
    ),
    v3AndBelowTransactionalId: field(string, { to: 3, default: '' }),
    v3AndBelowProducerId: field(int64, { to: 3, default: 0n }),
    v3AndBelowProducerEpoch: field(int16, { to: 3, default: 0 }),
    v3AndBelowTopics: field(array(addPartitionsToTxnTopic), { to: 3, default: [] }),
  },
})

const addPartitionsToTxnPartitionResult = struct('AddPartitionsToTxnPartitionResult', {
  partitionIndex: field(int32),
  partitionErrorCode: field(int16),
})

const addPartitionsToTxnTopicResult = struct('AddPartitionsToTxnTopicResult', {
  name: field(string),
  resultsByPartition: field(array(addPartitionsToTxnPartitionResult)),
})

/** Source: AddPartitionsToTxnResponse.json. */
export const addPartitionsToTxnResponse = message({
  name: 'AddPartitionsToTxnResponse',
  key: 24,
  versions: [0, 5],
  flexible: 3,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16, { from: 4, default: 0 }),
    resultsByTransaction: field(
      array(
        struct('AddPartitionsToTxnResult', {
          transactionalId: field(string, { from: 4 }),
          topicResults: field(array(addPartitionsToTxnTopicResult), { from: 4 }),
        }),
      ),
      { from: 4, default: [] },
    ),
    resultsByTopicV3AndBelow: field(array(addPartitionsToTxnTopicResult), { to: 3, default: [] }),
  },
})
