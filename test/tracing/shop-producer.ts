import type { Broker } from '../../src/broker/index.ts'
import { createProducer, type Producer, type ProducerOptions } from '../../src/index.ts'

/** A producer with a name, and pauses so short that no test waits for them. */
export const shopProducer = (broker: Broker, options: Partial<ProducerOptions> = {}): Producer =>
  createProducer({
    bootstrapServers: broker.bootstrapServers,
    clientId: 'shop',
    ...{ retryBackoffMs: 1, retryBackoffMaxMs: 2, reconnectBackoffMs: 1 },
    ...options,
  })
