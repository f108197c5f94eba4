import { expect, test, vi } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { ClosedError, createProducer, TimeoutError } from '../../src/index.ts'
import { broken } from './broken.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

const short = { lingerMs: 0, requestTimeoutMs: 200, deliveryTimeoutMs: 60_000 }
const wrongTimeouts = [-1, Number.NaN, '5', null, 5n, {}]

test('the first send connects; a producer that is never used never connects', async () => {
  await using broker = await startBroker()
  const unused = createProducer({ bootstrapServers: broker.bootstrapServers })
  expect(unused.state).toBe('open')
  await unused.close()
  expect(broker.requestCount()).toBe(0)

  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  await producer.send({ topic: 't', value: 'x' })
  expect(broker.requestCount()).toBeGreaterThan(0)
})

test('what is sent while it closes, and after, is refused: not-written; what was sent before is written', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  const producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  const hold = broker.faults.hold('Produce')
  const before = producer.send({ topic: 't', value: 'before' })
  await broker.waitForRequest('Produce')

  const closing = producer.close()
  expect(producer.state).toBe('closing')
  const during = await broken(producer.send({ topic: 't', value: 'during' }))
  const duringAll = await broken(producer.sendAll([{ topic: 't', value: 'during' }]))
  const room = await broken(producer.room())
  hold.release()
  await closing
  const after = await broken(producer.send({ topic: 't', value: 'after' }))

  for (const error of [during, after]) {
    expect(error).toBeInstanceOf(ClosedError)
    expect(error).toMatchObject({ code: 'CLOSED', outcome: 'not-written' })
  }
  expect(duringAll).toMatchObject({ code: 'SEND_ALL', outcome: 'not-written' })
  for (const error of [room, await broken(producer.room()), await broken(producer.connect())])
    expect(error).toMatchObject({ code: 'CLOSED' })
  expect(await broken(producer.partitionsFor('t'))).toMatchObject({ code: 'CLOSED' })
  expect((await before).offset).toBe(0n)
  expect(broker.records('t').map(({ value }) => String(value))).toEqual(['before'])
  expect(producer.state).toBe('closed')
  await producer.flush()
  // The broker learns of the ends of its connections a little later.
  await vi.waitUntil(() => broker.connections() === 0)
})

test('close twice, in parallel and later, is one close', async () => {
  await using broker = await startBroker()
  const producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  producer.send({ topic: 't', value: 'x' })
  const first = producer.close()
  expect(producer.close()).toBe(first)
  await Promise.all([first, producer.close({ timeoutMs: 1 }), producer[Symbol.asyncDispose]()])
  await producer.close()
  expect(broker.records('t')).toHaveLength(1)
})

test.each(wrongTimeouts)('close and flush refuse %s as their time, and the producer stays open', async timeoutMs => {
  await using broker = await startBroker()
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  for (const wait of [
    producer.close({ timeoutMs: timeoutMs as never }),
    producer.flush({ timeoutMs: timeoutMs as never }),
  ])
    expect(await broken(wait)).toMatchObject({ code: 'INVALID_TIMEOUT' })
  expect(producer.state).toBe('open')
  await producer.send({ topic: 't', value: 'x' })
})

test('close at its deadline fails what is open, each record with what is known of it', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  const producer = createProducer({ bootstrapServers: broker.bootstrapServers, maxInFlightRequestsPerConnection: 1 })
  await producer.send({ topic: 't', value: 'first' })
  broker.faults.swallowAnswer('Produce', { times: Number.POSITIVE_INFINITY })
  const onTheWire = broken(producer.send({ topic: 't', value: 'on the wire' }))
  await broker.waitForRequest('Produce')
  const waiting = broken(producer.send({ topic: 't', value: 'waiting' }))
  const unknownTopic = broken(producer.send({ topic: 't', partition: 7, value: 'no such partition' }))

  await producer.close({ timeoutMs: 0 })

  expect(await onTheWire).toMatchObject({ code: 'CLOSED', outcome: 'unknown' })
  expect(await waiting).toMatchObject({ code: 'CLOSED', outcome: 'not-written' })
  expect(await unknownTopic).toMatchObject({ code: 'CLOSED', outcome: 'not-written' })
  expect(broker.records('t').map(({ value }) => String(value))).toEqual(['first', 'on the wire'])
})

test('flush with nothing to do, in parallel, and twice', async () => {
  await using broker = await startBroker()
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  await producer.flush()
  const sent = Array.from({ length: 100 }, (_, n) => producer.send({ topic: 't', value: `${n}` }))
  await Promise.all([producer.flush(), producer.flush({ timeoutMs: 10_000 }), producer.flush()])
  expect(sent.every(({ settled }) => settled)).toBe(true)
  await producer.flush()
})

test('flush does not wait for company, nor for what is sent after it', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 }, held: { partitions: 1 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    lingerMs: 20_000,
    lingerWhenIdle: true,
  })
  await Promise.all([producer.partitionsFor('t'), producer.partitionsFor('held')])
  const holdBefore = broker.faults.hold('Produce', { topic: 't' })
  const holdAfter = broker.faults.hold('Produce', { topic: 'held' })
  const before = producer.send({ topic: 't', value: 'before' })
  const request = broker.waitForRequest('Produce')
  const flushed = producer.flush()
  await request
  const after = producer.send({ topic: 'held', value: 'after' })
  holdBefore.release()
  await flushed
  expect([before.settled, after.settled]).toEqual([true, false])
  holdAfter.release()
  await producer.flush()
  expect([before.settled, after.settled]).toEqual([true, true])
})

test('flush in an outage ends at its time, or by its signal, and loses nothing', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...short })
  await producer.send({ topic: 't', value: 'first' })
  await broker.stop(1)
  const future = producer.send({ topic: 't', value: 'late' })
  const controller = new AbortController()

  const byTime = await broken(producer.flush({ timeoutMs: 20 }))
  const bySignal = broken(producer.flush({ signal: controller.signal }))
  controller.abort(new Error('enough'))

  expect(byTime).toBeInstanceOf(TimeoutError)
  expect((byTime as Error).message).toContain('1')
  expect(await bySignal).toMatchObject({ code: 'ABORTED' })
  expect(future.settled).toBe(false)
  await broker.start(1)
  expect((await future).offset).toBe(1n)
})

test('connect fails early and in time where nobody answers', async () => {
  await using broker = await startBroker()
  await using working = createProducer({ bootstrapServers: broker.bootstrapServers })
  await working.connect()
  const [port] = [...broker.ports.values()]
  await broker.stop(1)
  await using producer = createProducer({ bootstrapServers: `127.0.0.1:${port}`, ...short })
  expect(await broken(producer.connect({ timeoutMs: 50 }))).toBeInstanceOf(Error)
  expect(await broken(producer.connect({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'ABORTED' })
})
