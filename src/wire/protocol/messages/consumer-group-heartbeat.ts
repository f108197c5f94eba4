import { message } from '../message.ts'
import { array, field, int16, int32, nullable, string, struct, uuid } from '../types.ts'

/**
 * Joins, keeps and leaves a group of the new protocol; fields that did not change since the last one are null
 * (KIP-848). v1 subscription by pattern, and the member makes its own id (KIP-1082).
 * Source: ConsumerGroupHeartbeatRequest.json.
 */
export const consumerGroupHeartbeatRequest = message({
  name: 'ConsumerGroupHeartbeatRequest',
  key: 68,
  versions: [0, 1],
  flexible: 0,
  fields: {
    groupId: field(string),
    memberId: field(string),
    memberEpoch: field(int32), // 0 joins, -1 leaves, -2 leaves for a while (static members)
    instanceId: field(nullable(string), { default: null }),
    rackId: field(nullable(string), { default: null }),
    rebalanceTimeoutMs: field(int32, { default: -1 }),
    subscribedTopicNames: field(nullable(array(string)), { default: null }),
    subscribedTopicRegex: field(nullable(string, 1), { from: 1, default: null }),
    serverAssignor: field(nullable(string), { default: null }),
    // what the member owns
    topicPartitions: field(
      nullable(array(struct('TopicPartitions', { topicId: field(uuid), partitions: field(array(int32)) }))),
      { default: null },
    ),
  },
})

const topicPartitions = struct('TopicPartitions', { topicId: field(uuid), partitions: field(array(int32)) })

/** Null assignment: it has not changed. Source: ConsumerGroupHeartbeatResponse.json. */
export const consumerGroupHeartbeatResponse = message({
  name: 'ConsumerGroupHeartbeatResponse',
  key: 68,
  versions: [0, 1],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    errorMessage: field(nullable(string), { default: null }),
    memberId: field(nullable(string), { default: null }),
    memberEpoch: field(int32),
    heartbeatIntervalMs: field(int32),
    assignment: field(nullable(struct('Assignment', { topicPartitions: field(array(topicPartitions)) })), {
      default: null,
    }),
  },
})
