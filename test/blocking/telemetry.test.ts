import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createProducer, type Producer } from '../../src/index.ts'
import type { BrokerInThread } from '../../src/testing/index.ts'
import { startBrokerThread } from './broker-thread.ts'

let broker: BrokerInThread
let producer: Producer

beforeAll(async () => {
  const subscriptions = { all: { metrics: ['*'], intervalMs: 100 } }
  broker = await startBrokerThread({ topics: { t: { partitions: 1 } }, telemetry: { subscriptions } })
})
afterAll(() => broker.close())
afterEach(async () => {
  await producer.close({ timeoutMs: 2_000 })
  await broker.clearTelemetry()
})

test('a blocked thread gets the id, the same that is awaited later', async () => {
  producer = createProducer({ bootstrapServers: broker.bootstrapServers })

  const id = producer.clientInstanceId().get({ timeoutMs: 5_000 })

  expect(id).toMatch(/^[\w-]{22}$/)
  expect(producer.send({ topic: 't', value: 'x' }).get().offset).toBeGreaterThanOrEqual(0n)
  expect(await producer.clientInstanceId()).toBe(id)
})

test('what cannot be had is told to a blocked thread as well', async () => {
  producer = createProducer({ bootstrapServers: broker.bootstrapServers, enableMetricsPush: false })

  expect(() => producer.clientInstanceId().get()).toThrow(/enableMetricsPush is false/)
})

test('a producer that is closed by a blocked thread closes at once, without a last push', async () => {
  producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  await producer.send({ topic: 't', value: 'x' })
  await producer.clientInstanceId()

  const before = performance.now()
  producer.close().get({ timeoutMs: 5_000 })

  expect(performance.now() - before).toBeLessThan(1_500)
  expect(producer.state).toBe('closed')
})

test('one that was being closed when the thread was blocked closes as well', async () => {
  producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  await producer.send({ topic: 't', value: 'x' })
  await producer.clientInstanceId()
  await broker.faults.swallowAnswer('PushTelemetry')
  const closing = producer.close()
  await new Promise(setImmediate)
  await new Promise(setImmediate)

  const before = performance.now()
  closing.get({ timeoutMs: 5_000 })

  expect(performance.now() - before).toBeLessThan(1_500)
  expect(producer.state).toBe('closed')
  await broker.faults.clear()
})
