// Errors: each has a stable code, and for a record an outcome that says whether it can be in the log.
import { createProducer, KafkaError } from 'ottla'

// Wrong options are told all at once, before any connection is made.
try {
  createProducer({ bootstrapServers: 'localhost', acks: 1, lingerMs: -1 })
} catch (error) {
  if (!(error instanceof KafkaError)) throw error
  console.log(error.message)
}

const producer = createProducer({
  bootstrapServers: process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092',
  maxRequestSize: 10_000,
})
try {
  await producer.send({ topic: 'orders', value: 'x'.repeat(20_000) })
} catch (error) {
  if (!(error instanceof KafkaError)) throw error
  console.log(`${error.code}, ${error.outcome}: ${error.message}`)
}

// The producer goes on.
const { offset } = await producer.send({ topic: 'orders', value: 'small' })
console.log(`acknowledged at offset ${offset}`)
await producer.close()
