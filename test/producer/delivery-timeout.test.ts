import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer, DeliveryTimeoutError, type Undelivered } from '../../src/index.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

// Healthy sends of these tests have to fit in as well, on a machine that does other things: connecting, a producer id, an answer.
const short = { lingerMs: 0, requestTimeoutMs: 400, deliveryTimeoutMs: 1000, retryBackoffMs: 5, reconnectBackoffMs: 5 }
const failure = (future: PromiseLike<unknown>) =>
  Promise.resolve(future).then(
    () => undefined,
    error => error,
  )

test('with the broker gone, what was never sent fails in time: not-written', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...short })
  // The topic is known, but no connection for records was made: certainly nothing of these is ever sent.
  await producer.partitionsFor('t')
  await broker.stop(1)
  const undelivered = new Promise<Undelivered>(resolve => producer.once('undelivered', resolve))

  const sentAt = performance.now()
  const watched = producer.send({ topic: 't', value: 'watched' })
  producer.send({ topic: 't', key: 'k', value: 'lost', headers: { h: 'x' }, timestamp: 5 })
  const error = await failure(watched)

  expect(performance.now() - sentAt).toBeGreaterThanOrEqual(short.deliveryTimeoutMs - 1)
  expect(error).toBeInstanceOf(DeliveryTimeoutError)
  expect(error).toMatchObject({ code: 'DELIVERY_TIMEOUT', outcome: 'not-written', retriable: true })
  expect(await undelivered).toMatchObject({
    ...{ topic: 't', partition: 0, timestamp: 5 },
    key: Buffer.from('k'),
    value: Buffer.from('lost'),
    headers: [['h', Buffer.from('x')]],
    error: { code: 'DELIVERY_TIMEOUT', outcome: 'not-written' },
  })
  expect(producer.metrics()['buffer-available-bytes']).toBe(producer.metrics()['buffer-total-bytes'])

  await broker.start(1)
  expect((await producer.send({ topic: 't', value: 'after' })).offset).toBe(0n)
})

test('an answer that never comes leaves it open whether the record is there', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...short })
  await producer.send({ topic: 't', value: 'first' })
  const fault = broker.faults.add({
    api: 'Produce',
    phase: 'after',
    action: { type: 'swallow' },
    times: Number.POSITIVE_INFINITY,
  })
  const [one, two] = await Promise.all([
    failure(producer.send({ topic: 't', value: 'a' })),
    failure(producer.send({ topic: 't', value: 'b' })),
  ])
  expect([one, two].map(error => [error.code, error.outcome])).toEqual(Array(2).fill(['DELIVERY_TIMEOUT', 'unknown']))
  fault.remove()

  // Whatever became of them, the producer goes on under a newer epoch.
  const { offset } = await producer.send({ topic: 't', value: 'after' })
  expect(broker.records('t').map(({ value }) => String(value))).toEqual(['first', 'a', 'b', 'after'])
  expect(offset).toBe(3n)
})

test('a refusal before the append that never ends is not-written', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...short })
  await producer.send({ topic: 't', value: 'first' })
  const fault = broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { times: Number.POSITIVE_INFINITY })
  const error = await failure(producer.send({ topic: 't', value: 'a' }))
  expect(error).toMatchObject({
    code: 'DELIVERY_TIMEOUT',
    outcome: 'not-written',
    cause: { code: 'NOT_ENOUGH_REPLICAS' },
  })
  fault.remove()
  expect((await producer.send({ topic: 't', value: 'after' })).offset).toBe(1n)
})

test('a producer that has lived longer than deliveryTimeoutMs still gives each record its time', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...short })
  await producer.send({ topic: 't', value: 'first' })
  expect(performance.now()).toBeGreaterThan(short.deliveryTimeoutMs)
  broker.faults.delay('Produce', 50)
  expect((await producer.send({ topic: 't', value: 'slow' })).offset).toBe(1n)
})

test('what waits for memory or for its topic ends at maxBlockMs, in the same class as ever', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } }, autoCreateTopics: false })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    maxBlockMs: 100,
    bufferMemory: 10_000,
  })
  expect(await failure(producer.send({ topic: 'missing', value: 'x' }))).toMatchObject({
    code: 'METADATA_TIMEOUT',
    outcome: 'not-written',
  })
  await producer.send({ topic: 't', value: 'first' })
  const hold = broker.faults.hold('Produce')
  const sent = Array.from({ length: 60 }, () => producer.send({ topic: 't', value: 'x'.repeat(1000) }))
  const errors = await Promise.all(sent.slice(12).map(failure))
  expect(new Set(errors.map(error => error.code))).toEqual(new Set(['BUFFER_EXHAUSTED']))
  expect(errors.every(error => error.outcome === 'not-written')).toBe(true)
  hold.release()
  await producer.flush()
  expect(producer.metrics()['buffer-available-bytes']).toBe(10_000)
})

test('a line for memory does not wait for batches that linger', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 4 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    ...{ lingerMs: 60_000, lingerWhenIdle: true, bufferMemory: 20_000, batchSize: 16_384 },
  })
  await producer.partitionsFor('t')
  const metas = await Promise.race([
    Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        producer.send({ topic: 't', partition: n % 4, value: 'x'.repeat(700) }),
      ).slice(0, 20),
    ),
    new Promise<never>((_, reject) => setTimeout(reject, 10_000, new Error('they linger')).unref()),
  ])
  expect(metas).toHaveLength(20)
  await producer.flush()
})

test.each([
  [{ maxBlockMs: 60_000, deliveryTimeoutMs: 300 }, 'deliveryTimeoutMs (300 ms)'],
  [{ maxBlockMs: 300, deliveryTimeoutMs: 1_000 }, 'maxBlockMs (300 ms)'],
])(
  'a topic that does not become known ends the wait after the shorter time, which the error names: %j',
  async (times, named) => {
    await using broker = await startBroker({ autoCreateTopics: false })
    await using producer = createProducer({
      bootstrapServers: broker.bootstrapServers,
      ...short,
      requestTimeoutMs: 100,
      ...times,
    })

    const error = await failure(producer.send({ topic: 'nowhere', value: 'v' }))

    expect(error).toMatchObject({ code: 'METADATA_TIMEOUT', outcome: 'not-written' })
    expect(error.message).toContain(`topic nowhere did not become known within ${named}`)
  },
)
