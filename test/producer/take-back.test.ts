import { expect, test, vi } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type KafkaError, type Producer, type Undelivered } from '../../src/index.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

const lingering = { lingerMs: 20_000, lingerWhenIdle: true }
const codecs = ['none', 'gzip', 'snappy'] as const

const failure = (future: PromiseLike<unknown>): Promise<KafkaError> =>
  Promise.resolve(future).then(
    () => {
      throw new Error('it was acknowledged')
    },
    error => error,
  )

const valuesIn = (broker: Broker, topic = 't') => broker.records(topic).map(({ value }) => String(value))

/** A record more, without waiting for company. */
async function nextOf(producer: Producer) {
  const future = producer.send({ topic: 't', value: 'next' })
  await producer.flush()
  return future
}

test('a record whose topic is not known yet is taken back: nothing of it is sent', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  const hold = broker.faults.hold('Metadata')
  const controller = new AbortController()
  const taken = failure(producer.send({ topic: 't', value: 'taken' }, { signal: controller.signal }))
  const kept = producer.send({ topic: 't', value: 'kept' })

  controller.abort(new Error('changed my mind'))
  const error = await taken
  hold.release()

  expect(error).toMatchObject({ name: 'AbortError', code: 'ABORTED', outcome: 'not-written' })
  expect(error.cause).toMatchObject({ message: 'changed my mind' })
  expect((await kept).offset).toBe(0n)
  expect(valuesIn(broker)).toEqual(['kept'])
})

test.each(codecs)('%s: records of an open batch are taken back; the others get offsets without gaps', async codec => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    compressionType: codec,
    ...lingering,
  })
  await producer.partitionsFor('t')
  const controllers = Array.from({ length: 10 }, () => new AbortController())
  const sent = controllers.map(({ signal }, n) =>
    producer.send({ topic: 't', key: `k${n}`, value: `${n}`, timestamp: n === 0 ? 9000 : 1000 + n }, { signal }),
  )
  expect(sent.some(({ settled }) => settled)).toBe(false)

  for (const n of [0, 3, 4, 9]) controllers[n]!.abort()
  await producer.flush()
  const results = await Promise.allSettled(sent)

  expect(valuesIn(broker)).toEqual(['1', '2', '5', '6', '7', '8'])
  expect(
    results.map(result => (result.status === 'fulfilled' ? Number(result.value.offset) : result.reason.outcome)),
  ).toEqual(['not-written', 0, 1, 'not-written', 'not-written', 2, 3, 4, 5, 'not-written'])
  const [batch] = broker.batches('t', 0)
  expect(batch).toMatchObject({ recordCount: 6, maxTimestamp: 1008 })
  expect((await nextOf(producer)).offset).toBe(6n)
})

test('where all records of a batch are taken back no request is made', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...lingering })
  await producer.partitionsFor('t')
  const controller = new AbortController()
  const sent = [1, 2, 3].map(n => failure(producer.send({ topic: 't', value: `${n}` }, controller)))
  controller.abort()
  await Promise.all(sent)
  await producer.flush()
  expect(broker.requestCount('Produce')).toBe(0)
  expect(producer.metrics()['buffer-available-bytes']).toBe(producer.metrics()['buffer-total-bytes'])
})

test.each(codecs)('%s: a record of a sealed batch that was never sent is taken back', async codec => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    compressionType: codec,
    batchSize: 2000,
    maxInFlightRequestsPerConnection: 1,
  })
  await producer.send({ topic: 't', value: 'first' })
  const hold = broker.faults.hold('Produce')
  const blocker = producer.send({ topic: 't', value: 'blocker' })
  await broker.waitForRequest('Produce')
  // Far more than one batch: all but the last are sealed, and wait behind the blocker.
  const controllers = Array.from({ length: 20 }, () => new AbortController())
  const text = (n: number) => `${n} ${'x'.repeat(500)}`
  const sent = controllers.map(({ signal }, n) => producer.send({ topic: 't', value: text(n) }, { signal }))
  for (const n of [0, 1, 5]) controllers[n]!.abort()
  const lost = await Promise.all([0, 1, 5].map(n => failure(sent[n]!)))
  hold.release()
  await blocker
  await producer.flush()

  expect(lost.map(({ outcome }) => outcome)).toEqual(['not-written', 'not-written', 'not-written'])
  const kept = controllers.map((_, n) => n).filter(n => ![0, 1, 5].includes(n))
  expect(valuesIn(broker)).toEqual(['first', 'blocker', ...kept.map(text)])
  const metas = await Promise.all(kept.map(n => sent[n]!))
  expect(metas.map(({ offset }) => offset)).toEqual(kept.map((_, index) => BigInt(index + 2)))
})

