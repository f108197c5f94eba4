import { message } from '../message.ts'
import { field, int16, int32, int64, string } from '../types.ts'

/**
 * Adds a group's partition of __consumer_offsets to a transaction (KIP-98). v2 may answer PRODUCER_FENCED (KIP-588);
 * v3 flexible; v4 may answer TRANSACTION_ABORTABLE (KIP-890). Source: AddOffsetsToTxnRequest.json.
 */
export const addOffsetsToTxnRequest = message({
  name: 'AddOffsetsToTxnRequest',
  key: 25,
  versions: [0, 4],
  flexible: 3,
  fields: {
    transactionalId: field(string),
    producerId: field(int64),
    producerEpoch: field(int16),
    groupId: field(string),
  },
})

/** Source: AddOffsetsToTxnResponse.json. */
export const addOffsetsToTxnResponse = message({
  name: 'AddOffsetsToTxnResponse',
  key: 25,
  versions: [0, 4],
  flexible: 3,
  fields: { throttleTimeMs: field(int32, { default: 0 }), errorCode: field(int16) },
})
