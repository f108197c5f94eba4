import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer, type ProducerOptions } from '../../src/index.ts'
import { broken } from './broken.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

const quick: Partial<ProducerOptions> = { retryBackoffMs: 1, retryBackoffMaxMs: 2, reconnectBackoffMs: 1 }
const text = (bytes: number) => 'v'.repeat(bytes)

test('what was sent is counted for the producer, its topics and its brokers', async () => {
  await using broker = await startBroker({ brokers: 3, topics: { a: { partitions: 2 }, b: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, clientId: 'counts', ...quick })
  await producer.connect()
  await producer.sendAll([0, 1, 0, 1].map(partition => ({ topic: 'a', partition, value: text(100) })))
  await producer.send({ topic: 'b', value: text(10) })

  const metrics = producer.metrics()

  expect(metrics).toMatchObject({
    'record-send-total': 5,
    'record-acknowledged-total': 5,
    'record-error-total': 0,
    'record-retry-total': 0,
    'batch-send-total': 3,
    'requests-in-flight': 0,
    'waiting-records': 0,
    'connection-count': metrics['connection-creation-total'],
  })
  expect(metrics.topics.a).toMatchObject({ 'record-send-total': 4, 'record-acknowledged-total': 4 })
  expect(metrics.topics.b).toMatchObject({ 'record-send-total': 1, 'record-acknowledged-total': 1 })
  const bytes = Object.values(metrics.topics).map(topic => topic['byte-total'])
  expect(metrics['batch-byte-total']).toBe(bytes.reduce((sum, own) => sum + own))
  expect(metrics['batch-size-avg']).toBeCloseTo(metrics['batch-byte-total'] / 3)
  const brokers = Object.values(metrics.brokers)
  expect(brokers.length).toBeGreaterThan(1)
  // Questions go by a connection of their own.
  expect(brokers.reduce((sum, own) => sum + own['request-total'], 0)).toBeLessThan(metrics['request-total'])
  expect(metrics['request-total']).toBe(metrics['response-total'])
  expect(metrics.outcomes).toEqual([{ outcome: 'acknowledged', code: 'NONE', records: 5 }])
  expect(metrics.histograms['record-delivery-time'].count).toBe(5)
  expect(metrics.histograms['records-per-request']).toMatchObject({ count: metrics['produce-request-total'], sum: 5 })
  expect(metrics.histograms['request-latency'].count).toBe(metrics['produce-request-total'])
})

test('the bytes counted are those that went over the sockets', async () => {
  const sockets: Socket[] = []
  const note = (message: unknown) => sockets.push((message as { socket: Socket }).socket)
  subscribe('net.client.socket', note)
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...quick })
  for (let n = 0; n < 5; n++) await producer.send({ topic: 't', value: text(1000 * n) })
  unsubscribe('net.client.socket', note)
  const own = sockets.filter(({ remotePort }) => [...broker.ports.values()].includes(remotePort!))
  expect(own).toHaveLength(2)
  expect(producer.metrics()).toMatchObject({
    'outgoing-byte-total': own.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    'incoming-byte-total': own.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    'request-total': broker.requests().length,
    'response-total': broker.requests().length,
    'connection-creation-total': 2,
    'connection-close-total': 0,
  })
})

test('retries are counted by their cause, failures by outcome and code', async () => {
  await using broker = await startBroker({
    topics: { t: { partitions: 1 }, small: { partitions: 1, config: { 'max.message.bytes': 200 } } },
  })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    ...quick,
    requestTimeoutMs: 400,
    deliveryTimeoutMs: 600,
    lingerMs: 0,
  })
  await producer.send({ topic: 't', value: 'first' })

  broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { times: 2 })
  await producer.sendAll([
    { topic: 't', value: 'a' },
    { topic: 't', value: 'b' },
  ])
  broker.faults.closeBefore('Produce')
  await producer.send({ topic: 't', value: 'c' })
  const { retries } = producer.metrics()
  expect(retries).toContainEqual({ cause: 'NOT_ENOUGH_REPLICAS', records: 4 })
  expect(retries.find(({ cause }) => cause.startsWith('CONNECTION'))).toMatchObject({ records: 1 })
  expect(retries.reduce((sum, { records }) => sum + records, 0)).toBe(producer.metrics()['record-retry-total'])

  await broken(producer.send({ topic: 'small', value: text(500) }))
  await broken(producer.send({ topic: 't', value: text(2_000_000) }))
  broker.faults.swallowAnswer('Produce', { times: Number.POSITIVE_INFINITY })
  await broken(producer.send({ topic: 't', value: 'lost' }))
  broker.faults.clear()
  const { outcomes, topics, ...metrics } = producer.metrics()
  expect(new Set(outcomes.map(({ outcome, code, records }) => `${outcome} ${code} ${records}`))).toEqual(
    new Set(['acknowledged NONE 4', 'not-written RECORD_TOO_LARGE 2', 'unknown DELIVERY_TIMEOUT 1']),
  )
  expect(metrics['record-error-total']).toBe(3)
  expect(topics.small).toMatchObject({ 'record-error-total': 1, 'record-acknowledged-total': 0 })
  expect(topics.t).toMatchObject({ 'record-error-total': 2, 'record-acknowledged-total': 4 })
})

