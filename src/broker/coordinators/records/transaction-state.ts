import type { Body, Draft } from '../../../wire/protocol/index.ts'
import { message } from '../../../wire/protocol/message.ts'
import { array, field, int8, int16, int32, int64, nullable, string, struct } from '../../../wire/protocol/types.ts'
import { decodeKey, decodeValue, encodeKey, encodeValue, keyType } from './typed-bytes.ts'

/** The key of a transaction in `__transaction_state`. Source: TransactionLogKey.json. */
export const transactionLogKey = message({
  name: 'TransactionLogKey',
  key: 0,
  versions: [0, 0],
  fields: { transactionalId: field(string, { to: 0 }) },
})

/** A transactional id's state. v1 flexible: KIP-890's ids and epochs are in its tagged fields. Source: TransactionLogValue.json. */
export const transactionLogValue = message({
  name: 'TransactionLogValue',
  key: 0,
  versions: [0, 1],
  flexible: 1,
  fields: {
    producerId: field(int64),
    previousProducerId: field(int64, { from: 1, tag: 0, default: -1n }), // of the last transaction that was committed
    nextProducerId: field(int64, { from: 1, tag: 1, default: -1n }), // told to the producer, used from the next one on
    producerEpoch: field(int16),
    nextProducerEpoch: field(int16, { from: 1, tag: 3, default: -1 }),
    transactionTimeoutMs: field(int32),
    // 0 Empty, 1 Ongoing, 2 PrepareCommit, 3 PrepareAbort, 4 CompleteCommit, 5 CompleteAbort, 6 Dead, 7 PrepareEpochFence
    transactionStatus: field(int8),
    // Null while Empty
    transactionPartitions: field(
      nullable(array(struct('PartitionsSchema', { topic: field(string), partitionIds: field(array(int32)) }))),
    ),
    transactionLastUpdateTimestampMs: field(int64),
    transactionStartTimestampMs: field(int64), // -1: none is under way
    clientTransactionVersion: field(int16, { from: 1, tag: 2, default: 0 }),
  },
})

export type TransactionStateKey =
  | ({ readonly kind: 'transaction' } & Readonly<Body<typeof transactionLogKey>>)
  | { readonly kind: 'unknown'; readonly type: number }

export const encodeTransactionKey = (key: Draft<typeof transactionLogKey>): Buffer => encodeKey(transactionLogKey, key)

/** What a key of `__transaction_state` is about. `unknown`: a kind of a later release, to be skipped. */
export function decodeTransactionKey(bytes: Uint8Array): TransactionStateKey {
  const type = keyType(bytes)
  return type === transactionLogKey.key
    ? { kind: 'transaction', ...decodeKey(transactionLogKey, bytes) }
    : { kind: 'unknown', type }
}

/**
 * In v0 while the feature `transaction.version` is 0, which loses the tagged fields, else in v1.
 * Source: TransactionVersion.transactionLogValueVersion.
 */
export const encodeTransactionValue = (value: Draft<typeof transactionLogValue>, transactionVersion: number): Buffer =>
  encodeValue(transactionLogValue, value, transactionVersion >= 1 ? 1 : 0)

export const decodeTransactionValue = (bytes: Uint8Array): Body<typeof transactionLogValue> =>
  decodeValue(transactionLogValue, bytes)
