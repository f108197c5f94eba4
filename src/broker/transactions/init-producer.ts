import { isExhausted, noEpoch, type Transaction } from './transaction.ts'

/** Who a producer says it is when it asks to go on (KIP-360). */
export interface Expected {
  readonly producerId: bigint
  readonly producerEpoch: number
}

export type InitVerdict =
  | { readonly kind: 'refuse'; readonly error: 'PRODUCER_FENCED' | 'CONCURRENT_TRANSACTIONS' }
  /** Abort what is under way first. */
  | { readonly kind: 'fence' }
  /** `rotate`: under a new producer id. */
  | {
      readonly kind: 'accept'
      readonly rotate: boolean
      readonly producerEpoch: number
      readonly lastProducerEpoch: number
    }

/** What InitProducerId does to a transactional id; changes nothing. Source: TransactionCoordinator.prepareInitProducerIdTransit. */
export function judgeInit(transaction: Transaction, expected: Expected | null): InitVerdict {
  const { state, producerEpoch } = transaction
  if (expected && !mayGoOn(transaction, expected)) return { kind: 'refuse', error: 'PRODUCER_FENCED' }
  if (transaction.isPrepared) return { kind: 'refuse', error: 'CONCURRENT_TRANSACTIONS' }
  if (state === 'Ongoing') return { kind: 'fence' }
  if (isExhausted(producerEpoch) && (!expected || expected.producerEpoch === producerEpoch)) {
    const lastProducerEpoch = expected ? producerEpoch : noEpoch
    return { kind: 'accept', rotate: true, producerEpoch: 0, lastProducerEpoch }
  }
  return raise(transaction, expected)
}

/** Source: TransactionMetadata.prepareIncrementProducerEpoch. */
function raise({ producerEpoch, lastProducerEpoch }: Transaction, expected: Expected | null): InitVerdict {
  const accept = (epoch: number, last: number): InitVerdict => ({
    ...{ kind: 'accept', rotate: false, producerEpoch: epoch, lastProducerEpoch: last },
  })
  if (!expected) return accept(producerEpoch + 1, noEpoch)
  if (producerEpoch === noEpoch || expected.producerEpoch === producerEpoch)
    return accept(producerEpoch + 1, producerEpoch)
  // The answer to the first attempt was lost.
  if (expected.producerEpoch === lastProducerEpoch) return accept(producerEpoch, lastProducerEpoch)
  return { kind: 'refuse', error: 'PRODUCER_FENCED' }
}

/** The last case: the answer that told the new producer id was lost. */
function mayGoOn(transaction: Transaction, { producerId, producerEpoch }: Expected): boolean {
  if (transaction.producerEpoch === noEpoch || producerId === transaction.producerId) return true
  return producerId === transaction.previousProducerId && isExhausted(producerEpoch)
}
