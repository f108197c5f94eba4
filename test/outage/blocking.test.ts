import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProducer, type KafkaError, TimeoutError } from '../../src/index.ts'
import type { BrokerInThread } from '../../src/testing/index.ts'
import { asText, startBrokerThread } from '../blocking/broker-thread.ts'

let broker: BrokerInThread

beforeAll(async () => {
  broker = await startBrokerThread({ brokers: 3, topics: ['readings'] })
})
afterAll(() => broker.close())

const topic = 'readings'
const brokerIds = [1, 2, 3]

function thrownBy(call: () => unknown): { error: KafkaError; afterMs: number } {
  const startedAt = performance.now()
  try {
    call()
  } catch (error) {
    return { error: error as KafkaError, afterMs: performance.now() - startedAt }
  }
  throw new Error('nothing was thrown')
}

const middleOf = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

test.each(['stopped', 'paused'] as const)(
  'brokers that are %s: get() returns at its time-out, and the record is written once they are back',
  async how => {
    const producer = createProducer({
      bootstrapServers: broker.bootstrapServers,
      reconnectBackoffMs: 5,
      reconnectBackoffMaxMs: 20,
      retryBackoffMs: 5,
      retryBackoffMaxMs: 20,
      requestTimeoutMs: 1_000,
    })
    const before = (await broker.records(topic)).length
    await producer.send({ topic, value: 'warm' })
    for (const id of brokerIds) await (how === 'stopped' ? broker.stop(id) : broker.pause(id))

    const late: number[] = []
    const futures = [0, 50, 100, 200, 300, 400, 500].map(timeoutMs => {
      const future = producer.send({ topic, value: `waited ${timeoutMs}` })
      const { error, afterMs } = thrownBy(() => future.get({ timeoutMs }))
      expect(error).toBeInstanceOf(TimeoutError)
      // It is still under way: whoever sent it again by hand could have it twice.
      expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown', retriable: true })
      expect(future.settled).toBe(false)
      late.push(afterMs - timeoutMs)
      return future
    })
    expect(Math.min(...late)).toBeGreaterThanOrEqual(-1)
    expect(middleOf(late)).toBeLessThan(100)
    const turned = await new Promise<string>(resolve => setTimeout(() => resolve('the loop goes on'), 1))
    expect(turned).toBe('the loop goes on')

    for (const id of brokerIds) await (how === 'stopped' ? broker.start(id) : broker.resume(id))
    await Promise.all(futures)
    await producer.close()
    const values = asText(await broker.records(topic))
      .slice(before)
      .map(({ value }) => value)
    expect(values).toHaveLength(8) // each once
  },
)

test('with the brokers gone, what was never sent fails at deliveryTimeoutMs, and nothing of it is written later', async () => {
  const producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    lingerMs: 0,
    requestTimeoutMs: 200,
    deliveryTimeoutMs: 300,
    reconnectBackoffMs: 5,
  })
  producer.connect().get() // starts the thread that works for a blocked one, which takes its time on a busy machine
  await producer.send({ topic, value: 'warm' })
  const before = (await broker.records(topic)).length
  for (const id of brokerIds) await broker.stop(id)
  await new Promise(resolve => setTimeout(resolve, 50)) // the closed connections are seen

  const late = [1, 2, 3, 4, 5].map(() => {
    const { error, afterMs } = thrownBy(() => producer.send({ topic, value: 'never' }).get())
    expect(error).toMatchObject({ code: 'DELIVERY_TIMEOUT', outcome: 'not-written' })
    expect(error.message).toContain('cannot be reached')
    return afterMs - 300
  })
  expect(Math.min(...late)).toBeGreaterThanOrEqual(-1)
  expect(middleOf(late)).toBeLessThan(100)

  for (const id of brokerIds) await broker.start(id)
  expect(producer.send({ topic, value: 'again' }).get().hasOffset).toBe(true)
  await producer.close()
  expect((await broker.records(topic)).length - before).toBe(1)
})

test('no broker at all: the first blocking send of a producer ends in time', async () => {
  await using lonely = await startBrokerThread()
  const { bootstrapServers } = lonely
  await lonely.stop(1)
  // Longer than a thread takes to start on a busy machine: else there is no connection to tell of.
  const maxBlockMs = 3_000
  const producer = createProducer({ bootstrapServers, maxBlockMs })
  const { error, afterMs } = thrownBy(() => producer.send({ topic, value: 'x' }).get())
  expect(afterMs).toBeGreaterThanOrEqual(maxBlockMs - 1)
  expect(error).toMatchObject({ code: 'METADATA_TIMEOUT', outcome: 'not-written' })
  expect(error.message).toContain('ECONNREFUSED')
  expect(thrownBy(() => producer.connect().get()).error).toMatchObject({ code: 'CONNECT_FAILED', name: 'NetworkError' })
  await producer.close()
})
