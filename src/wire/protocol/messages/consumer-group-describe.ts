import { message } from '../message.ts'
import { array, bool, field, int8, int16, int32, nullable, string, struct, uuid } from '../types.ts'

/** Describes groups of the new protocol (KIP-848). v1 as v0. Source: ConsumerGroupDescribeRequest.json. */
export const consumerGroupDescribeRequest = message({
  name: 'ConsumerGroupDescribeRequest',
  key: 69,
  versions: [0, 1],
  flexible: 0,
  fields: { groupIds: field(array(string)), includeAuthorizedOperations: field(bool) },
})

const topicPartitions = struct('TopicPartitions', {
  topicId: field(uuid),
  topicName: field(string),
  partitions: field(array(int32)),
})

const assignment = struct('Assignment', { topicPartitions: field(array(topicPartitions)) })

/** v1 member types (KIP-1099). Source: ConsumerGroupDescribeResponse.json. */
export const consumerGroupDescribeResponse = message({
  name: 'ConsumerGroupDescribeResponse',
  key: 69,
  versions: [0, 1],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    groups: field(
      array(
        struct('DescribedGroup', {
          errorCode: field(int16),
          errorMessage: field(nullable(string), { default: null }),
          groupId: field(string),
          groupState: field(string),
          groupEpoch: field(int32),
          assignmentEpoch: field(int32),
          assignorName: field(string),
          members: field(
            array(
              struct('Member', {
                memberId: field(string),
                instanceId: field(nullable(string), { default: null }),
                rackId: field(nullable(string), { default: null }),
                memberEpoch: field(int32),
                clientId: field(string),
                clientHost: field(string),
                subscribedTopicNames: field(array(string)),
                subscribedTopicRegex: field(nullable(string), { default: null }),
                assignment: field(assignment),
                targetAssignment: field(assignment),
                memberType: field(int8, { from: 1, default: -1 }), // -1 unknown, 0 classic, 1 consumer
              }),
            ),
          ),
          authorizedOperations: field(int32, { default: -0x80000000 }), // bits; the default: not asked for
        }),
      ),
    ),
  },
})
