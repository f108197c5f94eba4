import { BrokerError, errorNumber, KafkaError } from '../base/errors/index.ts'
import { invariant } from '../base/invariant.ts'
import type { MockRecord } from './mock-record.ts'

/** An offset that was committed with a transaction. */
export interface CommittedOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly leaderEpoch: number
  readonly metadata: string | null
}

/** What consumer groups have committed: by group id, in the order of topics and partitions. */
export interface GroupOffsets {
  readonly [groupId: string]: readonly CommittedOffset[]
}

type TransactionState = 'uninitialized' | 'ready' | 'in-transaction' | 'ending' | 'fenced'

const moves: Record<TransactionState, readonly TransactionState[]> = {
  uninitialized: ['ready'],
  ready: ['in-transaction', 'fenced'],
  // Straight back to ready where the producer is closed in it.
  'in-transaction': ['ending', 'ready', 'fenced'],
  ending: ['ready', 'in-transaction', 'fenced'],
  fenced: [],
}

export const wrongState = (message: string, outcome?: 'not-written') =>
  new KafkaError('INVALID_TXN_STATE', message, outcome && { outcome })

/** The transactions of a mock producer: what is allowed when, and what is not committed yet. */
export class MockTransactions {
  #state: TransactionState = 'uninitialized'
  /** Since the last one began. */
  lastEnd: 'committed' | 'aborted' | undefined
  sentOffsets = false
  commitCount = 0
  /** In the order of the sends. */
  readonly records: MockRecord[] = []
  readonly offsetsHistory: GroupOffsets[] = []
  #offsets = new Map<string, Map<string, CommittedOffset>>()
  /** The first record of this transaction that failed. */
  #failure: KafkaError | undefined

  #move(next: TransactionState): void {
    invariant(moves[this.#state].includes(next), `a transaction does not go from ${this.#state} to ${next}`)
    this.#state = next
  }

  get isInitialized(): boolean {
    return this.#state !== 'uninitialized'
  }

  /** Until it has been committed or aborted. */
  get isInFlight(): boolean {
    return this.#state === 'in-transaction' || this.#state === 'ending'
  }

  get isFenced(): boolean {
    return this.#state === 'fenced'
  }

  #checkInitialized(): void {
    this.checkFenced()
    if (!this.isInitialized) throw wrongState('initTransactions() has not been called')
  }

  /** @throws KafkaError for what can no longer be done, or not yet */
  checkOpen(): void {
    this.#checkInitialized()
    if (this.#state === 'ready') throw wrongState('no transaction is open: beginTransaction() comes first')
    if (this.#state === 'ending') throw wrongState('the transaction is being committed or aborted')
  }

  checkFenced(): void {
    if (this.isFenced) throw fenced()
  }

  /** Whether a record may be sent now. Source: TransactionManager.maybeAddPartition. */
  checkSend(): void {
    if (this.isFenced) throw fenced('not-written')
    if (this.#state === 'ready')
      throw wrongState(
        'a transactional producer sends in transactions only: beginTransaction() comes first',
        'not-written',
      )
    if (this.#state === 'ending') throw wrongState('the transaction is being committed or aborted', 'not-written')
  }

  checkInit(): void {
    this.checkFenced()
    if (this.isInitialized) throw wrongState('initTransactions() has been called before')
  }

  init(): void {
    this.#move('ready')
  }

  checkBegin(): void {
    this.#checkInitialized()
    if (this.isInFlight) throw wrongState('a transaction is open already')
  }

  begin(): void {
    this.#move('in-transaction')
    this.lastEnd = undefined
    this.sentOffsets = false
  }

  recordFailed(error: KafkaError): void {
    this.#failure ??= error
  }

  addOffsets(offsets: readonly CommittedOffset[], groupId: string): void {
    if (offsets.length === 0) return
    let ofGroup = this.#offsets.get(groupId)
    if (ofGroup === undefined) {
      ofGroup = new Map()
      this.#offsets.set(groupId, ofGroup)
    }
    for (const offset of offsets) ofGroup.set(`${offset.topic}-${offset.partition}`, offset)
    this.sentOffsets = true
  }

  get uncommittedOffsets(): GroupOffsets {
    return Object.fromEntries(
      [...this.#offsets].map(([groupId, offsets]) => [groupId, [...offsets.values()].sort(byPartition)]),
    )
  }

  /** It is to be committed, or aborted: nothing more is added to it. */
  beginEnd(): void {
    this.#move('ending')
  }

  /** It could not be ended, and stays open. */
  reopen(): void {
    this.#move('in-transaction')
  }

  /** Why it may not be committed: a record of it failed. */
  get refusal(): KafkaError | undefined {
    const cause = this.#failure
    if (cause === undefined) return undefined
    return new BrokerError(
      'TRANSACTION_ABORTABLE',
      errorNumber('TRANSACTION_ABORTABLE'),
      `a record of this transaction failed, so it can only be aborted: ${cause.message}`,
      { cause },
    )
  }

  /** Gives the records that are now there for all to see. */
  commit(): MockRecord[] {
    const committed = [...this.records]
    if (this.#offsets.size > 0) this.offsetsHistory.push(this.uncommittedOffsets)
    this.commitCount++
    this.#end('committed')
    return committed
  }

  /** Also where the producer is closed while one is open. */
  abort(): void {
    this.#end('aborted')
  }

  #end(how: 'committed' | 'aborted'): void {
    this.#move('ready')
    this.lastEnd = how
    this.#drop()
  }

  fence(): void {
    this.#checkInitialized()
    this.#move('fenced')
    this.#drop()
  }

  #drop(): void {
    this.records.length = 0
    this.#offsets = new Map()
    this.#failure = undefined
  }

  /** Forgets what was sent; which state it is in stays. */
  clear(): void {
    this.#drop()
    this.offsetsHistory.length = 0
    this.sentOffsets = false
  }
}

/** Another producer has taken over this one's transactional id. */
export function fenced(outcome?: 'not-written' | 'unknown'): KafkaError {
  return new BrokerError(
    'PRODUCER_FENCED',
    errorNumber('PRODUCER_FENCED'),
    'this mock producer was fenced: another one has its transactional id now; close it',
    { fatal: true, ...(outcome && { outcome }) },
  )
}

const byPartition = (a: CommittedOffset, b: CommittedOffset) =>
  a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
