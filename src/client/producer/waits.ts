import { AbortedError, KafkaError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { OperationFuture } from './future.ts'
import type { WaitOptions } from './types.ts'

export function checkTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 0))
    throw new KafkaError('INVALID_TIMEOUT', `timeoutMs is ${String(timeoutMs)}; allowed: milliseconds, 0 or more`)
}

/** Gives an operation an end: a deadline, a signal, or both. */
export function bound<T>(
  operation: OperationFuture<T>,
  clock: Clock,
  { timeoutMs, signal }: WaitOptions,
  onTimeout: () => KafkaError,
  /** What the end of the wait is told as. */
  asTold: (error: KafkaError) => KafkaError = error => error,
): void {
  if (operation.settled) return
  const timer =
    timeoutMs === undefined ? undefined : clock.schedule(() => operation.reject(asTold(onTimeout())), timeoutMs)
  const onAbort = () => operation.reject(asTold(new AbortedError('the wait was aborted', undefined, signal?.reason)))
  operation.whenSettled(() => {
    timer?.cancel()
    signal?.removeEventListener('abort', onAbort)
  })
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()
}
