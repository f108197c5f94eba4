import { message } from '../message.ts'
import { array, field, int8, int16, int32, int64, string, struct } from '../types.ts'

/**
 * Asks for an offset by time. Negative timestamps have meanings: -1 latest, -2 earliest, -3 that of the highest timestamp
 * (v7, KIP-734), -4 earliest local (v8, KIP-405), -5 latest tiered (v9, KIP-1005), -6 earliest not yet uploaded
 * (v11, KIP-1023). v2 isolation level; v4 leader epochs; v6 flexible; v10 a timeout (KIP-1075).
 * Source: ListOffsetsRequest.json.
 */
export const listOffsetsRequest = message({
  name: 'ListOffsetsRequest',
  key: 2,
  versions: [1, 11],
  flexible: 6,
  fields: {
    replicaId: field(int32), // -1: a client
    isolationLevel: field(int8, { from: 2, default: 0 }),
    topics: field(
      array(
        struct('ListOffsetsTopic', {
          name: field(string),
          partitions: field(
            array(
              struct('ListOffsetsPartition', {
                partitionIndex: field(int32),
                currentLeaderEpoch: field(int32, { from: 4, default: -1 }),
                timestamp: field(int64),
              }),
            ),
          ),
        }),
      ),
    ),
    timeoutMs: field(int32, { from: 10, default: 0 }),
  },
})

/** Source: ListOffsetsResponse.json. */
export const listOffsetsResponse = message({
  name: 'ListOffsetsResponse',
  key: 2,
  versions: [1, 11],
  flexible: 6,
  fields: {
    throttleTimeMs: field(int32, { from: 2, default: 0 }),
    topics: field(
      array(
        struct('ListOffsetsTopicResponse', {
          name: field(string),
          partitions: field(
            array(
              struct('ListOffsetsPartitionResponse', {
                partitionIndex: field(int32),
                errorCode: field(int16),
                timestamp: field(int64, { from: 1, default: -1n }),
                offset: field(int64, { from: 1, default: -1n }),
                leaderEpoch: field(int32, { from: 4, default: -1 }),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})
