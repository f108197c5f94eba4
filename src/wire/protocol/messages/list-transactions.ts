import { message } from '../message.ts'
import { array, field, int16, int32, int64, nullable, string, struct } from '../types.ts'

/**
 * Lists the transactions this broker coordinates (KIP-664). v1 older than a duration (KIP-994); v2 ids that match a
 * pattern (KIP-1152). Source: ListTransactionsRequest.json.
 */
export const listTransactionsRequest = message({
  name: 'ListTransactionsRequest',
  key: 66,
  versions: [0, 2],
  flexible: 0,
  fields: {
    stateFilters: field(array(string)),
    producerIdFilters: field(array(int64)),
    durationFilter: field(int64, { from: 1, default: -1n }),
    transactionalIdPattern: field(nullable(string, 2), { from: 2, default: null }),
  },
})

/** Source: ListTransactionsResponse.json. */
export const listTransactionsResponse = message({
  name: 'ListTransactionsResponse',
  key: 66,
  versions: [0, 2],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    unknownStateFilters: field(array(string)),
    transactionStates: field(
      array(
        struct('TransactionState', {
          transactionalId: field(string),
          producerId: field(int64),
          transactionState: field(string),
        }),
      ),
    ),
  },
})
