// Two producers under a steady load, one of them with transactions, for Prometheus to watch: node examples/monitoring/producer.js [--faults] [--seconds 60]
// With KAFKA_BOOTSTRAP=host:port it sends there, else to an embedded broker of three nodes. --faults: the embedded broker is in
// trouble now and then. METRICS_PORT (9464) and METRICS_HOST (127.0.0.1): where the metrics are.
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createProducer } from 'ottla'
import { startMetricsServer } from 'ottla/prometheus'
import { startBrokerInThread } from 'ottla/testing'

const { values: given } = parseArgs({ options: { faults: { type: 'boolean' }, seconds: { type: 'string' } } })
const { KAFKA_BOOTSTRAP: cluster, METRICS_PORT = '9464', METRICS_HOST = '127.0.0.1' } = process.env

const topics = ['orders', 'payments', 'clicks']
const broker = cluster
  ? null
  : await startBrokerInThread({
      brokers: 3,
      topics: Object.fromEntries(topics.map(name => [name, { partitions: 6, replicationFactor: 3 }])),
    })

const producer = createProducer({
  bootstrapServers: cluster || (broker?.bootstrapServers ?? ''),
  clientId: 'shop',
  compressionType: 'gzip',
  bufferMemory: 4 * 1024 * 1024,
  // So short that a program which watches sees records fail; the default is two minutes.
  requestTimeoutMs: 2_000,
  deliveryTimeoutMs: 8_000,
})
/** What nobody waited for and was not delivered: the metrics count it as well. */
let undelivered = 0
producer.on('undelivered', ({ error }) => {
  if (undelivered++ === 0) console.error(`undelivered: ${error.message}`)
})

const ledger = createProducer({
  bootstrapServers: cluster || (broker?.bootstrapServers ?? ''),
  clientId: 'ledger',
  transactionalId: 'ledger',
})

const server = await startMetricsServer([producer, ledger], { port: Number(METRICS_PORT), host: METRICS_HOST })
console.log(`metrics at ${server.url}`)

const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => ending.abort())
if (given.seconds) setTimeout(() => ending.abort(), Number(given.seconds) * 1000)
if (given.faults && !broker) console.error('--faults: only the embedded broker can be put in trouble')

const troubles = given.faults && broker ? makeTrouble(broker) : undefined
const transactions = transact()
const sent = await load()
await transactions
await troubles
await Promise.all([producer.close({ timeoutMs: 10_000 }), ledger.close({ timeoutMs: 10_000 })])
await server.close()
await broker?.close()
console.log(`${sent} records sent, ${producer.metrics()['record-acknowledged-total']} acknowledged`)

/** Some 2,000 records a second, more and fewer in turns, of which nobody looks at the results. */
async function load() {
  let number = 0
  for (let turn = 0; !ending.signal.aborted; turn++) {
    const wave = 1 + 0.2 * Math.sin(turn / 500)
    for (let record = 0; record < 100 * wave; record++) {
      const order = number++
      const topic = topics[order % 6 === 0 ? 0 : order % 6 < 3 ? 1 : 2] ?? ''
      const value = JSON.stringify({
        order,
        customer: order % 997,
        items: ['book', 'lamp', 'chair'].slice(order % 3),
        at: Date.now(),
      })
      producer.send({ topic, key: String(order % 997), value })
      if (!producer.hasRoom) await producer.room()
    }
    await pause(50)
  }
  return number
}

/** Ten transactions a second at most: a payment is booked twice, or not at all. */
async function transact() {
  await ledger.initTransactions()
  for (let booking = 0; !ending.signal.aborted; booking++) {
    const transfer = ledger.transaction(async transaction => {
      transaction.send({ topic: 'payments', key: 'debit', value: `${booking}` })
      transaction.send({ topic: 'payments', key: 'credit', value: `${booking}` })
    })
    // The metrics tell how many: a transaction that fails has been aborted, and the next one begins.
    await transfer.catch(() => {})
    await pause(100)
  }
}

/** One trouble after the other, with peace between them. @param {import('ottla/testing').BrokerInThread} brokers */
async function makeTrouble(brokers) {
  const { faults } = brokers
  const times = Number.POSITIVE_INFINITY
  /** @type {readonly (readonly [name: string, begin: () => Promise<unknown>, end?: () => Promise<unknown>])[]} */
  const all = [
    ['a broker is stopped', () => brokers.stop(2), () => comesBack(2)],
    ['a topic refuses records', () => faults.failBefore('Produce', 'INVALID_RECORD', { topic: 'payments', times })],
    ['the brokers are slow', () => faults.delay('Produce', { minMs: 50, maxMs: 250 }, { times })],
    [
      'replicas are missing',
      () => faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { topic: 'orders', times: 100 }),
    ],
    ['the client is over its quota', () => faults.throttle('Produce', 250, { times })],
    ['answers are lost', () => faults.loseAnswerAfterAppend('Produce', { topic: 'clicks', times })],
  ]
  /** It leads what it led before. @param {number} id */
  const comesBack = async id => {
    await brokers.start(id)
    for (const topic of topics) await brokers.moveLeader(topic, 1, id)
  }
  while (!ending.signal.aborted)
    for (const [name, begin, end] of all) {
      await pause(15_000)
      if (ending.signal.aborted) return
      console.log(`trouble: ${name}`)
      await begin()
      await pause(20_000)
      await faults.clear()
      await end?.()
    }
}

/** Until the time is over, or the program is to end. @param {number} ms */
async function pause(ms) {
  await delay(ms, undefined, { signal: ending.signal }).catch(() => {})
}
