import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type Producer, type ProducerOptions } from '../../src/index.ts'
import { SendLedger } from './send-ledger.ts'

const topic = 'readings'
const slackMs = 5000

let broker: Broker
let producer: Producer

const open = (options: Partial<ProducerOptions>) =>
  createProducer({ bootstrapServers: broker.bootstrapServers, ...options })

/** The event loop does nothing else for so long. */
function stall(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const turn = () => new Promise(setImmediate)

beforeEach(async () => {
  broker = await startBroker({ brokers: 3, topics: { [topic]: { partitions: 3 } } })
})

afterEach(async () => {
  await producer.close({ timeoutMs: 0 })
  await broker.close()
})

describe('the event loop stalls for longer than requestTimeoutMs', () => {
  test('requests whose answers have come meanwhile do not time out', async () => {
    producer = open({ requestTimeoutMs: 1000, deliveryTimeoutMs: 2000 })
    const ledger = new SendLedger(producer, topic)
    ledger.send(30)
    await ledger.allSettled()
    const connections = broker.connections()

    ledger.send(1000)
    // Handed to the sockets: the answers lie ready, or come as soon as this process, which is the broker's as well, goes on.
    await broker.waitForRequest('Produce')
    stall(3000)
    await ledger.allSettled()

    expect(ledger.summary.acknowledged).toBe(1030)
    expect(producer.metrics()['record-retry-total']).toBe(0)
    expect(broker.connections()).toBe(connections)
    expect(ledger.violations(broker.records(topic), 3000 + slackMs)).toEqual([])
  })

  test('a first send survives stalls while its connections are made', async () => {
    producer = open({ requestTimeoutMs: 1000, socketConnectionSetupTimeoutMs: 1000 })
    const ledger = new SendLedger(producer, topic)

    ledger.send(30)
    await turn()
    stall(1500)
    for (let turns = 0; turns < 3; turns++) await turn()
    stall(1500)
    await ledger.allSettled()

    expect(ledger.summary.acknowledged).toBe(30)
    expect(ledger.violations(broker.records(topic), 20_000)).toEqual([])
  })
})

test('a half-open connection is given up after requestTimeoutMs, and the record is sent to who leads then', async () => {
  producer = open({ requestTimeoutMs: 500 })
  const ledger = new SendLedger(producer, topic)
  ledger.send(300)
  await ledger.allSettled()
  const hung = broker.partition(topic, 0).leader

  broker.pause(hung)
  for (const [partition] of [0, 1, 2].entries())
    if (broker.partition(topic, partition).leader === hung) broker.moveLeader(topic, partition, (hung % 3) + 1)
  ledger.send(3000)
  await ledger.allSettled()

  expect(ledger.summary.acknowledged).toBe(3300)
  expect(ledger.violations(broker.records(topic), 500 + slackMs)).toEqual([])
})

test('a hung broker does not hold up the others', async () => {
  producer = open({ requestTimeoutMs: 20_000 })
  await Promise.all([0, 1, 2].map(partition => producer.send({ topic, partition, value: '0:' })))
  const hung = broker.partition(topic, 0).leader
  const others = [0, 1, 2].filter(partition => broker.partition(topic, partition).leader !== hung)
  expect(others).toHaveLength(2)

  broker.pause(hung)
  const stuck = producer.send({ topic, partition: 0, value: '1:' })
  for (let round = 0; round < 200; round++)
    await Promise.all(others.map(partition => producer.send({ topic, partition, value: `${round}:` })))

  expect(stuck.settled).toBe(false)
  expect(broker.records(topic, others[0]!)).toHaveLength(201)
  broker.resume(hung)
  await stuck
})

test('answers of a slow broker keep the pipeline full, and do not slow the others', async () => {
  producer = open({ batchSize: 500, lingerMs: 0 })
  await Promise.all([0, 1, 2].map(partition => producer.send({ topic, partition, value: '0:' })))
  const slow = broker.partition(topic, 0).leader
  broker.faults.delay('Produce', 300, { broker: slow, times: Number.POSITIVE_INFINITY })
  const settled: number[] = []
  const sendTo = (partition: number) =>
    Array.from({ length: 200 }, () =>
      producer.send({ topic, partition, value: 'v'.repeat(40) }).then(() => settled.push(partition)),
    )

  const all = [0, 1, 2].flatMap(sendTo)
  await Promise.all(all)

  expect(settled.slice(0, 400)).not.toContain(0)
  expect(broker.records(topic, 0)).toHaveLength(201)
})

test('an idle connection that the broker closes is nobody’s error: a hundred times', async () => {
  producer = open({})
  const errors: unknown[] = []
  producer.on('error', error => errors.push(error))

  for (let cycle = 0; cycle < 100; cycle++) {
    await producer.send({ topic, partition: 0, value: `${cycle}:` })
    broker.closeConnections(undefined, { reset: cycle % 2 === 1 })
    for (let turns = 0; turns < 4; turns++) await turn()
  }

  expect(broker.records(topic, 0)).toHaveLength(100)
  expect(errors).toEqual([])
  expect(producer.metrics()['record-error-total']).toBe(0)
  expect(broker.requestCount('Metadata')).toBeLessThan(110)
})

test('an idle connection is closed by the producer itself, and the next send opens another', async () => {
  producer = open({ connectionsMaxIdleMs: 100 })
  await producer.send({ topic, partition: 0, value: '0:' })
  const startedAt = performance.now()
  while (broker.connections() > 0 && performance.now() - startedAt < 10_000) await new Promise(go => setTimeout(go, 20))
  expect(broker.connections()).toBe(0)

  await producer.send({ topic, partition: 0, value: '1:' })

  expect(broker.records(topic, 0)).toHaveLength(2)
  expect(producer.metrics()['record-retry-total']).toBe(0)
})

test('a throttle time that is absurd neither outlasts the delivery time-out nor holds up close or the other brokers', async () => {
  producer = open({ deliveryTimeoutMs: 1000, requestTimeoutMs: 500 })
  await Promise.all([0, 1, 2].map(partition => producer.send({ topic, partition, value: '0:' })))
  const throttled = broker.partition(topic, 0).leader
  const [other] = [1, 2].filter(partition => broker.partition(topic, partition).leader !== throttled)
  const absurd = { throttleTimeMs: 2 ** 31 - 1 }
  broker.faults.changeAnswer('Produce', answer => ({ ...(answer as object), ...absurd }), { broker: throttled })
  await producer.send({ topic, partition: 0, value: '1:' })

  const startedAt = performance.now()
  await expect(producer.send({ topic, partition: 0, value: '2:' })).rejects.toMatchObject({
    code: 'DELIVERY_TIMEOUT',
    outcome: 'not-written',
  })
  expect(performance.now() - startedAt).toBeLessThan(1000 + slackMs)
  await producer.send({ topic, partition: other!, value: '1:' })
  await producer.close({ timeoutMs: 100 })

  expect(broker.records(topic, 0)).toHaveLength(2)
})

test('a negative throttle time is none', async () => {
  producer = open({})
  broker.faults.changeAnswer('Produce', answer => ({ ...(answer as object), throttleTimeMs: -5 }), { times: 3 })

  for (let i = 0; i < 5; i++) await producer.send({ topic, partition: 0, value: `${i}:` })

  expect(broker.records(topic, 0)).toHaveLength(5)
})

test('an answer that comes after its request timed out is not taken for another', async () => {
  producer = open({ requestTimeoutMs: 300 })
  await producer.send({ topic, partition: 0, value: 'warm:' })
  broker.faults.delay('Produce', 900, { phase: 'after' })
  const ledger = new SendLedger(producer, topic)

  ledger.send(600)
  await ledger.allSettled()
  await new Promise(go => setTimeout(go, 900))
  ledger.send(100)
  await ledger.allSettled()

  expect(ledger.summary.acknowledged).toBe(700)
  const log = broker.records(topic).filter(({ value }) => String(value) !== 'warm:')
  expect(ledger.violations(log, slackMs)).toEqual([])
})
