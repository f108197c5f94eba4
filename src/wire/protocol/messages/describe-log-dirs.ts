import { message } from '../message.ts'
import { array, bool, field, int16, int32, int64, nullable, string, struct } from '../types.ts'

/**
 * Describes the log directories of a broker (KIP-113). v2 flexible; v3 to v5 as v2.
 * Source: DescribeLogDirsRequest.json.
 */
export const describeLogDirsRequest = message({
  name: 'DescribeLogDirsRequest',
  key: 35,
  versions: [1, 5],
  flexible: 2,
  fields: {
    // null: all
    topics: field(
      nullable(array(struct('DescribableLogDirTopic', { topic: field(string), partitions: field(array(int32)) }))),
    ),
  },
})

/**
 * v3 top-level error; v4 the volume's bytes (KIP-827); v5 cordoned directories (KIP-1066).
 * Source: DescribeLogDirsResponse.json.
 */
export const describeLogDirsResponse = message({
  name: 'DescribeLogDirsResponse',
  key: 35,
  versions: [1, 5],
  flexible: 2,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16, { from: 3, default: 0 }),
    results: field(
      array(
        struct('DescribeLogDirsResult', {
          errorCode: field(int16),
          logDir: field(string),
          topics: field(
            array(
              struct('DescribeLogDirsTopic', {
                name: field(string),
                partitions: field(
                  array(
                    struct('DescribeLogDirsPartition', {
                      partitionIndex: field(int32),
                      partitionSize: field(int64),
                      offsetLag: field(int64),
                      isFutureKey: field(bool), // a replica that is being moved here
                    }),
                  ),
                ),
              }),
            ),
          ),
          totalBytes: field(int64, { from: 4, default: -1n }),
          usableBytes: field(int64, { from: 4, default: -1n }),
          isCordoned: field(bool, { from: 5, default: false }),
        }),
      ),
    ),
  },
})
