import { BrokerError, KafkaError, type Outcome } from '../../base/errors/index.ts'
import { States } from '../../base/states.ts'

/**
 * uninitialized    `initTransactions` has not succeeded.
 * initializing     it is under way.
 * ready            between two transactions.
 * in-transaction   records and offsets are taken.
 * committing       what was sent is awaited, then the cluster is asked.
 * commit-unknown   the cluster was asked to commit and has not answered, and nobody waits for it any more. The question is repeated.
 * aborting         what is on the wire is awaited, then the cluster is asked.
 * abortable-error  something of the transaction failed: it can only be aborted.
 * fatal-error      this producer can do nothing more: close it.
 */
export type TransactionState =
  | 'uninitialized'
  | 'initializing'
  | 'ready'
  | 'in-transaction'
  | 'committing'
  | 'commit-unknown'
  | 'aborting'
  | 'abortable-error'
  | 'fatal-error'

/** Source: TransactionManager.State of the Java client, which has no `commit-unknown`. */
export const transactionMoves: Readonly<Record<TransactionState, readonly TransactionState[]>> = {
  uninitialized: ['initializing', 'fatal-error'],
  initializing: ['ready', 'uninitialized', 'fatal-error'], // back where the cluster refuses this transactional id
  ready: ['in-transaction', 'fatal-error'],
  'in-transaction': ['committing', 'aborting', 'abortable-error', 'fatal-error'],
  // Back to in-transaction where the wait ended before the cluster was asked: nothing has been decided then.
  committing: ['ready', 'in-transaction', 'commit-unknown', 'abortable-error', 'fatal-error'],
  'commit-unknown': ['committing', 'fatal-error'],
  aborting: ['ready', 'fatal-error'],
  'abortable-error': ['aborting', 'fatal-error'],
  'fatal-error': [],
}

export type TransactionCall =
  | 'initTransactions'
  | 'beginTransaction'
  | 'send'
  | 'sendOffsetsToTransaction'
  | 'commitTransaction'
  | 'abortTransaction'

/** What may be called when. A call whose work is under way already joins it: the same call may be repeated after a time-out. */
export const allowedCalls: Readonly<Record<TransactionState, readonly TransactionCall[]>> = {
  uninitialized: ['initTransactions'],
  initializing: ['initTransactions'],
  ready: ['beginTransaction'],
  'in-transaction': ['send', 'sendOffsetsToTransaction', 'commitTransaction', 'abortTransaction'],
  committing: ['commitTransaction'],
  'commit-unknown': ['commitTransaction'],
  aborting: ['abortTransaction'],
  'abortable-error': ['abortTransaction'],
  'fatal-error': [],
}

/** Which state the transactions of a producer are in. */
export class TransactionStates extends States<TransactionState> {
  constructor() {
    super('transactions', transactionMoves, 'uninitialized')
  }

  /** Why a call is refused now; undefined: it is allowed. `because` is what brought an error state about. */
  refusal(call: TransactionCall, because?: KafkaError): KafkaError | undefined {
    const allowed = allowedCalls[this.state]
    if (allowed.includes(call)) return undefined
    const outcome = call === 'send' ? 'not-written' : undefined
    const isOfTransaction = allowedCalls['in-transaction'].includes(call)
    if (because !== undefined && (this.is('fatal-error') || (this.is('abortable-error') && isOfTransaction)))
      return again(because, outcome)
    const next = [...allowed.map(name => `${name}()`), 'close()'].join(', ')
    const message = `${call}() is not allowed in the state ${this.state}; allowed: ${next}`
    return new KafkaError('INVALID_TXN_STATE', message, { cause: because, ...(outcome && { outcome }) })
  }
}

/** What brought an error state about, once more: with a stack of its own. */
export function again(because: KafkaError, outcome?: Outcome): KafkaError {
  const { fatal, abortable, code, message } = because
  const details = { fatal, abortable, cause: because, ...(outcome && { outcome }) }
  return because instanceof BrokerError
    ? new BrokerError(code, because.errorCode, message, details)
    : new KafkaError(code, message, details)
}
