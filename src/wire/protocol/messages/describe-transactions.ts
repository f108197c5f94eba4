import { message } from '../message.ts'
import { array, field, int16, int32, int64, string, struct } from '../types.ts'

/** Describes transactions by their ids (KIP-664). Source: DescribeTransactionsRequest.json. */
export const describeTransactionsRequest = message({
  name: 'DescribeTransactionsRequest',
  key: 65,
  versions: [0, 0],
  flexible: 0,
  fields: { transactionalIds: field(array(string)) },
})

/** Source: DescribeTransactionsResponse.json. */
export const describeTransactionsResponse = message({
  name: 'DescribeTransactionsResponse',
  key: 65,
  versions: [0, 0],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    transactionStates: field(
      array(
        struct('TransactionState', {
          errorCode: field(int16),
          transactionalId: field(string),
          transactionState: field(string),
          transactionTimeoutMs: field(int32),
          transactionStartTimeMs: field(int64),
          producerId: field(int64),
          producerEpoch: field(int16),
          topics: field(array(struct('TopicData', { topic: field(string), partitions: field(array(int32)) }))),
        }),
      ),
    ),
  },
})
