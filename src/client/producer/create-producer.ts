import { type ProducerOptions, resolveOptions } from './options.ts'
import { KafkaProducer } from './producer.ts'
import type { AnyTopic, Producer } from './types.ts'

/**
 * Makes a producer. Nothing is connected yet: that happens with the first record, or `connect()`.
 *
 * @throws ConfigError with every wrong option
 */
export function createProducer<Topics = AnyTopic>(options: ProducerOptions<Topics>): Producer<Topics> {
  return new KafkaProducer<Topics>(resolveOptions(options))
}
