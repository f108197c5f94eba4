import { message } from '../message.ts'
import { field, int16, int32, int64, nullable, string } from '../types.ts'

/**
 * Asks for a producer id and epoch.
 * Source: InitProducerIdRequest.json; KIP-98, KIP-360 (v3: resumes an id), KIP-890 (v5). v6 (KIP-939) is still unstable in Kafka.
 */
export const initProducerIdRequest = message({
  name: 'InitProducerIdRequest',
  key: 22,
  versions: [0, 5],
  flexible: 2,
  fields: {
    transactionalId: field(nullable(string)),
    transactionTimeoutMs: field(int32), // the broker ignores it where transactionalId is null
    producerId: field(int64, { from: 3, default: -1n }), // -1: a fresh producer, not one that resumes after a bump
    producerEpoch: field(int16, { from: 3, default: -1 }),
  },
})

/** Source: InitProducerIdResponse.json. */
export const initProducerIdResponse = message({
  name: 'InitProducerIdResponse',
  key: 22,
  versions: [0, 5],
  flexible: 2,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    producerId: field(int64, { default: -1n }),
    producerEpoch: field(int16),
  },
})
