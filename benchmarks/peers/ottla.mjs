import { readFile } from 'node:fs/promises'
import { measure, settings } from './client.mjs'

const { createProducer } = await import(settings.build ?? '../../dist/index.js')
const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
const options = {
  acks: settings.acks === 'all' ? 'all' : Number(settings.acks),
  enableIdempotence: settings.idempotent,
  maxInFlightRequestsPerConnection: settings.inFlight,
  lingerMs: settings.lingerMs,
  compressionType: settings.codec,
  ...(settings.batchSize === 'own' ? {} : { batchSize: settings.batchSize }),
}
const isTransactional = settings.way === 'transactional'
if (isTransactional) options.transactionalId = `benchmark-${process.pid}`
const producer = createProducer({ bootstrapServers: settings.bootstrap, clientId: 'benchmark', ...options })
producer.on('undelivered', ({ error }) => fail(error))
producer.on('error', fail)

function fail(error) {
  console.error(error)
  process.exit(1)
}

const topic = settings.topic
const nothing = () => {}
/** What stands between two parts of the records. */
const boundaries = {
  transactional: { begin: () => producer.beginTransaction(), end: () => producer.commitTransaction() },
  flushed: { begin: nothing, end: () => producer.flush() },
  free: { begin: nothing, end: nothing },
}
await measure({
  name: settings.way === undefined ? 'ottla' : `ottla ${settings.way}`,
  version,
  options,
  shape: ({ key, value }) => ({ topic, key, value }),
  // A fresh object for each send, as a program would make one.
  send: ({ key, value }) => producer.send({ topic, key, value }),
  sendWithCallback: ({ key, value }, callback) => producer.send({ topic, key, value }, callback),
  sendUnwatched: ({ key, value }) => {
    producer.send({ topic, key, value })
  },
  sendBlocking: ({ key, value }) => producer.send({ topic, key, value }).get(),
  sendMany: records => producer.sendAll(records),
  connect: isTransactional ? () => producer.initTransactions() : undefined,
  ...boundaries[settings.way],
  hasRoom: () => producer.hasRoom,
  room: () => producer.room(),
  flush: () => producer.flush(),
  close: () => producer.close(),
})
