import { message } from '../message.ts'
import { array, bool, field, int16, int32, nullable, string, struct, uuid } from '../types.ts'

/**
 * Describes topics page by page, with their eligible leader replicas (KIP-966).
 * Source: DescribeTopicPartitionsRequest.json.
 */
export const describeTopicPartitionsRequest = message({
  name: 'DescribeTopicPartitionsRequest',
  key: 75,
  versions: [0, 0],
  flexible: 0,
  fields: {
    // none: all
    topics: field(array(struct('TopicRequest', { name: field(string) }))),
    responsePartitionLimit: field(int32, { default: 2000 }),
    cursor: field(nullable(struct('Cursor', { topicName: field(string), partitionIndex: field(int32) })), {
      default: null,
    }),
  },
})

/** Source: DescribeTopicPartitionsResponse.json. */
export const describeTopicPartitionsResponse = message({
  name: 'DescribeTopicPartitionsResponse',
  key: 75,
  versions: [0, 0],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    topics: field(
      array(
        struct('DescribeTopicPartitionsResponseTopic', {
          errorCode: field(int16),
          name: field(nullable(string)),
          topicId: field(uuid),
          isInternal: field(bool, { default: false }),
          partitions: field(
            array(
              struct('DescribeTopicPartitionsResponsePartition', {
                errorCode: field(int16),
                partitionIndex: field(int32),
                leaderId: field(int32),
                leaderEpoch: field(int32, { default: -1 }),
                replicaNodes: field(array(int32)),
                isrNodes: field(array(int32)),
                eligibleLeaderReplicas: field(nullable(array(int32)), { default: null }),
                lastKnownElr: field(nullable(array(int32)), { default: null }),
                offlineReplicas: field(array(int32)),
              }),
            ),
          ),
          topicAuthorizedOperations: field(int32, { default: -0x80000000 }), // bits; the default: not asked for
        }),
      ),
    ),
    nextCursor: field(nullable(struct('Cursor', { topicName: field(string), partitionIndex: field(int32) })), {
      default: null,
    }),
  },
})
