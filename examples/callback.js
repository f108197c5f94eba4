// By callback: error first, called once, in the order of the sends of a partition. The fastest way to know about each record.
import { createProducer } from 'ottla'

const producer = createProducer({
  bootstrapServers: process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092',
  compressionType: 'lz4',
})

let acknowledged = 0
for (let id = 0; id < 10_000; id++) {
  producer.send({ topic: 'events', key: `sensor-${id % 20}`, value: `reading ${id}` }, (error, metadata) => {
    if (error) {
      // 'not-written': it may be sent again. 'unknown': sending it again may write it twice.
      console.error(`reading ${id}: ${error.code}, ${error.outcome}`)
      process.exitCode = 1
      return
    }
    acknowledged++
    if (id % 2500 === 0)
      console.log(`reading ${id} is at ${metadata?.topic}-${metadata?.partition}, offset ${metadata?.offset}`)
  })
  if (!producer.hasRoom) await producer.room()
}

await producer.flush({ timeoutMs: 30_000 })
console.log(`${acknowledged} acknowledged`)
await producer.close()
