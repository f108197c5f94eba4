// Asynchronous: `send` returns at once with a future, which is a promise. Await each, some, or all together.
import { createProducer } from 'ottla'

const producer = createProducer({ bootstrapServers: process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092' })

try {
  // One: the metadata says where the record landed.
  const { partition, offset } = await producer.send({ topic: 'orders', key: 'user-42', value: '{"id":1}' })
  console.log(`acknowledged: orders-${partition} at offset ${offset}`)

  // Many at a time: all are under way together, and travel in few requests.
  const futures = []
  for (let id = 2; id <= 1000; id++) {
    futures.push(producer.send({ topic: 'orders', key: `user-${id % 50}`, value: JSON.stringify({ id }) }))
  }
  const acknowledged = await Promise.all(futures)
  console.log(`acknowledged: ${acknowledged.length}`)

  // The same in one call.
  const records = ['a', 'b', 'c'].map(value => ({ topic: 'orders', value, headers: { source: 'example' } }))
  for (const metadata of await producer.sendAll(records)) console.log(JSON.stringify(metadata))
} finally {
  await producer.close()
}
