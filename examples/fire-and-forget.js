// Fire and forget: nobody looks at the future. A record that fails is told by the 'undelivered' event; nothing crashes.
import { createProducer } from 'ottla'

const producer = createProducer({ bootstrapServers: process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092' })

const undelivered = []
producer.on('undelivered', ({ topic, error }) => {
  undelivered.push(topic)
  console.log(`undelivered: ${JSON.stringify(topic)}: ${error.code} (${error.outcome})`)
})

for (let id = 0; id < 1000; id++) producer.send({ topic: 'clicks', value: `click ${id}` })
// This one can never be sent: a topic's name has no spaces.
producer.send({ topic: 'no topic', value: 'lost' })

// close() waits for all of them, as flush() does.
await producer.close()
console.log('closed')
if (undelivered.length !== 1) process.exitCode = 1