test('on the wire only the wait ends: unknown, and the record is written once, in order', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  await producer.send({ topic: 't', value: 'first' })
  const hold = broker.faults.hold('Produce')
  const controller = new AbortController()
  const sent = failure(producer.send({ topic: 't', value: 'on the wire' }, { signal: controller.signal }))
  const neighbour = producer.send({ topic: 't', value: 'neighbour' })
  await broker.waitForRequest('Produce')

  controller.abort()
  const error = await sent
  hold.release()

  expect(error).toMatchObject({ code: 'ABORTED', outcome: 'unknown' })
  expect((await neighbour).offset).toBe(2n)
  expect((await producer.send({ topic: 't', value: 'after' })).offset).toBe(3n)
  expect(valuesIn(broker)).toEqual(['first', 'on the wire', 'neighbour', 'after'])
})

test('a signal that comes too late changes nothing, and nobody listens to it any more', async () => {
  await using broker = await startBroker()
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  const controller = new AbortController()
  const { signal } = controller
  const added = vi.spyOn(signal, 'addEventListener')
  const removed = vi.spyOn(signal, 'removeEventListener')
  const future = producer.send({ topic: 't', value: 'x' }, { signal })
  const meta = await future
  controller.abort()
  expect(await future).toMatchObject({ offset: meta.offset })
  expect(added.mock.calls.map(([event, listener]) => [event, listener])).toEqual(removed.mock.calls)
  expect(added).toHaveBeenCalledTimes(1)
})

test('records that were taken back stay out when their batch is too large for the broker and split', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1, config: { 'max.message.bytes': 3000 } } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    batchSize: 100_000,
    ...lingering,
  })
  await producer.partitionsFor('t')
  const controllers = Array.from({ length: 24 }, () => new AbortController())
  const text = (n: number) => `${n} ${'y'.repeat(400)}`
  const sent = controllers.map(({ signal }, n) => producer.send({ topic: 't', value: text(n) }, { signal }))
  const takenBack = [0, 1, 7, 11, 12, 23]
  for (const n of takenBack) controllers[n]!.abort()
  await producer.flush()
  const results = await Promise.allSettled(sent)

  const kept = controllers.map((_, n) => n).filter(n => !takenBack.includes(n))
  expect(valuesIn(broker)).toEqual(kept.map(text))
  expect(results.flatMap(result => (result.status === 'fulfilled' ? [Number(result.value.offset)] : []))).toEqual(
    kept.map((_, index) => index),
  )
})

test('what fails beside a record that was taken back is named rightly', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1 } } })
  const producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...lingering })
  await producer.partitionsFor('t')
  const undelivered: Undelivered[] = []
  producer.on('undelivered', event => undelivered.push(event))
  const controller = new AbortController()
  const taken = failure(producer.send({ topic: 't', value: 'taken' }, { signal: controller.signal }))
  producer.send({ topic: 't', value: 'lost 1' })
  producer.send({ topic: 't', value: 'lost 2' })
  controller.abort()
  await taken
  await broker.stop(1)
  await producer.close({ timeoutMs: 0 })
  await new Promise(resolve => setImmediate(resolve))
  await new Promise(resolve => setImmediate(resolve))
  expect(undelivered.map(({ value }) => String(value))).toEqual(['lost 1', 'lost 2'])
})
