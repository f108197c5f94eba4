import { createRequire } from 'node:module'
import { measure, settings } from './client.mjs'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const require = createRequire(import.meta.url)
const { Kafka, logLevel } = require('kafkajs')

const options = {
  idempotent: settings.idempotent,
  // Its documentation allows one request at a time where the producer is idempotent.
  ...(settings.idempotent ? { maxInFlightRequests: 1 } : { maxInFlightRequests: settings.inFlight }),
}
const producer = new Kafka({
  clientId: 'benchmark',
  brokers: [settings.bootstrap],
  logLevel: logLevel.ERROR,
}).producer(options)

const topic = settings.topic
const acks = settings.acks === 'all' ? -1 : Number(settings.acks)
await measure({
  name: 'kafkajs',
  version: require('kafkajs/package.json').version,
  options: { ...options, acks, linger: 'none', batch: 'what one send is given' },
  shape: record => record,
  connect: () => producer.connect(),
  send: record => producer.send({ topic, acks, messages: [record] }),
  sendMany: messages => producer.send({ topic, acks, messages }),
  close: () => producer.disconnect(),
})
