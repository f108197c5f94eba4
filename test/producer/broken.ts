import type { KafkaError } from '../../src/index.ts'

/** What a future fails with; where it does not fail, a text that is no error, and that no expectation of one fits. */
export const broken = (future: PromiseLike<unknown>): Promise<KafkaError> =>
  Promise.resolve(future).then(
    () => 'fulfilled' as unknown as KafkaError,
    error => error,
  )
