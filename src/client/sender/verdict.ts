import { type BrokerErrorCode, errorNumber } from '../../base/errors/index.ts'

/**
 * What one answer means for its batch.
 *
 * acknowledged  it is in the log.
 * retry         the same bytes go out again, under the same sequence, after a back-off.
 * follow        refused only because an earlier batch failed: it goes out again behind that one.
 * renumber      a sequence before it was lost: it goes out again under a new epoch.
 * split         too large for the broker: it goes out again in parts.
 * fail          its records get the error.
 */
export type Verdict = 'acknowledged' | 'retry' | 'follow' | 'renumber' | 'split' | 'fail'

export interface VerdictFacts {
  readonly idempotent: boolean
  /** In a transaction no sequence may begin anew: it has to be aborted first (librdkafka #3575). */
  readonly transactional: boolean
  readonly recordCount: number
  /** Attempts made, this one included, are within `retries`. */
  readonly mayRetry: boolean
  /** An earlier batch of the partition is still to be resolved. */
  readonly hasEarlier: boolean
}

const none = errorNumber('NONE')
const duplicate = errorNumber('DUPLICATE_SEQUENCE_NUMBER')
const tooLarge = errorNumber('MESSAGE_TOO_LARGE')
/** The broker's picture of our sequence differs from ours. */
const outOfOrder = errorNumber('OUT_OF_ORDER_SEQUENCE_NUMBER')
const sequenceErrors = new Set([outOfOrder, errorNumber('UNKNOWN_PRODUCER_ID'), errorNumber('INVALID_PRODUCER_EPOCH')])

/** Pure: the reaction to an error code. Sources: Sender.completeBatch and TransactionManager.canRetry of the Java client. */
export function verdict(code: BrokerErrorCode, facts: VerdictFacts): Verdict {
  // A duplicate of more than the last five batches: written, though the broker has forgotten where.
  if (code.code === none || code.code === duplicate) return 'acknowledged'
  if (code.code === tooLarge && facts.recordCount > 1) return 'split'
  if (!facts.mayRetry) return 'fail'
  if (facts.transactional && sequenceErrors.has(code.code))
    return facts.hasEarlier && code.code === outOfOrder ? 'follow' : 'fail'
  if (facts.idempotent && sequenceErrors.has(code.code)) return facts.hasEarlier ? 'follow' : 'renumber'
  return code.retriable ? 'retry' : 'fail'
}
