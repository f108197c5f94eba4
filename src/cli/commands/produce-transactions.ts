import { CommitUnknownError, KafkaError } from '../../base/errors/index.ts'
import type { TransactionalProducer } from '../../client/producer/transactions.ts'
import { counted } from '../output/quantities.ts'
import type { TransactionCounts } from '../output/summary.ts'
import type { Tally } from '../output/tally.ts'

export interface ProduceTransactionsOptions {
  /** A transaction is full with so many; infinite: never. */
  readonly recordsPerTransaction: number
  /** How long a commit or an abort may take, the records before it included. */
  readonly timeoutMs: number
}

/** The transactions of a run, one after the other. One begins with its first record, so that none is empty. */
export class ProduceTransactions {
  readonly #producer: TransactionalProducer
  readonly #options: ProduceTransactionsOptions
  readonly #tally: Tally
  readonly #counts = { committed: 0, aborted: 0 }
  /** Records of the open transaction; 0: none is open. */
  #size = 0
  #isCommitting = false
  #isLeftOpen = false
  /** What became of the last one, where it was not committed. */
  #last = 'no transaction was open'

  constructor(producer: TransactionalProducer, options: ProduceTransactionsOptions, tally: Tally) {
    this.#producer = producer
    this.#options = options
    this.#tally = tally
  }

  get counts(): TransactionCounts {
    return this.#counts
  }

  get isFull(): boolean {
    return this.#size >= this.#options.recordsPerTransaction
  }

  /** The last one could not be ended, or nobody knows whether it was: closing the producer would try once more. */
  get isLeftOpen(): boolean {
    return this.#isLeftOpen
  }

  /** What a run that is to end has to wait for. */
  get waitsFor(): string | undefined {
    if (this.#size === 0) return undefined
    const records = counted(this.#size, 'record')
    return this.#isCommitting ? `waiting for the commit of ${records}` : `aborting the transaction of ${records}`
  }

  /** What a run that ended before its input has left behind. */
  get left(): string {
    const { acknowledged } = this.#tally
    return `${this.#last}; ${acknowledged === 0 ? 'nothing was' : wasOrWere(acknowledged)} committed before`
  }

  async init(signal: AbortSignal): Promise<void> {
    await this.#producer.initTransactions({ signal })
  }

  /** The next record that is sent belongs to a transaction. */
  take(): void {
    if (this.#size === 0) this.#producer.beginTransaction()
    this.#size++
  }

  async commit(signal: AbortSignal): Promise<void> {
    if (this.#size === 0) return
    this.#isCommitting = true
    try {
      await this.#producer.commitTransaction({ timeoutMs: this.#options.timeoutMs, signal })
      this.#counts.committed++
      this.#end('acknowledged')
    } catch (error) {
      if (error instanceof CommitUnknownError) {
        this.#last = `it is not known whether the last ${wasOrWere(this.#size)} committed`
        this.#isLeftOpen = true
        this.#end('unknown')
      }
      throw error
    } finally {
      this.#isCommitting = false
    }
  }

  async abort(signal: AbortSignal): Promise<void> {
    if (this.#size === 0) return
    const transaction = `the open transaction of ${counted(this.#size, 'record')}`
    try {
      await this.#producer.abortTransaction({ timeoutMs: this.#options.timeoutMs, signal })
      this.#last = `${transaction} was aborted`
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      // Nobody has asked to commit it, so that it never will be.
      this.#last = `${transaction} was not committed: ${isFenced(error.code) ? fenced : leftToCluster}`
      this.#isLeftOpen = true
    }
    this.#counts.aborted++
    this.#end('aborted')
  }

  #end(end: 'acknowledged' | 'aborted' | 'unknown'): void {
    this.#tally.endTransaction(end, this.#size)
    this.#size = 0
  }
}

const isFenced = (code: string) => code === 'PRODUCER_FENCED' || code === 'INVALID_PRODUCER_EPOCH'
const fenced = 'another producer uses its transactional id now, or it was open for longer than transaction.timeout.ms'
const leftToCluster = 'the cluster aborts it, after transaction.timeout.ms at the latest'

const wasOrWere = (records: number) => `${counted(records, 'record')} ${records === 1 ? 'was' : 'were'}`
