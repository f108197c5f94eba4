import { message } from '../message.ts'
import { array, field, int16, int32, int64, string, struct } from '../types.ts'

/** Deletes records before an offset (KIP-107). v2 flexible. Source: DeleteRecordsRequest.json. */
export const deleteRecordsRequest = message({
  name: 'DeleteRecordsRequest',
  key: 21,
  versions: [0, 2],
  flexible: 2,
  fields: {
    topics: field(
      array(
        struct('DeleteRecordsTopic', {
          name: field(string),
          partitions: field(
            array(
              struct('DeleteRecordsPartition', {
                partitionIndex: field(int32),
                offset: field(int64), // -1: up to the high watermark
              }),
            ),
          ),
        }),
      ),
    ),
    timeoutMs: field(int32),
  },
})

/** lowWatermark: the first offset that is left. Source: DeleteRecordsResponse.json. */
export const deleteRecordsResponse = message({
  name: 'DeleteRecordsResponse',
  key: 21,
  versions: [0, 2],
  flexible: 2,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    topics: field(
      array(
        struct('DeleteRecordsTopicResult', {
          name: field(string),
          partitions: field(
            array(
              struct('DeleteRecordsPartitionResult', {
                partitionIndex: field(int32),
                lowWatermark: field(int64),
                errorCode: field(int16),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})
