import { message } from '../message.ts'
import { array, bool, field, int8, int16, int32, int64, string, struct } from '../types.ts'

/**
 * The transaction coordinator has commit or abort markers written by the leaders (KIP-98). v1 flexible; v2 transaction
 * version (KIP-1228). Source: WriteTxnMarkersRequest.json.
 */
export const writeTxnMarkersRequest = message({
  name: 'WriteTxnMarkersRequest',
  key: 27,
  versions: [1, 2],
  flexible: 1,
  fields: {
    markers: field(
      array(
        struct('WritableTxnMarker', {
          producerId: field(int64),
          producerEpoch: field(int16),
          transactionResult: field(bool), // true: commit
          topics: field(
            array(struct('WritableTxnMarkerTopic', { name: field(string), partitionIndexes: field(array(int32)) })),
          ),
          coordinatorEpoch: field(int32),
          transactionVersion: field(int8, { from: 2, default: 0 }),
        }),
      ),
    ),
  },
})

/** Source: WriteTxnMarkersResponse.json. */
export const writeTxnMarkersResponse = message({
  name: 'WriteTxnMarkersResponse',
  key: 27,
  versions: [1, 2],
  flexible: 1,
  fields: {
    markers: field(
      array(
        struct('WritableTxnMarkerResult', {
          producerId: field(int64),
          topics: field(
            array(
              struct('WritableTxnMarkerTopicResult', {
                name: field(string),
                partitions: field(
                  array(
                    struct('WritableTxnMarkerPartitionResult', {
                      partitionIndex: field(int32),
                      errorCode: field(int16),
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
