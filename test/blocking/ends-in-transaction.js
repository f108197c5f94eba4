// Ends in the midst of a transaction: node ends-in-transaction.js <dist> <bootstrap servers> <topic> <abort|commit>
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [dist, bootstrapServers, topic, how] = process.argv.slice(2)
const { createProducer } = await import(pathToFileURL(join(dist, 'index.js')).href)
const producer = createProducer({ bootstrapServers, transactionalId: topic, flushOnExit: true })
await producer.initTransactions()
producer.beginTransaction()
await producer.send({ topic, value: how })
if (how === 'commit') producer.commitTransaction()
process.exit(3)
