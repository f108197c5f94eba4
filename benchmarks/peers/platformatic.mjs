import { readFile } from 'node:fs/promises'
import { Producer, stringSerializers } from '@platformatic/kafka'
import { measure, settings } from './client.mjs'

const manifest = new URL('package.json', new URL('../', import.meta.resolve('@platformatic/kafka')))
const { version } = JSON.parse(await readFile(manifest, 'utf8'))
// Its idempotent sends must wait for one another: two at a time reach a real broker with sequences out of order (1.35.0).
const idempotent = settings.idempotent && settings.what === 'idle-latency'
const options = {
  idempotent,
  acks: settings.acks === 'all' ? -1 : Number(settings.acks),
  maxInflights: settings.inFlight,
}
const producer = new Producer({
  clientId: 'benchmark',
  bootstrapBrokers: [settings.bootstrap],
  ...options,
  ...(settings.values === 'string' ? { serializers: stringSerializers } : {}),
})

const topic = settings.topic
// Given with each send: what the constructor is given does not reach it (1.35.0).
const { acks } = options
await measure({
  name: '@platformatic/kafka',
  version,
  options: { ...options, linger: 'none', batch: 'what one send is given' },
  shape: record => ({ topic, ...record }),
  send: record => producer.send({ acks, messages: [record] }),
  sendWithCallback: (record, callback) => producer.send({ acks, messages: [record] }, callback),
  sendMany: messages => producer.send({ acks, messages }),
  close: () => producer.close(),
})
