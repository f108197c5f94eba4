import { type ProducerOptions, resolveOptions } from './options.ts'
import { KafkaProducer } from './producer.ts'
import type { TransactionalProducer } from './transactions.ts'
import type { AnyTopic, Producer } from './types.ts'

/** Options of a producer that writes in transactions. */
export type TransactionalProducerOptions<Topics = AnyTopic> = ProducerOptions<Topics> & { transactionalId: string }

/**
 * Makes a producer that writes in transactions. Nothing is connected yet: that happens with `initTransactions()`, which the first
 * `transaction(…)` does by itself.
 *
 * @throws ConfigError with every wrong option
 */
export function createProducer<Topics = AnyTopic>(
  options: TransactionalProducerOptions<Topics>,
): TransactionalProducer<Topics>
/**
 * Makes a producer. Nothing is connected yet: that happens with the first record, or `connect()`.
 *
 * @throws ConfigError with every wrong option
 */
export function createProducer<Topics = AnyTopic>(options: ProducerOptions<Topics>): Producer<Topics>
export function createProducer<Topics = AnyTopic>(options: ProducerOptions<Topics>): Producer<Topics> {
  return new KafkaProducer<Topics>(resolveOptions(options))
}
