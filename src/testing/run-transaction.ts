import { AbortedError, KafkaError, TimeoutError } from '../base/errors/index.ts'
import type { Clock } from '../base/time/clock.ts'
import type { WaitOptions } from '../client/producer/types.ts'
import { checkTimeout } from '../client/producer/waits.ts'
import type { MockProducer } from './mock-producer.ts'

export interface TransactionParts {
  readonly clock: Clock
  /** Nothing is added to the transaction from now on, whoever still holds it. */
  end(): void
  /** It failed, and could not be aborted either. */
  failed(error: KafkaError): void
}

/** Begins a transaction, runs `work`, and commits; aborts where that fails. */
export async function runTransaction<Topics, R>(
  producer: MockProducer<Topics>,
  work: () => R | PromiseLike<R>,
  options: WaitOptions,
  { clock, end, failed }: TransactionParts,
): Promise<R> {
  checkTimeout(options.timeoutMs)
  if (options.signal?.aborted) throw aborted(options.signal)
  // Of a mock it has settled: of two transactions at once the first call has the first turn.
  if (!producer.transactionInitialized) producer.initTransactions().get()
  producer.beginTransaction()
  try {
    const result = await limited(work(), options, clock)
    end()
    await producer.commitTransaction()
    return result
  } catch (error) {
    end()
    // Fenced or closed: there is nothing left to be aborted.
    if (producer.transactionInFlight)
      await producer.abortTransaction().catch(reason => {
        failed(new KafkaError('ABORT_FAILED', 'a failed transaction could not be aborted', { cause: reason }))
      })
    throw error
  }
}

const aborted = ({ reason }: AbortSignal) => new AbortedError('the transaction was aborted', undefined, reason)

/** What the work gives, or an error at its deadline. The work itself goes on then, and finds its transaction over. */
function limited<R>(working: R | PromiseLike<R>, { timeoutMs, signal }: WaitOptions, clock: Clock): Promise<R> {
  return new Promise((resolve, reject) => {
    const timedOut = () => reject(new TimeoutError(`the transaction was not done after ${timeoutMs} ms`))
    const timer = timeoutMs === undefined ? undefined : clock.schedule(timedOut, timeoutMs)
    const onAbort = () => reject(aborted(signal!))
    signal?.addEventListener('abort', onAbort, { once: true })
    const done = () => {
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    Promise.resolve(working).finally(done).then(resolve, reject)
  })
}
