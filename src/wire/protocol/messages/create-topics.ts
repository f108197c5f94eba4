import { message } from '../message.ts'
import { array, bool, field, int8, int16, int32, nullable, string, struct, uuid } from '../types.ts'

/**
 * Creates topics. v4 lets partitions and replication factor be -1, the broker's default (KIP-464); v5 flexible and answers
 * with the topic's configuration (KIP-525); v7 answers with the topic id. Source: CreateTopicsRequest.json.
 */
export const createTopicsRequest = message({
  name: 'CreateTopicsRequest',
  key: 19,
  versions: [2, 7],
  flexible: 5,
  fields: {
    topics: field(
      array(
        struct('CreatableTopic', {
          name: field(string),
          numPartitions: field(int32), // -1 where assignments are given
          replicationFactor: field(int16), // -1 where assignments are given
          assignments: field(
            array(
              struct('CreatableReplicaAssignment', { partitionIndex: field(int32), brokerIds: field(array(int32)) }),
            ),
            { default: [] },
          ),
          configs: field(
            array(struct('CreatableTopicConfig', { name: field(string), value: field(nullable(string)) })),
            { default: [] },
          ),
        }),
      ),
    ),
    timeoutMs: field(int32, { default: 60_000 }),
    validateOnly: field(bool, { from: 1, default: false }),
  },
})

/** Source: CreateTopicsResponse.json. */
export const createTopicsResponse = message({
  name: 'CreateTopicsResponse',
  key: 19,
  versions: [2, 7],
  flexible: 5,
  fields: {
    throttleTimeMs: field(int32, { from: 2, default: 0 }),
    topics: field(
      array(
        struct('CreatableTopicResult', {
          name: field(string),
          topicId: field(uuid, { from: 7, default: uuid.zero }),
          errorCode: field(int16),
          errorMessage: field(nullable(string), { from: 1, default: '' }),
          topicConfigErrorCode: field(int16, { from: 5, tag: 0, default: 0 }),
          numPartitions: field(int32, { from: 5, default: -1 }),
          replicationFactor: field(int16, { from: 5, default: -1 }),
          configs: field(
            nullable(
              array(
                struct('CreatableTopicConfigs', {
                  name: field(string, { from: 5 }),
                  value: field(nullable(string, 5), { from: 5 }),
                  readOnly: field(bool, { from: 5 }),
                  configSource: field(int8, { from: 5, default: -1 }),
                  isSensitive: field(bool, { from: 5 }),
                }),
              ),
              5,
            ),
            { from: 5, default: [] },
          ),
        }),
      ),
    ),
  },
})
