import type { BrokerErrorCode } from '../../base/errors/index.ts'

/** The requests of a transaction, apart from Produce. */
export type TransactionRequest =
  | 'FindCoordinator'
  | 'InitProducerId'
  | 'AddPartitionsToTxn'
  | 'AddOffsetsToTxn'
  | 'TxnOffsetCommit'
  | 'EndTxn'

/**
 * What an answer means.
 *
 * done       it is done.
 * again      the same is asked again, after a back-off.
 * soon       the same is asked again shortly: the last transaction is being ended.
 * elsewhere  the coordinator is looked up, and the same is asked there.
 * abortable  this transaction can only be aborted.
 * refused    the cluster does not let this client have its transactional id; asking anew later may help.
 * fatal      this producer can do nothing more.
 */
export type TransactionVerdict = 'done' | 'again' | 'soon' | 'elsewhere' | 'abortable' | 'refused' | 'fatal'

const abortableFor: Readonly<Record<string, readonly TransactionRequest[]>> = {
  TOPIC_AUTHORIZATION_FAILED: ['AddPartitionsToTxn'],
  OPERATION_NOT_ATTEMPTED: ['AddPartitionsToTxn'],
  GROUP_AUTHORIZATION_FAILED: ['AddOffsetsToTxn', 'TxnOffsetCommit', 'FindCoordinator'],
  // The id is gone from the coordinator's or a leader's memory: a new epoch mends it.
  UNKNOWN_PRODUCER_ID: ['AddPartitionsToTxn', 'AddOffsetsToTxn', 'EndTxn'],
  // The consumer is not, or no longer, who may commit for its group (Java: CommitFailedException).
  ILLEGAL_GENERATION: ['TxnOffsetCommit'],
  UNKNOWN_MEMBER_ID: ['TxnOffsetCommit'],
  FENCED_INSTANCE_ID: ['TxnOffsetCommit'],
  GROUP_ID_NOT_FOUND: ['TxnOffsetCommit'],
  STALE_MEMBER_EPOCH: ['TxnOffsetCommit'],
  REBALANCE_IN_PROGRESS: ['TxnOffsetCommit'],
  // Offsets that no broker would take, ever: the next transaction may have better ones.
  OFFSET_METADATA_TOO_LARGE: ['TxnOffsetCommit'],
  INVALID_COMMIT_OFFSET_SIZE: ['TxnOffsetCommit'],
}

const elsewhere = new Set(['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE'])

/** Pure: the reaction to an error code. Source: the handlers in TransactionManager.java of Kafka 4.3.1. */
export function transactionVerdict(
  request: TransactionRequest,
  code: BrokerErrorCode,
  isAbort = false,
): TransactionVerdict {
  const { name } = code
  if (name === 'NONE') return 'done'
  if (elsewhere.has(name)) return request === 'FindCoordinator' ? 'again' : 'elsewhere'
  if (name === 'REQUEST_TIMED_OUT' && request === 'TxnOffsetCommit') return 'elsewhere'
  if (name === 'CONCURRENT_TRANSACTIONS') return 'soon'
  if (name === 'TRANSACTION_ABORTABLE') return isAbort || request === 'InitProducerId' ? 'fatal' : 'abortable'
  if (abortableFor[name]?.includes(request)) return isAbort ? 'fatal' : 'abortable'
  if (request === 'InitProducerId' && refusals.has(name)) return 'refused'
  if (code.retriable) return 'again'
  // Java gathers what else a partition may be refused for as abortable.
  return request === 'AddPartitionsToTxn' && !fatalForPartitions.has(name) ? 'abortable' : 'fatal'
}

const refusals = new Set(['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'])

const fatalForPartitions = new Set([
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_EPOCH',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
  'UNSUPPORTED_VERSION',
])

const fatalForRecords = new Set([
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'PRODUCER_FENCED',
  'UNSUPPORTED_VERSION',
  'INVALID_PRODUCER_ID_MAPPING',
])

/** Whether a record that failed for this ends the producer, and not the transaction alone. Source: Sender.failBatch. */
export const isFatalForRecords = (code: string): boolean => fatalForRecords.has(code)

/** The codes by which a coordinator says that this producer is not the one who has the transactional id. */
export const isFenced = (code: string): boolean => code === 'PRODUCER_FENCED' || code === 'INVALID_PRODUCER_EPOCH'
