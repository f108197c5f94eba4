import { message } from '../message.ts'
import { array, field, int16, int32, string, struct } from '../types.ts'

/**
 * Moves replicas to another log directory of their broker (KIP-113). v2 flexible.
 * Source: AlterReplicaLogDirsRequest.json.
 */
export const alterReplicaLogDirsRequest = message({
  name: 'AlterReplicaLogDirsRequest',
  key: 34,
  versions: [1, 2],
  flexible: 2,
  fields: {
    dirs: field(
      array(
        struct('AlterReplicaLogDir', {
          path: field(string),
          topics: field(
            array(struct('AlterReplicaLogDirTopic', { name: field(string), partitions: field(array(int32)) })),
          ),
        }),
      ),
    ),
  },
})

/** Source: AlterReplicaLogDirsResponse.json. */
export const alterReplicaLogDirsResponse = message({
  name: 'AlterReplicaLogDirsResponse',
  key: 34,
  versions: [1, 2],
  flexible: 2,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    results: field(
      array(
        struct('AlterReplicaLogDirTopicResult', {
          topicName: field(string),
          partitions: field(
            array(
              struct('AlterReplicaLogDirPartitionResult', { partitionIndex: field(int32), errorCode: field(int16) }),
            ),
          ),
        }),
      ),
    ),
  },
})