test('time in which sends waited for memory, for their topic, and in flush', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, bufferMemory: 4000, ...quick })
  const first = producer.send({ topic: 't', value: 'first' })
  expect(producer.metrics()['waiting-records']).toBe(1)
  await first
  expect(producer.metrics()['metadata-wait-time-ns-total']).toBeGreaterThan(0)
  expect(producer.metrics()['bufferpool-wait-time-ns-total']).toBe(0)

  const hold = broker.faults.hold('Produce')
  const futures = Array.from({ length: 6 }, () => producer.send({ topic: 't', value: text(900) }))
  expect(producer.metrics()['waiting-threads']).toBeGreaterThan(0)
  const refused = await broken(producer.send({ topic: 't', value: text(3500) }))
  expect(refused).toMatchObject({ code: 'BUFFER_EXHAUSTED' })
  const flush = producer.flush()
  await expect.poll(() => hold.fired).toBe(1)
  hold.release()
  await Promise.all([...futures, flush])

  const metrics = producer.metrics()
  expect(metrics['bufferpool-wait-time-ns-total']).toBeGreaterThan(0)
  expect(metrics['bufferpool-wait-ratio']).toBeGreaterThan(0)
  expect(metrics['flush-time-ns-total']).toBeGreaterThan(0)
  expect(metrics).toMatchObject({ 'waiting-threads': 0, 'waiting-records': 0, 'buffer-exhausted-total': 1 })
})

test('a topic that is not known, and never becomes known, leaves nothing', async () => {
  await using broker = await startBroker({ autoCreateTopics: false })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, maxBlockMs: 20, ...quick })
  await broken(producer.send({ topic: 'nobody', value: 'x' }))
  await broken(producer.send({ topic: 'a b', value: 'x' }))
  const { topics, outcomes } = producer.metrics()
  expect(topics).toEqual({})
  expect(outcomes.reduce((sum, { records }) => sum + records, 0)).toBe(2)
})

test('what is iterated has name, group and tags, and is what the names give', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, clientId: 'me' })
  await producer.send({ topic: 't', value: 'x' })
  const metrics = producer.metrics()
  const listed = [...metrics]
  const one = (name: string, group: string, tag?: string) =>
    listed.filter(own => own.name === name && own.group === group && (tag === undefined || tag in own.tags))
  expect(one('record-send-total', 'producer-metrics')).toMatchObject([
    { tags: { 'client-id': 'me' }, type: 'counter', unit: 'records', value: 1 },
  ])
  expect(one('record-send-total', 'producer-topic-metrics')).toMatchObject([
    { tags: { 'client-id': 'me', topic: 't' }, value: 1 },
  ])
  expect(one('request-latency-avg', 'producer-node-metrics')).toMatchObject([
    { tags: { 'client-id': 'me', 'node-id': 'node-1' }, value: metrics.brokers[1]?.['request-latency-avg'] },
  ])
  expect(one('request-latency', 'ottla-producer-node-metrics', 'node-id')).toMatchObject([
    { type: 'histogram', value: { count: 1 } },
  ])
  const identities = listed.map(({ name, group, tags }) => JSON.stringify([group, name, tags]))
  expect(new Set(identities).size).toBe(identities.length)
  expect(listed.every(({ description, tags }) => description !== '' && tags['client-id'] === 'me')).toBe(true)
})

test('a transaction that is committed, one that is aborted, and the time in their calls', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, transactionalId: 'tx', ...quick })
  await producer.transaction(tx => tx.send({ topic: 't', value: 'a' }))
  producer.beginTransaction()
  const dropped = producer.send({ topic: 't', value: 'b' })
  await dropped
  await producer.abortTransaction()
  const metrics = producer.metrics()
  expect(metrics).toMatchObject({ 'txn-committed-total': 1, 'txn-aborted-total': 1, 'txn-end-failed-total': 0 })
  for (const name of ['txn-init-time-ns-total', 'txn-commit-time-ns-total', 'txn-abort-time-ns-total'] as const)
    expect(metrics[name]).toBeGreaterThan(0)
})
