// Blocking: `get()` holds the thread until the broker has answered, as Java's `Future.get()` does. For scripts, migrations and code
// that cannot wait otherwise: while it blocks, nothing else of this thread runs. The broker has to be in another one.
import { createProducer, KafkaError } from 'ottla'

const producer = createProducer({ bootstrapServers: process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092' })

try {
  // Optional: the first send is then as quick as the next.
  producer.connect().get({ timeoutMs: 10_000 })

  const { partition, offset } = producer.send({ topic: 'orders', key: 'user-42', value: '{"id":1}' }).get()
  console.log(`acknowledged: orders-${partition} at offset ${offset}`)

  // Many at a time: one wait for all of them, which travel together.
  for (let id = 2; id <= 1000; id++) producer.send({ topic: 'orders', key: `user-${id % 50}`, value: `{"id":${id}}` })
  producer.flush().get({ timeoutMs: 30_000 })
  console.log('flushed')
} catch (error) {
  if (!(error instanceof KafkaError)) throw error
  console.error(`${error.code}: ${error.message}`)
  process.exitCode = 1
}

// A record that fails throws what its promise would reject with.
try {
  producer.send({ topic: 'no topic', value: 'lost' }).get()
} catch (error) {
  if (!(error instanceof KafkaError)) throw error
  console.log(`${error.code}, ${error.outcome}: ${error.message}`)
}

producer.close().get()
