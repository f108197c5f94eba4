import type { InternalTopic } from '../coordinators/internal-topic.ts'
import {
  decodeTransactionKey,
  decodeTransactionValue,
  encodeTransactionKey,
  encodeTransactionValue,
} from '../coordinators/records/transaction-state.ts'
import { Transaction, type TransactionPartition, transactionStates } from './transaction.ts'

/** Partitions by topic, as Kafka's messages have them. */
export function byTopic(partitions: readonly TransactionPartition[]): { topic: string; partitionIds: number[] }[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), partition])
  return [...topics].map(([topic, partitionIds]) => ({ topic, partitionIds }))
}

/** Writes the state as it is; as a tombstone where the id is dead. */
export function store(log: InternalTopic, transaction: Transaction, transactionVersion: number): void {
  const { id, state } = transaction
  const value = {
    producerId: transaction.producerId,
    previousProducerId: transaction.previousProducerId,
    nextProducerId: transaction.nextProducerId,
    producerEpoch: transaction.producerEpoch,
    nextProducerEpoch: -1, // Kafka never sets it
    transactionTimeoutMs: transaction.timeoutMs,
    transactionStatus: transactionStates.indexOf(state),
    transactionPartitions: state === 'Empty' ? null : byTopic(transaction.partitions),
    transactionLastUpdateTimestampMs: BigInt(transaction.updatedAt),
    transactionStartTimestampMs: BigInt(transaction.startedAt),
    clientTransactionVersion: transaction.clientVersion,
  }
  const key = encodeTransactionKey({ transactionalId: id })
  log.append(id, [{ key, value: state === 'Dead' ? null : encodeTransactionValue(value, transactionVersion) }])
}

/** All transactional ids of the log, in their last state. */
export function restore(log: InternalTopic): Map<string, Transaction> {
  const found = new Map<string, Transaction>()
  log.replay(({ key, value, control }) => {
    if (control) return
    const decoded = decodeTransactionKey(key)
    if (decoded.kind !== 'transaction') return
    const { transactionalId } = decoded
    if (value) found.set(transactionalId, restored(transactionalId, value))
    else found.delete(transactionalId)
  })
  return found
}

function restored(id: string, bytes: Buffer): Transaction {
  const value = decodeTransactionValue(bytes)
  const updatedAt = Number(value.transactionLastUpdateTimestampMs)
  const transaction = new Transaction(id, value.producerId, value.transactionTimeoutMs, updatedAt)
  transaction.state = transactionStates[value.transactionStatus] ?? 'Empty'
  transaction.previousProducerId = value.previousProducerId
  transaction.nextProducerId = value.nextProducerId
  transaction.producerEpoch = value.producerEpoch
  transaction.startedAt = Number(value.transactionStartTimestampMs)
  transaction.clientVersion = value.clientTransactionVersion
  transaction.partitions = (value.transactionPartitions ?? []).flatMap(({ topic, partitionIds }) =>
    partitionIds.map(partition => ({ topic, partition })),
  )
  return transaction
}
