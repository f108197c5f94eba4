// A loop that sends more than memory holds: `hasRoom` tells when to pause, `room()` waits until it may go on.
import { createProducer } from 'ottla'

const producer = createProducer({
  bootstrapServers: process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092',
  bufferMemory: 4 * 1024 * 1024,
})

let failed = 0
let pauses = 0
const value = Buffer.alloc(1000, 'x')
for (let id = 0; id < 50_000; id++) {
  producer.send({ topic: 'bulk', key: String(id), value }, error => {
    if (error) failed++
  })
  if (!producer.hasRoom) {
    pauses++
    await producer.room()
  }
}
await producer.flush()
console.log(`50,000 records of 1 kB through 4 MB of buffer memory; paused ${pauses} times, ${failed} failed`)
await producer.close()
if (failed > 0) process.exitCode = 1
