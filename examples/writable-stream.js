// A stream: each chunk is a record's value. `pipeline` resolves when all of them are acknowledged.
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createProducer } from 'ottla'
import { birdstrikes } from './birdstrikes.js'

const producer = createProducer({ bootstrapServers: process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092' })

// Strings and bytes, all for one topic.
await pipeline(Readable.from(['first line', 'second line', 'third line']), producer.writable({ topic: 'lines' }))
console.log('3 lines acknowledged')

// Whole records, each with its topic and key.
let records = 0
const toRecord = new Transform({
  objectMode: true,
  transform({ key, value }, _encoding, done) {
    records++
    done(null, { topic: 'birdstrikes', key, value })
  },
})
await pipeline(Readable.from(birdstrikes()), toRecord, producer.writable())
console.log(`${records} records acknowledged`)

await producer.close()
