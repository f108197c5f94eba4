import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type Producer, type TransactionalProducer } from '../../src/index.ts'

/** A producer and a transactional one that have met nearly everything that is measured, and what they stand on. */
export interface LoadedProducers extends AsyncDisposable {
  readonly broker: Broker
  readonly producer: Producer
  readonly transactional: TransactionalProducer
}

/** Topics `orders` and `audit.log`, 600 records; retries, failures of both outcomes, a committed and an aborted transaction. */
export async function loadedProducers(): Promise<LoadedProducers> {
  const topics = { orders: { partitions: 6 }, 'audit.log': {} }
  const broker = await startBroker({ brokers: 3, topics })
  const { bootstrapServers } = broker
  const common = { bootstrapServers, retryBackoffMs: 10, retryBackoffMaxMs: 50 }
  const producer = createProducer({ ...common, clientId: 'shop', compressionType: 'gzip', maxRequestSize: 100_000 })
  const transactional = createProducer({ ...common, clientId: 'till', transactionalId: 'till' })
  const send = (topic: string, from: number, to: number) =>
    Promise.all(
      Array.from({ length: to - from }, (_, index) =>
        producer.send({ topic, key: `key-${from + index}`, value: `value ${from + index}` }),
      ),
    )
  producer.metrics()
  await send('orders', 0, 300)
  broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { times: 2 })
  broker.faults.loseAnswerAfterAppend('Produce')
  await send('orders', 300, 500)
  await send('audit.log', 0, 100)
  broker.faults.failBefore('Produce', 'TOPIC_AUTHORIZATION_FAILED')
  await producer.send({ topic: 'orders', value: 'refused' }).catch(() => {})
  await producer.send({ topic: 'orders', value: Buffer.alloc(200_000) }).catch(() => {})
  producer.send({ topic: 'orders', value: Buffer.alloc(200_000) })
  await transactional.initTransactions()
  await transactional.transaction(transaction => transaction.send({ topic: 'orders', value: 'paid' }))
  const aborted = transactional.transaction(async transaction => {
    await transaction.send({ topic: 'orders', value: 'not paid' })
    throw new Error('the customer left')
  })
  await aborted.catch(() => {})
  return {
    broker,
    producer,
    transactional,
    async [Symbol.asyncDispose]() {
      await Promise.all([producer.close(), transactional.close()])
      await broker.close()
    },
  }
}
