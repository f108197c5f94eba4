import { ClosedError, type KafkaError, TimeoutError } from '../base/errors/index.ts'
import type { Clock } from '../base/time/clock.ts'
import { checkedOffsets } from '../client/producer/consumed-offsets.ts'
import { attempt } from '../client/producer/future.ts'
import { type TransactionPart, transactionIsOver } from '../client/producer/run-transaction.ts'
import { SettledWaiter } from '../client/producer/settled-waiter.ts'
import type { ConsumedOffset, ConsumerGroupMetadata } from '../client/producer/transactions.ts'
import type { Future, WaitOptions } from '../client/producer/types.ts'
import { bound, checkTimeout } from '../client/producer/waits.ts'
import { operation } from './mock-operation.ts'
import type { MockRecord } from './mock-record.ts'
import { fenced, type MockTransactions } from './mock-transactions.ts'

/** What the test wants the calls to fail with. */
interface Exceptions {
  readonly flushException: KafkaError | undefined
  readonly initTransactionException: KafkaError | undefined
  readonly beginTransactionException: KafkaError | undefined
  readonly sendOffsetsToTransactionException: KafkaError | undefined
  readonly commitTransactionException: KafkaError | undefined
  readonly abortTransactionException: KafkaError | undefined
}

export interface MockTransactionParts {
  readonly transactions: MockTransactions
  readonly clock: Clock
  readonly exceptions: Exceptions
  /** Throws where the producer is closed. */
  checkOpen(): void
  flush(waiter: SettledWaiter): void
  committed(records: readonly MockRecord[]): void
}

/** The calls that deal with transactions. What is wrong with one is told before what the test wants it to fail with, as in Java. */
export class MockTransactionCalls {
  readonly #parts: MockTransactionParts

  constructor(parts: MockTransactionParts) {
    this.#parts = parts
  }

  init(options: WaitOptions): Future<void> {
    const { transactions, exceptions, checkOpen } = this.#parts
    const init = operation<void>('initTransactions')
    attempt(init, () => {
      checkTimeout(options.timeoutMs)
      checkOpen()
      transactions.checkInit()
      fail(exceptions.initTransactionException)
      transactions.init()
      init.resolve()
    })
    return init
  }

  begin(): void {
    const { transactions, exceptions, checkOpen } = this.#parts
    checkOpen()
    transactions.checkBegin()
    fail(exceptions.beginTransactionException)
    transactions.begin()
  }

  sendOffsets(offsets: Iterable<ConsumedOffset>, group: ConsumerGroupMetadata, part?: TransactionPart): Future<void> {
    const { transactions, exceptions, checkOpen } = this.#parts
    const sent = operation<void>('sendOffsetsToTransaction')
    attempt(sent, () => {
      checkOpen()
      if (part?.isOver) throw transactionIsOver()
      transactions.checkOpen()
      fail(exceptions.sendOffsetsToTransactionException)
      const checked = checkedOffsets(offsets, group)
      transactions.addOffsets(checked.offsets, checked.group.groupId)
      sent.resolve()
    })
    return sent
  }

  commit(options: WaitOptions): Future<void> {
    const { transactions, exceptions, committed } = this.#parts
    return this.#end('commitTransaction', options, exceptions.commitTransactionException, () => {
      fail(transactions.refusal)
      committed(transactions.commit())
    })
  }

  abort(options: WaitOptions): Future<void> {
    const { transactions, exceptions } = this.#parts
    return this.#end('abortTransaction', options, exceptions.abortTransactionException, () => transactions.abort())
  }

  #end(name: string, options: WaitOptions, exception: KafkaError | undefined, end: () => void): Future<void> {
    const { transactions, exceptions, clock, checkOpen, flush } = this.#parts
    const ended = operation<void>(name)
    attempt(ended, () => {
      checkTimeout(options.timeoutMs)
      checkOpen()
      transactions.checkOpen()
      fail(exception)
      fail(exceptions.flushException) // flushing is a part of it
      transactions.beginEnd()
      flush(
        new SettledWaiter(() => {
          if (!transactions.isInFlight) ended.reject(transactions.isFenced ? fenced() : wasClosed())
          else
            try {
              end()
              ended.resolve()
            } catch (error) {
              transactions.reopen()
              ended.reject(error)
            }
        }),
      )
      bound(
        ended,
        clock,
        options,
        () => new TimeoutError(`${name}: not done after ${options.timeoutMs} ms; it goes on`),
      )
    })
    return ended
  }
}

function fail(exception: KafkaError | undefined): void {
  if (exception !== undefined) throw exception
}

const wasClosed = () => new ClosedError('the producer was closed while the transaction was being ended')
