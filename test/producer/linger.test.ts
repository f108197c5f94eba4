import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer } from '../../src/index.ts'

const farAway = 20_000

test('idle: one send leaves at once, in one request, however long lingerMs is', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, lingerMs: farAway })
  for (let n = 0; n < 5; n++) await producer.send({ topic: 't', value: `${n}` })
  expect(broker.requests('Produce').map(({ batches }) => batches[0]!.recordCount)).toEqual([1, 1, 1, 1, 1])
})

test('idle: what is sent in one turn of the loop goes together', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 2 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, lingerMs: farAway })
  await producer.send({ topic: 't', value: 'first', partition: 0 })
  broker.clearRequests()
  await Promise.all(Array.from({ length: 100 }, (_, n) => producer.send({ topic: 't', value: `${n}`, partition: 0 })))
  await Promise.resolve()
  expect(broker.requests('Produce').map(({ batches }) => batches[0]!.recordCount)).toEqual([100])
})

test('busy: what is sent meanwhile waits for company, and leaves with the answer', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, lingerMs: farAway })
  await producer.send({ topic: 't', value: 'first' })
  broker.clearRequests()
  const hold = broker.faults.hold('Produce')
  const request = broker.waitForRequest('Produce')
  const sent = [producer.send({ topic: 't', value: 'busy' })]
  await request
  for (let n = 0; n < 20; n++) {
    sent.push(producer.send({ topic: 't', value: `${n}` }))
    await new Promise(resolve => setImmediate(resolve))
  }
  expect(broker.requestCount('Produce')).toBe(1)
  hold.release()
  await Promise.all(sent)
  expect(broker.requests('Produce').map(({ batches }) => batches[0]!.recordCount)).toEqual([1, 20])
})

test('busy: lingerMs is the longest they wait', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, lingerMs: 30 })
  await producer.send({ topic: 't', value: 'first' })
  const hold = broker.faults.hold('Produce', { phase: 'after' })
  const sent = [producer.send({ topic: 't', value: 'busy' })]
  await broker.waitForRequest('Produce')
  sent.push(producer.send({ topic: 't', value: 'company' }))
  // The metrics count requests as they leave; the broker reads the second when the first is answered.
  const before = producer.metrics()['produce-request-total']!
  await new Promise<void>(resolve => {
    const look = () => (producer.metrics()['produce-request-total']! > before ? resolve() : setImmediate(look))
    look()
  })
  expect(sent[0]!.settled).toBe(false)
  hold.release()
  await Promise.all(sent)
})

test('busy: a full batch does not wait', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    lingerMs: farAway,
    batchSize: 1000,
  })
  await producer.send({ topic: 't', value: 'first' })
  const hold = broker.faults.hold('Produce', { phase: 'after' })
  const sent = [producer.send({ topic: 't', value: 'busy' })]
  await broker.waitForRequest('Produce')
  const before = producer.metrics()['produce-request-total']!
  for (let n = 0; n < 3; n++) sent.push(producer.send({ topic: 't', value: 'x'.repeat(600) }))
  expect(producer.metrics()['produce-request-total']).toBeGreaterThan(before)
  hold.release()
  await Promise.all(sent)
})

test('lingerWhenIdle: the first record waits for company too', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    lingerMs: 40,
    lingerWhenIdle: true,
  })
  await producer.partitionsFor('t')
  const sentAt = performance.now()
  const sent = [producer.send({ topic: 't', value: 'first' })]
  await new Promise(resolve => setImmediate(resolve))
  sent.push(producer.send({ topic: 't', value: 'company' }))
  await Promise.all(sent)
  expect(performance.now() - sentAt).toBeGreaterThanOrEqual(39)
  expect(broker.requests('Produce').map(({ batches }) => batches[0]!.recordCount)).toEqual([2])
})

test('lingerWhenIdle: what could not leave when its time was over leaves with the answer, and does not wait until its batch is full', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    ...{ lingerMs: 10, lingerWhenIdle: true, deliveryTimeoutMs: 5_000, requestTimeoutMs: 4_000 },
  })
  const hold = broker.faults.hold('Produce', { phase: 'after' })
  const first = producer.send({ topic: 't', value: 'first' })
  await broker.waitForRequest('Produce')
  // The partition's first batch has to be acknowledged before the next may follow it.
  const second = producer.send({ topic: 't', value: 'second' })
  await new Promise(resolve => setTimeout(resolve, 50))
  hold.release()
  expect(await Promise.all([first, second])).toHaveLength(2)
})

test('lingerWhenIdle: a partition that has to back off keeps no other from leaving', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 2 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    ...{ lingerMs: 10, lingerWhenIdle: true, retryBackoffMs: 2_000, retryBackoffMaxMs: 2_000 },
  })
  await Promise.all([0, 1].map(partition => producer.send({ topic: 't', value: 'first', partition })))
  broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { times: 1 })
  const backingOff = producer.send({ topic: 't', value: 'refused once', partition: 0 })
  await expect.poll(() => producer.metrics()['record-retry-total']).toBe(1)
  const sentAt = performance.now()
  await producer.send({ topic: 't', value: 'other', partition: 1 })
  expect(performance.now() - sentAt).toBeLessThan(1_000)
  expect(backingOff.settled).toBe(false)
  await backingOff
})
