import { invariant } from '../../base/invariant.ts'

/** Kafka's states of a transactional id. Source: TransactionState.java. */
export type TransactionState =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'
  | 'Dead'
  | 'PrepareEpochFence'

/** In the order of the numbers that stand in `__transaction_state`. */
export const transactionStates: readonly TransactionState[] = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
]

/**
 * From which states each state may be entered. PrepareAbort without a transaction under way is `transaction.version` 2: a
 * producer whose first write was refused aborts to be sure. Source: TransactionState.validPreviousStates.
 */
const enteredFrom: Readonly<Record<TransactionState, readonly TransactionState[]>> = {
  Empty: ['Empty', 'CompleteCommit', 'CompleteAbort'],
  Ongoing: ['Ongoing', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  PrepareCommit: ['Ongoing'],
  PrepareAbort: ['Ongoing', 'PrepareEpochFence', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  CompleteCommit: ['PrepareCommit'],
  CompleteAbort: ['PrepareAbort'],
  Dead: ['Empty', 'CompleteCommit', 'CompleteAbort'],
  PrepareEpochFence: ['Ongoing'],
}

export interface TransactionPartition {
  readonly topic: string
  readonly partition: number
}

export const noProducerId = -1n
export const noEpoch = -1
const maxEpoch = 2 ** 15 - 1

/** Whether no further epoch of a producer id may be given out: the last one is kept for fencing. Source: TransactionMetadata.isEpochExhausted. */
export const isExhausted = (epoch: number): boolean => epoch >= maxEpoch - 1

/** The epoch after this one; the highest stays. */
export const nextEpoch = (epoch: number): number => Math.min(epoch + 1, maxEpoch)

/** What changes with a step from state to state. */
export interface TransactionChange {
  readonly producerId?: bigint
  readonly nextProducerId?: bigint
  readonly producerEpoch?: number
  readonly lastProducerEpoch?: number
  readonly timeoutMs?: number
  readonly partitions?: readonly TransactionPartition[]
  readonly startedAt?: number
  readonly clientVersion?: number
}

/** What the coordinator knows of one transactional id. Source: TransactionMetadata.java. */
export class Transaction {
  readonly id: string
  state: TransactionState = 'Empty'
  producerId: bigint
  /** Before the last step: tells who repeats a request across the change of the id. */
  previousProducerId = noProducerId
  /** Told to the producer when its epochs were used up, valid from the next transaction on. */
  nextProducerId = noProducerId
  producerEpoch = noEpoch
  /** The epoch before the last raise that the producer itself asked for (KIP-360). */
  lastProducerEpoch = noEpoch
  timeoutMs: number
  partitions: readonly TransactionPartition[] = []
  /** Milliseconds since 1970 when the first partition was added; −1: none is. */
  startedAt = -1
  updatedAt: number
  /** The `transaction.version` that the client showed by its requests. */
  clientVersion = 0

  constructor(id: string, producerId: bigint, timeoutMs: number, now: number) {
    this.id = id
    this.producerId = producerId
    this.timeoutMs = timeoutMs
    this.updatedAt = now
  }

  /** Whether the markers are still being written. */
  get isPrepared(): boolean {
    return this.state === 'PrepareCommit' || this.state === 'PrepareAbort'
  }

  /** What it is after a step; changes nothing, so that the step can be written before it counts. */
  after(state: TransactionState, change: TransactionChange, now: number): Transaction {
    invariant(enteredFrom[state].includes(this.state), `a transaction does not go from ${this.state} to ${state}`)
    const next = new Transaction(this.id, this.producerId, this.timeoutMs, now)
    return Object.assign(next, this, { previousProducerId: this.producerId }, change, { state, updatedAt: now })
  }

  /** The step is written. */
  become(next: Transaction): void {
    Object.assign(this, next)
  }

  has({ topic, partition }: TransactionPartition): boolean {
    return this.partitions.some(one => one.topic === topic && one.partition === partition)
  }
}
