import { beforeEach, expect, test } from 'vitest'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/index.ts'
import { createProducer, type ProducerOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/index.ts'

// What our producer makes of a high watermark that lags. Only the broker's time is the test's: so its time-outs come when they should.

let clock: ManualClock
let broker: Broker

async function start(options: BrokerOptions = {}): Promise<void> {
  await broker?.close()
  clock = new ManualClock({ wallTime: Date.now() })
  broker = await startBroker({ brokers: 3, clock, topics: { orders: { partitions: 1 } }, ...options })
}

beforeEach(async () => {
  await start()
  return () => broker.close()
})

const producer = (options: Partial<ProducerOptions> = {}) =>
  createProducer({ bootstrapServers: broker.bootstrapServers, retryBackoffMs: 5, ...options })

const values = () => broker.records('orders').map(({ value }) => String(value))
const requestTimeoutMs = 30_000

/** Resolves when the log holds so many records. */
async function appended(count: bigint): Promise<void> {
  while (broker.partition('orders', 0).endOffset < count) await new Promise(resolve => setTimeout(resolve, 1))
}

test('a record is acknowledged when all in-sync replicas have it, with acks=1 at once', async () => {
  await start({ replicationDelayMs: 40 })
  await using all = producer()
  const sent = all.send({ topic: 'orders', value: 'a' })
  await appended(1n)
  expect(sent.settled).toBe(false)
  clock.advance(40)
  expect(await sent).toMatchObject({ offset: 0n })
  await using one = producer({ acks: 1, enableIdempotence: false })
  expect(await one.send({ topic: 'orders', value: 'b' })).toMatchObject({ offset: 1n })
  expect(broker.partition('orders', 0)).toMatchObject({ endOffset: 2n, highWatermark: 1n })
})

test('REQUEST_TIMED_OUT after the append: idempotent, it is sent again until it is acknowledged, and is there once', async () => {
  await using sender = producer({ requestTimeoutMs })
  broker.pauseReplication()
  const sent = sender.send({ topic: 'orders', value: 'once' })
  await appended(1n)
  for (let turn = 2; turn <= 3; turn++) {
    clock.advance(requestTimeoutMs)
    while (broker.requestCount('Produce') < turn) await new Promise(resolve => setTimeout(resolve, 1))
  }
  broker.resumeReplication()
  expect(await sent).toMatchObject({ offset: 0n })
  expect(values()).toEqual(['once'])
})

test('REQUEST_TIMED_OUT after the append: without idempotence and retries its outcome is unknown, and it is there', async () => {
  await using sender = producer({ requestTimeoutMs, enableIdempotence: false, retries: 0 })
  broker.pauseReplication()
  const sent = sender.send({ topic: 'orders', value: 'maybe' })
  sent.catch(() => {})
  await appended(1n)
  clock.advance(requestTimeoutMs)
  await expect(sent).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT', outcome: 'unknown' })
  expect(values()).toEqual(['maybe'])
})

test('NOT_ENOUGH_REPLICAS_AFTER_APPEND: sent again when there are enough, it is there once', async () => {
  const config = { 'min.insync.replicas': 2 }
  await start({ asVersion: '2.8', topics: { orders: { partitions: 1, config } } })
  await using sender = producer()
  broker.pauseReplication()
  const sent = sender.send({ topic: 'orders', value: 'once' })
  await appended(1n)
  broker.shrinkIsr('orders', 0, 1)
  // The next attempts are refused before the append.
  while (broker.requestCount('Produce') < 3) await new Promise(resolve => setTimeout(resolve, 1))
  broker.setIsr('orders', 0, [1, 2])
  broker.resumeReplication()
  expect(await sent).toMatchObject({ offset: 0n })
  expect(values()).toEqual(['once'])
})

test('NOT_ENOUGH_REPLICAS_AFTER_APPEND: without idempotence and retries its outcome is unknown', async () => {
  const config = { 'min.insync.replicas': 2 }
  await start({ asVersion: '2.8', topics: { orders: { partitions: 1, config } } })
  await using sender = producer({ enableIdempotence: false, retries: 0 })
  broker.pauseReplication()
  const sent = sender.send({ topic: 'orders', value: 'maybe' })
  sent.catch(() => {})
  await appended(1n)
  broker.shrinkIsr('orders', 0, 1)
  await expect(sent).rejects.toMatchObject({ code: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', outcome: 'unknown' })
  expect(values()).toEqual(['maybe'])
})

test('leaders that lose what was not replicated: all that is acknowledged is there once, and in order', async () => {
  await start({ replicationDelayMs: 3 })
  await using sender = producer({ batchSize: 300, lingerMs: 0, requestTimeoutMs: 5_000 })
  const records = Array.from({ length: 300 }, (_, index) => `v${index}`)
  const sends = records.map(value => sender.send({ topic: 'orders', value }))
  const done = Promise.all(sends)
  let moving = true
  void done.finally(() => {
    moving = false
  })
  let lost = 0n
  for (let turn = 0; moving; turn++) {
    await new Promise(resolve => setTimeout(resolve, 1))
    clock.advance(1)
    const { endOffset, highWatermark, leader } = broker.partition('orders', 0)
    if (turn % 8 !== 7 || lost > 40n) continue
    lost += endOffset - highWatermark
    broker.moveLeader('orders', 0, (leader % 3) + 1, { truncate: true })
  }
  expect((await done).map(({ offset }) => offset)).toEqual(records.map((_, index) => BigInt(index)))
  expect(values()).toEqual(records)
  expect(lost).toBeGreaterThan(0n)
})

test('a leader that acknowledged with acks=1 and is lost takes the record with it', async () => {
  await using sender = producer({ acks: 1, enableIdempotence: false })
  await sender.send({ topic: 'orders', value: 'safe' })
  broker.pauseReplication()
  await sender.send({ topic: 'orders', value: 'lost' })
  broker.moveLeader('orders', 0, 2, { truncate: true })
  broker.resumeReplication()
  expect(await sender.send({ topic: 'orders', value: 'next' })).toMatchObject({ offset: 1n })
  expect(values()).toEqual(['safe', 'next'])
})
