import { ClosedError, KafkaError, TimeoutError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { Transactions } from '../exactly-once/transactions.ts'
import type { ProducerMeters } from '../metrics/meters.ts'
import type { ProducerObserver } from '../observer/observer.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import { checkedOffsets } from './consumed-offsets.ts'
import { attempt, type OperationFuture, RecordFuture, type ResultSource } from './future.ts'
import { runTransaction, type TransactionPart, transactionIsOver } from './run-transaction.ts'
import type { ConsumedOffset, ConsumerGroupMetadata, Transaction } from './transactions.ts'
import type { Future, ProducerState, SendCallback, SendOptions, WaitOptions } from './types.ts'
import { bound, checkTimeout } from './waits.ts'

export interface TransactionCallsParts {
  /** undefined: the producer has no transactional id. */
  readonly transactions: Transactions | undefined
  readonly meters: ProducerMeters
  readonly observers: ProducerObserver
  readonly clock: Clock
  readonly maxBlockMs: number
  state(): ProducerState
  operation<T>(name: string): OperationFuture<T>
  flush(): OperationFuture<void>
  /** What is not on the wire fails; what is, is awaited by a flush. */
  failUnsent(): void
  report(error: KafkaError): void
  /** The producer's own sends: what is sent while a transaction is open belongs to it. */
  readonly sends: Sends
  /** A record that will not be sent, whatever is wrong with it; its callback is told, and its future. */
  refuse(record: unknown, error: KafkaError, callback: SendCallback | undefined): ResultSource
}

/** As `Transaction` has them. */
export type Sends = Pick<Transaction, 'send' | 'sendAll'>

/**
 * The calls of transactions: their futures, time-outs and signals, and that records are settled before a transaction is ended.
 * What is allowed when, and what the cluster is asked, is in exactly-once/transactions.ts.
 */
export class TransactionCalls {
  readonly #parts: TransactionCallsParts

  constructor(parts: TransactionCallsParts) {
    this.#parts = parts
  }

  #open(): Transactions {
    const { transactions, state } = this.#parts
    if (transactions === undefined)
      throw new KafkaError('INVALID_TXN_STATE', 'this producer has no transactions: make it with a transactionalId')
    if (state() !== 'open') throw new ClosedError(`the producer is ${state()}`)
    return transactions
  }

  init(options: WaitOptions): Future<void> {
    const init = this.#timed('initTransactions', 'init')
    attempt(init, () => {
      checkTimeout(options.timeoutMs)
      const transactions = this.#open()
      const done = settle(init)
      transactions.init(done)
      this.#bound(init, 'initTransactions', options)
      init.whenSettled(() => transactions.giveUpInit(done))
    })
    return init
  }

  begin(): void {
    const beganAt = this.#parts.clock.now()
    this.#open().begin()
    const tookMs = this.#parts.clock.now() - beganAt
    this.#parts.meters.transactionMs.begin += tookMs
    this.#parts.observers.transactionCall('beginTransaction', tookMs, undefined)
  }

  sendOffsets(offsets: Iterable<ConsumedOffset>, group: ConsumerGroupMetadata, part?: TransactionPart): Future<void> {
    const sent = this.#timed('sendOffsetsToTransaction', 'sendOffsets')
    attempt(sent, () => {
      const transactions = this.#open()
      if (part?.isOver) throw transactionIsOver()
      transactions.sendOffsets(checkedOffsets(offsets, group), settle(sent))
      this.#bound(sent, 'sendOffsetsToTransaction', {})
    })
    return sent
  }

  commit(options: WaitOptions): Future<void> {
    return this.#end(true, options, () => this.#open())
  }

  abort(options: WaitOptions): Future<void> {
    return this.#end(false, options, () => this.#open())
  }

  #end(committed: boolean, options: WaitOptions, open: () => Transactions): OperationFuture<void> {
    const { clock, flush, failUnsent, meters } = this.#parts
    const name = committed ? 'commitTransaction' : 'abortTransaction'
    const ended = this.#timed(name, committed ? 'commit' : 'abort')
    attempt(ended, () => {
      checkTimeout(options.timeoutMs)
      const transactions = open()
      const done = settle(ended)
      const end = transactions.beginEnd(committed, done)
      ended.whenSettled(() => countEnd(meters, committed, ended.error))
      this.#bound(ended, name, options, error => transactions.giveUp(done, error))
      if (end === undefined) return
      const askWhenSettled = () => flush().whenSettled(() => transactions.end(end))
      if (committed) askWhenSettled()
      // Later: whoever calls may be a callback of the very batch whose company fails now.
      else
        clock.afterThis(() => {
          failUnsent()
          askWhenSettled()
        })
    })
    return ended
  }

  /** The future of a call that waits, whose time is counted. */
  #timed(name: string, what: keyof ProducerMeters['transactionMs']): OperationFuture<void> {
    const { operation, meters, observers, clock } = this.#parts
    const beganAt = clock.now()
    const future = operation<void>(name)
    future.whenSettled(() => {
      const tookMs = clock.now() - beganAt
      meters.transactionMs[what] += tookMs
      observers.transactionCall(name, tookMs, future.error as KafkaError | undefined)
    })
    return future
  }

  #bound(
    operation: OperationFuture<void>,
    name: string,
    { timeoutMs = this.#parts.maxBlockMs, signal }: WaitOptions,
    asTold?: (error: KafkaError) => KafkaError,
  ): void {
    const timedOut = () => {
      const cause = this.#parts.transactions?.lastError
      const last = cause === undefined ? '' : `; last: ${cause.message}`
      return new TimeoutError(`${name}: not done after ${timeoutMs} ms; it goes on, and may be called again${last}`, {
        cause,
      })
    }
    bound(operation, this.#parts.clock, signal === undefined ? { timeoutMs } : { timeoutMs, signal }, timedOut, asTold)
  }

  /** Begins a transaction, runs `work`, and commits; aborts where that fails. */
  run<Topics, R>(work: (transaction: Transaction<Topics>) => R | PromiseLike<R>, options: WaitOptions): Promise<R> {
    const { transactions, clock, report } = this.#parts
    return runTransaction(part => work(this.#transactionOf(part) as unknown as Transaction<Topics>), options, {
      clock,
      init: () => (transactions === undefined || transactions.isInitialized ? undefined : this.init({ ...options })),
      begin: () => this.begin(),
      commit: () => this.commit({}),
      abort: () => this.abort({}),
      mayAbort: () => transactions?.mayAbort ?? false,
      failed: report,
    })
  }

  /** What `work` holds: whoever goes on with it later must not write into the next transaction. */
  #transactionOf(part: TransactionPart): Transaction {
    const { sends, refuse, operation } = this.#parts
    return {
      send: (record: unknown, second?: SendOptions | SendCallback, third?: SendCallback) => {
        if (!part.isOver) return sends.send(record as never, second as never, third as never) as never
        const callback = typeof second === 'function' ? second : third
        const refused = refuse(record, transactionIsOver('not-written'), callback)
        return (callback === undefined ? new RecordFuture(refused, 0) : undefined) as never
      },
      sendAll: (records, own) => {
        if (!part.isOver) return sends.sendAll(records, own)
        const all = operation<RecordMetadata[]>('sendAll')
        all.reject(transactionIsOver('not-written'))
        return all
      },
      sendOffsets: (offsets, group) => this.sendOffsets(offsets, group, part),
    }
  }

  /** Before the producer closes: an open transaction is aborted, and one that is being ended is awaited. Source: Sender.run. */
  endForClose(timeoutMs: number | undefined): OperationFuture<void> | undefined {
    const { transactions } = this.#parts
    const committed = transactions?.pendingEnd
    if (transactions === undefined || committed === undefined) return undefined
    return this.#end(committed, timeoutMs === undefined ? {} : { timeoutMs }, () => transactions)
  }
}

const settle = (future: OperationFuture<void>) => (error?: KafkaError) => {
  if (error === undefined) future.resolve()
  else future.reject(error)
}

function countEnd({ transactionsEnded }: ProducerMeters, committed: boolean, error: unknown): void {
  if (error !== undefined) transactionsEnded.failed++
  else if (committed) transactionsEnded.committed++
  else transactionsEnded.aborted++
}
