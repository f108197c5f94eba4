import { createRequire } from 'node:module'
import { measure, settings } from './client.mjs'

const require = createRequire(import.meta.url)
const { createKafkaClient } = require('kafka-ts')

const [host, port] = settings.bootstrap.split(':')
const client = createKafkaClient({ clientId: 'benchmark', bootstrapServers: [{ host, port: Number(port) }] })
const producer = client.createProducer({})

const topic = settings.topic
await measure({
  name: 'kafka-ts',
  version: require('kafka-ts/package.json').version,
  options: { acks: 'all (fixed)', idempotent: 'always', inFlight: 1, linger: 'none', maxBatchSize: '500 records' },
  shape: record => ({ topic, ...record }),
  // It writes the partition into the message it is given, so each send has its own.
  send: record => producer.send([{ ...record }]),
  sendMany: records => producer.send(records.map(record => ({ ...record }))),
  close: () => producer.close(),
})
