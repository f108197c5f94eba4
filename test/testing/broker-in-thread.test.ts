import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Broker } from '../../src/broker/broker.ts'
import { Faults } from '../../src/broker/faults.ts'
import { ConfigError, createProducer, KafkaError } from '../../src/index.ts'
import { type BrokerInThread, startBrokerInThread } from '../../src/testing/index.ts'
import { builtCommand } from '../cli/built-command.ts'

beforeAll(async () => {
  await builtCommand() // the thread runs what was built
})

let broker: BrokerInThread
afterEach(() => broker?.close())

const producerOf = (options = {}) =>
  createProducer({ bootstrapServers: broker.bootstrapServers, retryBackoffMs: 1, ...options })

test('a thread that blocks writes to it, and it can be read back', async () => {
  broker = await startBrokerInThread({ topics: { orders: { partitions: 2 } } })
  const producer = producerOf()

  const { offset } = producer
    .send({ topic: 'orders', partition: 1, key: 'k', value: 'v', headers: { h: 'x', n: null }, timestamp: 5 })
    .get()
  producer.close().get()

  expect(offset).toBe(0n)
  expect(await broker.topics()).toEqual(['orders'])
  const records = await broker.records('orders', 1)
  expect(records).toMatchObject([
    { partition: 1, offset: 0n, timestamp: 5, key: Buffer.from('k'), value: Buffer.from('v'), producerEpoch: 0 },
  ])
  expect(Buffer.isBuffer(records[0]!.value)).toBe(true)
  expect(records[0]!.headers).toEqual([
    ['h', Buffer.from('x')],
    ['n', null],
  ])
  expect(await broker.batches('orders', 1)).toMatchObject([{ baseOffset: 0n, recordCount: 1 }])
  expect(await broker.partition('orders', 1)).toMatchObject({ leader: 1, endOffset: 1n, highWatermark: 1n })
  const [request, ...more] = await broker.requests('Produce')
  expect([request!.batches.map(({ partition }) => partition), more]).toEqual([[1], []])
  expect(await broker.requestCount('Produce')).toBe(1)
  expect(broker.ports.get(1)).toBe(Number(broker.bootstrapServers.split(':')[1]))
  expect(broker.clusterId).toHaveLength(22)
})

test('it fails on demand while this thread is blocked', async () => {
  broker = await startBrokerInThread({ topics: { orders: { partitions: 1 } } })
  const producer = producerOf()
  const lost = await broker.faults.loseAnswerAfterAppend('Produce', { topic: 'orders' })
  const refused = await broker.faults.add({ api: 'Produce', action: { type: 'error', error: 'NOT_ENOUGH_REPLICAS' } })
  expect(await broker.faults.remaining()).toBe(2)

  expect(producer.send({ topic: 'orders', value: 'once' }).get().offset).toBe(0n)

  await Promise.all([lost.done(), refused.done()])
  expect([await lost.fired(), await lost.remaining(), await broker.faults.remaining()]).toEqual([1, 0, 0])
  expect(await broker.records('orders')).toHaveLength(1)
  const held = await broker.faults.hold('Produce')
  const future = producer.send({ topic: 'orders', value: 'held' })
  await broker.waitForRequest('Produce')
  expect(future.settled).toBe(false)
  await held.release()
  expect((await future).offset).toBe(1n)
  const removed = await broker.faults.ignore('Produce')
  await removed.remove()
  await broker.faults.delay('Metadata', 5)
  await broker.faults.clear()
  expect(await broker.faults.remaining()).toBe(0)
  await producer.close()
})

test('something may be done later, while this thread is blocked: a leader moves, a broker comes back', async () => {
  broker = await startBrokerInThread({ brokers: 3, topics: { orders: { partitions: 1 } } })
  const producer = producerOf({ reconnectBackoffMs: 5, reconnectBackoffMaxMs: 20 })
  producer.send({ topic: 'orders', value: 'first' }).get()
  await broker.moveLeader('orders', 0, 2)
  await broker.moveLeader('orders', 0, -1)

  const moved = broker.later(100, 'moveLeader', 'orders', 0, 3)
  const startedAt = performance.now()
  expect(producer.send({ topic: 'orders', value: 'second' }).get().offset).toBe(1n)

  expect(performance.now() - startedAt).toBeGreaterThan(90)
  expect(await moved).toBeUndefined()
  expect((await broker.partition('orders', 0)).leader).toBe(3)
  await producer.close()
})

describe('what goes wrong is told', () => {
  test('wrong options, before there is a thread; a port in use', async () => {
    const wrong = (await startBrokerInThread({ brokers: 2, port: -1 } as never).catch(error => error)) as ConfigError
    expect(wrong).toBeInstanceOf(ConfigError)
    expect(wrong.problems.map(({ option }) => option).sort()).toEqual(['brokers', 'port'])
    const live = await startBrokerInThread({ random: Math.random } as never).catch(error => error)
    expect(live.problems.map(({ option }: { option: string }) => option)).toEqual(['random'])
    broker = await startBrokerInThread()
    const taken = await startBrokerInThread({ port: broker.ports.get(1)! }).catch(error => error)
    expect(taken).toBeInstanceOf(KafkaError)
    expect(taken.code).toBe('LISTEN_FAILED')
  })

  test("a method's own error, with its code; what cannot go to another thread", async () => {
    broker = await startBrokerInThread({ topics: ['orders'] })
    expect(await broker.createTopic('orders').catch(error => error)).toMatchObject({ code: 'TOPIC_ALREADY_EXISTS' })
    expect(await broker.records('nothing').catch(error => error)).toBeInstanceOf(KafkaError)
    expect(await broker.waitForRequest('Produce', 1).catch(error => error)).toBeInstanceOf(Error)
    const when = () => true
    expect(await broker.faults.add({ when, action: { type: 'hold' } } as never).catch(error => error)).toMatchObject({
      code: 'NOT_CLONEABLE',
    })
    expect(await broker.faults.failBefore('Produce', 'NO_SUCH_ERROR').catch(error => error)).toBeInstanceOf(Error)
  })

  test('once it is closed, and by closing it, what is asked or waited for fails', async () => {
    broker = await startBrokerInThread()
    const waiting = broker.waitForRequest('Produce').catch(error => error)
    await Promise.all([broker.close(), broker.close()])
    expect(await waiting).toBeInstanceOf(Error)
    expect(await broker.topics().catch(error => error)).toMatchObject({ code: 'BROKER_THREAD_FAILED' })
    const producer = createProducer({ bootstrapServers: broker.bootstrapServers })
    expect(await producer.connect({ timeoutMs: 200 }).catch(error => error.code)).toMatch(/CONNECT|TIMEOUT/)
    await producer.close()
  })
})

test('each method of a broker is offered, or known to be one that cannot cross threads', async () => {
  broker = await startBrokerInThread()
  const methodsOf = (type: { prototype: object }) =>
    Object.entries(Object.getOwnPropertyDescriptors(type.prototype))
      .filter(([name, { value }]) => typeof value === 'function' && !['constructor', 'open', 'plan'].includes(name))
      .map(([name]) => name)
  const missing = (of: object, type: { prototype: object }) =>
    methodsOf(type).filter(name => typeof (of as Record<string, unknown>)[name] !== 'function')
  expect(missing(broker, Broker)).toEqual([])
  expect(missing(broker.faults, Faults)).toEqual(['changeAnswer', 'load'])
})
