import { message } from '../message.ts'
import { bool, field, int16, int32, int64, string } from '../types.ts'

/**
 * Commits or aborts a transaction (KIP-98). v2 may answer PRODUCER_FENCED (KIP-588); v3 flexible; v4 may answer
 * TRANSACTION_ABORTABLE; v5 raises the epoch with each transaction (both KIP-890). Source: EndTxnRequest.json.
 */
export const endTxnRequest = message({
  name: 'EndTxnRequest',
  key: 26,
  versions: [0, 5],
  flexible: 3,
  fields: {
    transactionalId: field(string),
    producerId: field(int64),
    producerEpoch: field(int16),
    committed: field(bool),
  },
})

/** v5 answers with the next transaction's id and epoch (KIP-890). Source: EndTxnResponse.json. */
export const endTxnResponse = message({
  name: 'EndTxnResponse',
  key: 26,
  versions: [0, 5],
  flexible: 3,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    producerId: field(int64, { from: 5, default: -1n }),
    producerEpoch: field(int16, { from: 5, default: -1 }),
  },
})
