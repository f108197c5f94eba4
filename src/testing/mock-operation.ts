import { KafkaError } from '../base/errors/index.ts'
import { OperationFuture } from '../client/producer/future.ts'

/** Everything but a serializer is done when the call returns, so that `get()` has nothing to wait for. */
export function operation<T>(name: string): OperationFuture<T> {
  return new OperationFuture<T>({
    block() {
      const message = `${name} waits for records that are open, and nobody can complete them while the thread is blocked: call completeNext() first, use autoComplete, or await it`
      throw new KafkaError('BLOCKING_REFUSED', message)
    },
    call: call => call(),
  })
}
