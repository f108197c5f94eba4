import { isExhausted, type Transaction } from './transaction.ts'

export interface EndRequest {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly committed: boolean
  /** 2 from EndTxn v5 on: the epoch is raised with every end. Else 0. */
  readonly clientVersion: number
}

export type EndVerdict =
  | {
      readonly kind: 'refuse'
      readonly error:
        | 'INVALID_PRODUCER_ID_MAPPING'
        | 'PRODUCER_FENCED'
        | 'CONCURRENT_TRANSACTIONS'
        | 'INVALID_TXN_STATE'
    }
  | { readonly kind: 'prepare' }
  /** It is already as asked. */
  | { readonly kind: 'repeat' }

const refuse = (error: Extract<EndVerdict, { kind: 'refuse' }>['error']): EndVerdict => ({ kind: 'refuse', error })

/** What EndTxn does to a transactional id; changes nothing. Source: TransactionCoordinator.endTransaction, endTransactionWithTV1. */
export function judgeEnd(transaction: Transaction, request: EndRequest): EndVerdict {
  return request.clientVersion >= 2 ? judgeRaising(transaction, request) : judgeKeeping(transaction, request)
}

/** The epoch stays: a repeat cannot be told from the end of a next, empty transaction. */
function judgeKeeping(transaction: Transaction, { producerId, producerEpoch, committed }: EndRequest): EndVerdict {
  if (transaction.producerId !== producerId) return refuse('INVALID_PRODUCER_ID_MAPPING')
  if (transaction.producerEpoch !== producerEpoch) return refuse('PRODUCER_FENCED')
  switch (transaction.state) {
    case 'Ongoing':
      return { kind: 'prepare' }
    case 'CompleteCommit':
    case 'CompleteAbort':
      return endsAs(transaction, committed) ? { kind: 'repeat' } : refuse('INVALID_TXN_STATE')
    case 'PrepareCommit':
    case 'PrepareAbort':
      return refuse(endsAs(transaction, committed) ? 'CONCURRENT_TRANSACTIONS' : 'INVALID_TXN_STATE')
    default:
      return refuse('INVALID_TXN_STATE')
  }
}

/** The epoch tells a repeat, which has the one before, from the end of the next transaction (KIP-890). */
function judgeRaising(transaction: Transaction, request: EndRequest): EndVerdict {
  const { producerId, producerEpoch, committed } = request
  const isSame = producerEpoch === transaction.producerEpoch
  const isRepeatAcrossIds =
    transaction.previousProducerId === producerId &&
    isExhausted(producerEpoch) &&
    transaction.producerEpoch === 0 &&
    transaction.producerId !== producerId
  const isRepeat = isRepeatAcrossIds || transaction.producerEpoch === producerEpoch + 1
  if (transaction.producerId !== producerId && !isRepeatAcrossIds) return refuse('INVALID_PRODUCER_ID_MAPPING')
  switch (transaction.state) {
    case 'Ongoing':
      return isSame ? { kind: 'prepare' } : refuse('PRODUCER_FENCED')
    case 'PrepareCommit':
    case 'PrepareAbort':
      if (!isRepeat) return refuse('PRODUCER_FENCED')
      return refuse(endsAs(transaction, committed) ? 'CONCURRENT_TRANSACTIONS' : 'INVALID_TXN_STATE')
    case 'CompleteCommit':
    case 'CompleteAbort':
      if (isRepeat) return endsAs(transaction, committed) ? { kind: 'repeat' } : refuse('INVALID_TXN_STATE')
      break
    default:
  }
  if (!isSame) return refuse('PRODUCER_FENCED')
  // Nothing was added that the coordinator knows of: aborting is safe, committing would lose what was.
  return committed ? refuse('INVALID_TXN_STATE') : { kind: 'prepare' }
}

const endsAs = ({ state }: Transaction, committed: boolean) => state.endsWith(committed ? 'Commit' : 'Abort')
