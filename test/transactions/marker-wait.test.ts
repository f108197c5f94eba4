import { afterEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type TransactionalProducer } from '../../src/index.ts'

// Markers of a transaction are written after its end was answered. A broker that gets records of the next one meanwhile
// keeps them for 20 ms; the producer asks instead, and sends them when they are welcome.
let broker: Broker
let producer: TransactionalProducer
const markersMs = 6

async function start(transactionMarkerDelayMs: number, transactionVersion: 0 | 2 = 2): Promise<void> {
  broker = await startBroker({ topics: { orders: { partitions: 1 } }, transactionMarkerDelayMs, transactionVersion })
  producer = createProducer({ bootstrapServers: broker.bootstrapServers, transactionalId: 'tx' })
  await producer.initTransactions()
}
afterEach(async () => {
  await producer?.close()
  await broker?.close()
})

async function transactions(count: number, ...values: string[]): Promise<void> {
  for (let index = 0; index < count; index++)
    await producer.transaction(async transaction => {
      for (const value of values) await transaction.send({ topic: 'orders', value })
    })
}
const asked = () => broker.requestCount('DescribeTransactions')

test('records of the next transaction leave when the markers of the last one are written', async () => {
  await start(markersMs)
  await transactions(10, 'a')

  const ends = broker.requests('EndTxn')
  const sends = broker.requests('Produce')
  expect([ends.length, sends.length]).toEqual([10, 10])
  for (const [index, { at }] of sends.slice(1).entries())
    expect(at - ends[index]!.at).toBeGreaterThanOrEqual(markersMs - 1)
  expect(asked()).toBeGreaterThan(0)
  expect(broker.records('orders').length).toBe(10)
})

test('a cluster that is always ready is asked now and then', async () => {
  await start(0)
  await transactions(200, 'a')

  expect(broker.requestCount('Produce')).toBe(200)
  expect(asked()).toBeGreaterThan(0)
  expect(asked()).toBeLessThan(100)
})

test('nobody is asked where clients add partitions themselves', async () => {
  await start(0, 0)
  await transactions(5, 'a')

  expect(broker.requestCount('AddPartitionsToTxn')).toBe(5)
  expect(asked()).toBe(0)
})

test('markers that take longer than a broker would wait are not waited for', async () => {
  await start(300)
  await transactions(3, 'a')

  const [first] = broker.requests('EndTxn')
  expect(broker.requests('Produce')[1]!.at - first!.at).toBeLessThan(300)
  expect(broker.records('orders').length).toBe(3)
})

test('an empty transaction right after another one asks the coordinator for nothing', async () => {
  await start(markersMs)
  await transactions(1, 'a')
  await transactions(3)
  await transactions(1, 'b')

  expect(broker.requestCount('EndTxn')).toBe(2)
  expect(broker.records('orders').map(({ value }) => String(value))).toEqual(['a', 'b'])
})

test.each([
  ['the connection closes', (broker: Broker) => broker.faults.closeBefore('DescribeTransactions', { times: 3 })],
  [
    'the answer is an error',
    (broker: Broker) => broker.faults.failBefore('DescribeTransactions', 'UNKNOWN_SERVER_ERROR'),
  ],
])('nothing depends on the answer: %s', async (_, fault) => {
  await start(markersMs)
  fault(broker)
  await transactions(5, 'a')

  expect(broker.records('orders').length).toBe(5)
  expect(asked()).toBeGreaterThan(0)
})
