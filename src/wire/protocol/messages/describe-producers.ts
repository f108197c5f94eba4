import { message } from '../message.ts'
import { array, field, int16, int32, int64, nullable, string, struct } from '../types.ts'

/** Describes the producers that a partition's leader remembers (KIP-664). Source: DescribeProducersRequest.json. */
export const describeProducersRequest = message({
  name: 'DescribeProducersRequest',
  key: 61,
  versions: [0, 0],
  flexible: 0,
  fields: {
    topics: field(array(struct('TopicRequest', { name: field(string), partitionIndexes: field(array(int32)) }))),
  },
})

/** Source: DescribeProducersResponse.json. */
export const describeProducersResponse = message({
  name: 'DescribeProducersResponse',
  key: 61,
  versions: [0, 0],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    topics: field(
      array(
        struct('TopicResponse', {
          name: field(string),
          partitions: field(
            array(
              struct('PartitionResponse', {
                partitionIndex: field(int32),
                errorCode: field(int16),
                errorMessage: field(nullable(string), { default: null }),
                activeProducers: field(
                  array(
                    struct('ProducerState', {
                      producerId: field(int64),
                      producerEpoch: field(int32),
                      lastSequence: field(int32, { default: -1 }),
                      lastTimestamp: field(int64, { default: -1n }),
                      coordinatorEpoch: field(int32),
                      currentTxnStartOffset: field(int64, { default: -1n }),
                    }),
                  ),
                ),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})
