import { AbortedError, KafkaError, TimeoutError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { WaitOptions } from './types.ts'
import { checkTimeout } from './waits.ts'

/** Whether a `transaction(…)` is over, for what is begun by its own methods: whoever still holds it adds nothing to the next one. */
export interface TransactionPart {
  readonly isOver: boolean
}

export const transactionIsOver = (outcome?: 'not-written') =>
  new KafkaError('INVALID_TXN_STATE', 'this transaction is over', outcome && { outcome })

export interface TransactionSteps {
  readonly clock: Clock
  /** Before the first transaction; nothing where that has been done. */
  init(): PromiseLike<void> | undefined
  begin(): void
  commit(): PromiseLike<void>
  abort(): PromiseLike<void>
  /** Whether there is something to be aborted, and it may be. */
  mayAbort(): boolean
  /** It failed, and could not be aborted either. */
  failed(error: KafkaError): void
}

/** Begins a transaction, runs `work`, and commits; aborts where that fails. */
export async function runTransaction<R>(
  work: (part: TransactionPart) => R | PromiseLike<R>,
  options: WaitOptions,
  steps: TransactionSteps,
): Promise<R> {
  checkTimeout(options.timeoutMs)
  if (options.signal?.aborted) throw aborted(options.signal)
  const initialized = steps.init()
  // Without a wait of its own: of two transactions at once the first call has the first turn.
  if (initialized !== undefined) await initialized
  steps.begin()
  const part = { isOver: false }
  try {
    const result = await limited(() => work(part), options, steps.clock)
    part.isOver = true
    await steps.commit()
    return result
  } catch (error) {
    part.isOver = true
    // Fenced, closed, or perhaps committed: there is nothing to be aborted.
    if (steps.mayAbort())
      try {
        await steps.abort()
      } catch (cause) {
        steps.failed(new KafkaError('ABORT_FAILED', 'a failed transaction could not be aborted', { cause }))
      }
    throw error
  }
}

const aborted = ({ reason }: AbortSignal) => new AbortedError('the transaction was aborted', undefined, reason)

/** What the work gives, or an error at its deadline. The work itself goes on then, and finds its transaction over. */
async function limited<R>(
  work: () => R | PromiseLike<R>,
  { timeoutMs, signal }: WaitOptions,
  clock: Clock,
): Promise<R> {
  const working = Promise.resolve(work())
  return await new Promise<R>((resolve, reject) => {
    const timedOut = () => reject(new TimeoutError(`the transaction was not done after ${timeoutMs} ms`))
    const timer = timeoutMs === undefined ? undefined : clock.schedule(timedOut, timeoutMs)
    const onAbort = () => reject(aborted(signal!))
    signal?.addEventListener('abort', onAbort, { once: true })
    const done = () => {
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    working.finally(done).then(resolve, reject)
  })
}
