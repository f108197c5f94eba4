import { expect, onTestFinished, test, vi } from 'vitest'
import {
  type BrokerOptions,
  startBroker,
  type TelemetryHistogram,
  type TelemetryMetric,
  type TelemetryOptions,
} from '../../src/broker/index.ts'
import { type ProducerOptions, resolveOptions } from '../../src/client/producer/options.ts'
import { KafkaProducer } from '../../src/client/producer/producer.ts'
import type { KafkaError } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { broken } from './broken.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

const until = (isSo: () => boolean) => vi.waitUntil(isSo, { interval: 2, timeout: 10_000 })

const everything = { all: { metrics: ['*'], intervalMs: 1000 } }
const ofProducer = { producer: { metrics: ['org.apache.kafka.producer.'], intervalMs: 1000 } }

/** A producer and a broker that takes metrics, on one clock that the test moves. Chance is always in the middle. */
async function setUp(
  telemetry: TelemetryOptions | undefined,
  options: Partial<ProducerOptions> = {},
  brokerOptions: BrokerOptions = {},
) {
  const clock = new ManualClock()
  const broker = await startBroker({
    topics: { t: { partitions: 1 } },
    clock,
    ...(telemetry && { telemetry }),
    ...brokerOptions,
  })
  onTestFinished(() => broker.close())
  const errors: KafkaError[] = []
  const producer = new KafkaProducer(resolveOptions({ bootstrapServers: broker.bootstrapServers, ...options }), {
    clock,
    random: () => 0.5,
  })
  producer.on('error', error => errors.push(error))
  onTestFinished(async () => {
    const closing = producer.close({ timeoutMs: 0 })
    // Closing may wait for a timer of this clock.
    await until(() => {
      clock.advance(100)
      return closing.settled
    })
  })
  const allAnswered = () => producer.metrics()['response-total'] === producer.metrics()['request-total']
  /** All that were taken, once there are so many and the producer knows. */
  const pushes = async (count: number) => {
    await until(() => broker.telemetry().length >= count && allAnswered())
    return broker.telemetry()
  }
  /** Lets time pass until a request has come, in steps, so that sockets have their turn. */
  const untilRequest = async (api: 'PushTelemetry' | 'GetTelemetrySubscriptions', count: number) => {
    await until(() => {
      if (broker.requestCount(api) >= count) return true
      clock.advance(100)
      return false
    })
  }
  return { clock, broker, producer, errors, pushes, untilRequest }
}

const named = (metrics: readonly TelemetryMetric[], name: string) => metrics.filter(metric => metric.name === name)
const asked = (broker: Awaited<ReturnType<typeof startBroker>>) => broker.requestCount('GetTelemetrySubscriptions')

/** The broker has answered, and the producer knows. */
const subscribed = (producer: KafkaProducer) => producer.clientInstanceId()

test('what a broker asks for is pushed: the first time after half the interval to one and a half, then with each interval', async () => {
  const { clock, broker, producer, pushes } = await setUp({ subscriptions: ofProducer })
  await producer.send({ topic: 't', value: 'x' })
  const id = await subscribed(producer)
  clock.advance(999)
  expect(broker.requestCount('PushTelemetry')).toBe(0)

  clock.advance(1)
  const [first] = await pushes(1)
  clock.advance(1000)
  const [, second] = await pushes(2)

  expect(first).toMatchObject({ clientInstanceId: id, isTerminating: false, codec: 4 })
  expect(second!.at - first!.at).toBe(1000)
  expect(asked(broker)).toBe(1)
  expect(named(first!.metrics, 'org.apache.kafka.producer.record.send.total')).toMatchObject([
    { type: 'sum', temporality: 'delta', isMonotonic: true, value: 1, attributes: {}, unit: '{record}' },
  ])
  expect(named(first!.metrics, 'org.apache.kafka.producer.topic.record.send.total')).toMatchObject([
    { attributes: { topic: 't' }, value: 1 },
  ])
  expect(named(first!.metrics, 'org.apache.kafka.producer.node.request.total')).toMatchObject([
    { attributes: { node_id: 'node-1' }, type: 'sum' },
  ])
  expect(named(first!.metrics, 'org.apache.kafka.producer.buffer.total.bytes')).toMatchObject([
    { type: 'gauge', temporality: null, value: 33_554_432 },
  ])
  // Nothing has split a batch: a rate of zero says so. Nobody was throttled: an average over nothing says nothing.
  expect(named(first!.metrics, 'org.apache.kafka.producer.batch.split.rate')).toMatchObject([{ value: 0 }])
  expect(first!.metrics.filter(({ value }) => Number.isNaN(value))).toEqual([])
  expect(first!.metrics.filter(({ name }) => !name.startsWith('org.apache.kafka.producer.'))).toEqual([])
  expect(named(second!.metrics, 'org.apache.kafka.producer.record.send.total')).toMatchObject([
    { value: 0, startTimeUnixNano: first!.metrics[0]!.timeUnixNano },
  ])
})

test('what is pushed is what metrics() says', async () => {
  const { clock, producer, pushes } = await setUp({ subscriptions: everything, deltaTemporality: false })
  await producer.sendAll(Array.from({ length: 10 }, (_, n) => ({ topic: 't', value: `record ${n}` })))
  await subscribed(producer)
  clock.advance(1000)
  const metrics = [...producer.metrics()]

  const [push] = await pushes(1)

  const told = new Map(push!.metrics.map(metric => [`${metric.name} ${JSON.stringify(metric.attributes)}`, metric]))
  let compared = 0
  for (const { name, group, tags, value } of metrics) {
    if (typeof value !== 'number' || Number.isNaN(value) || name.startsWith('event-loop')) continue
    // The push itself is a request.
    if (/request|response|byte|network|connection/.test(name)) continue
    const { 'client-id': _, ...others } = tags
    const attributes = Object.fromEntries(Object.entries(others).map(([tag, own]) => [tag.replace('-', '_'), own]))
    const path = `${group.replace('-metrics', '').replaceAll('-', '.')}.${name.replaceAll('-', '.')}`
    const full = group.startsWith('ottla-') ? path : `org.apache.kafka.${path.replace('kafka.metrics', 'kafka')}`
    const found = told.get(`${full} ${JSON.stringify(attributes)}`)
    expect(found?.value, full).toBe(value)
    compared++
  }
  expect(compared).toBeGreaterThan(50)
  const { buckets, count, sum } = producer.metrics().histograms['records-per-request']
  const [histogram] = named(push!.metrics, 'ottla.producer.records.per.request')
  expect(histogram).toMatchObject({ type: 'histogram', temporality: 'cumulative', value: { count, sum } })
  const { bounds, counts } = histogram!.value as TelemetryHistogram
  expect(bounds).toEqual(buckets.map(({ le }) => le))
  expect(counts.reduce((all, one) => all + one, 0)).toBe(count)
  expect(counts).toHaveLength(bounds.length + 1)
})

test('counters are told as what has come since the last push that was acknowledged, and nothing is missing', async () => {
  const { clock, broker, producer, pushes, untilRequest } = await setUp({ subscriptions: ofProducer })
  const sent = (index: number) =>
    named(broker.telemetry()[index]!.metrics, 'org.apache.kafka.producer.record.send.total')[0]!.value
  await producer.send({ topic: 't', value: '1' })
  await subscribed(producer)
  clock.advance(1000)
  await pushes(1)
  await producer.send({ topic: 't', value: '2' })
  await producer.send({ topic: 't', value: '3' })
  broker.faults.failBefore('PushTelemetry', 'THROTTLING_QUOTA_EXCEEDED')
  await untilRequest('PushTelemetry', 2)
  await producer.send({ topic: 't', value: '4' })

  await untilRequest('PushTelemetry', 3)
  await pushes(2)

  expect([sent(0), sent(1)]).toEqual([1, 3])
})

test('where a broker takes no metrics nothing is asked, no timer is set, and the id is refused', async () => {
  const { broker, producer, clock } = await setUp(undefined)
  const { producer: without, clock: otherClock } = await setUp(undefined, { enableMetricsPush: false })
  await producer.send({ topic: 't', value: 'x' })
  await without.send({ topic: 't', value: 'x' })

  const error = await broken(producer.clientInstanceId())

  expect(error).toMatchObject({ code: 'UNSUPPORTED_VERSION' })
  expect(broker.requests().map(({ api }) => api)).not.toContain('GetTelemetrySubscriptions')
  expect(broker.connections()).toBe(2)
  await until(() => clock.pendingTimers === otherClock.pendingTimers)
})

test('a question without an answer holds up no send', async () => {
  const { broker, producer } = await setUp({ subscriptions: everything })
  const hold = broker.faults.hold('GetTelemetrySubscriptions')

  await producer.send({ topic: 't', value: 'x' })
  await until(() => hold.fired === 1)

  expect((await producer.send({ topic: 'another', value: 'y' })).offset).toBe(0n)
  hold.release()
})

test('enableMetricsPush: false asks for nothing', async () => {
  const { broker, producer } = await setUp({ subscriptions: everything }, { enableMetricsPush: false })
  await producer.send({ topic: 't', value: 'x' })

  const error = await broken(producer.clientInstanceId())

  expect(error).toMatchObject({ code: 'TELEMETRY_DISABLED' })
  expect(asked(broker)).toBe(0)
})

test('where nobody subscribes a broker is asked again with each interval', async () => {
  const { clock, broker, producer } = await setUp({})
  await producer.send({ topic: 't', value: 'x' })
  await subscribed(producer)
  broker.subscribeTelemetry('late', { metrics: ['*'], intervalMs: 500 })
  clock.advance(299_000)
  expect(asked(broker)).toBe(1)

  clock.advance(1000)
  await until(() => asked(broker) === 2)
  await until(() => {
    clock.advance(100)
    return broker.telemetry().length > 0
  })

  // Of questions, of records, of telemetry.
  expect(broker.connections()).toBe(3)
})

test('a subscription that changes is asked for at once, and followed', async () => {
  const { clock, broker, producer, pushes, untilRequest } = await setUp({ subscriptions: ofProducer })
  await producer.send({ topic: 't', value: 'x' })
  const id = await subscribed(producer)
  clock.advance(1000)
  await pushes(1)
  broker.subscribeTelemetry('producer', { metrics: ['org.apache.kafka.producer.batch.'], intervalMs: 300 })

  clock.advance(1000) // UNKNOWN_SUBSCRIPTION_ID
  await until(() => asked(broker) === 2)
  await untilRequest('PushTelemetry', 3)
  const [, next] = await pushes(2)

  expect(await producer.clientInstanceId()).toBe(id)
  expect(next!.clientInstanceId).toBe(id)
  expect(next!.metrics.length).toBeGreaterThan(3)
  expect(next!.metrics.every(({ name }) => name.startsWith('org.apache.kafka.producer.batch.'))).toBe(true)
})

test.each([
  ['[]', []],
  ['[none]', [0]],
  ['[gzip]', [1]],
  ['[lz4, gzip]', [3, 1]],
  ['[one from the future, snappy]', [9, 2]],
])('the first codec of %s that there is here packs the metrics', async (_, compressionTypes) => {
  const { clock, producer, pushes } = await setUp({ subscriptions: everything, compressionTypes })
  await producer.send({ topic: 't', value: 'x' })
  await subscribed(producer)
  clock.advance(1000)

  const [push] = await pushes(1)

  expect(push!.codec).toBe(compressionTypes.find(id => id < 5) ?? 0)
  expect(push!.metrics.length).toBeGreaterThan(50)
})

test('a codec that a broker would not take after all is used no more', async () => {
  const { clock, broker, producer, pushes, untilRequest } = await setUp({ subscriptions: everything })
  await producer.send({ topic: 't', value: 'x' })
  await subscribed(producer)
  broker.faults.failBefore('PushTelemetry', 'UNSUPPORTED_COMPRESSION_TYPE')
  clock.advance(1000)
  await untilRequest('PushTelemetry', 2)

  // The broker itself did not refuse, so it finds the question too early.
  await untilRequest('PushTelemetry', 2)
  const [push] = await pushes(1)

  expect(push!.codec).toBe(3)
})

test.each(['INVALID_REQUEST', 'INVALID_RECORD', 'UNSUPPORTED_VERSION', 'UNKNOWN_SERVER_ERROR'] as const)(
  '%s ends it, and is told once as an error event',
  async code => {
    const { clock, broker, producer, errors } = await setUp({ subscriptions: everything })
    await producer.send({ topic: 't', value: 'x' })
    await subscribed(producer)
    broker.faults.failBefore('PushTelemetry', code)
    clock.advance(1000)
    await until(() => errors.length > 0)

    clock.advance(3_600_000)
    await producer.send({ topic: 't', value: 'y' })
    await producer.close()

    expect(errors.map(error => error.code)).toEqual([code])
    expect(errors[0]!.message).toContain('PushTelemetry')
    expect(broker.requestCount('PushTelemetry')).toBe(1)
  },
)

test('a question that is refused for good is not asked again', async () => {
  const { clock, broker, producer, errors } = await setUp({ subscriptions: everything })
  broker.faults.failBefore('GetTelemetrySubscriptions', 'CLUSTER_AUTHORIZATION_FAILED')
  await producer.send({ topic: 't', value: 'x' })

  const error = await broken(producer.clientInstanceId())
  clock.advance(3_600_000)
  await producer.send({ topic: 't', value: 'y' })

  expect(error).toMatchObject({ code: 'CLUSTER_AUTHORIZATION_FAILED' })
  expect(errors.map(({ code }) => code)).toEqual(['CLUSTER_AUTHORIZATION_FAILED'])
  expect(asked(broker)).toBe(1)
})

test.each(['UNKNOWN_SUBSCRIPTION_ID', 'THROTTLING_QUOTA_EXCEEDED'] as const)(
  'a question that is answered %s is asked again after five minutes, and not at once',
  async code => {
    const { clock, broker, producer } = await setUp({ subscriptions: everything })
    const fault = broker.faults.failBefore('GetTelemetrySubscriptions', code)
    await producer.send({ topic: 't', value: 'x' })
    await until(() => fault.fired === 1)
    await producer.send({ topic: 't', value: 'y' })
    clock.advance(299_999)
    expect(asked(broker)).toBe(1)

    clock.advance(1)

    await until(() => asked(broker) === 2)
  },
)

test('with more topics than a push may hold, what there is of each topic is left out', async () => {
  const { clock, broker, producer, pushes, errors } = await setUp(
    { subscriptions: ofProducer, maxBytes: 12_000 },
    {},
    { topics: Array.from({ length: 50 }, (_, n) => `topic-${n}`) },
  )
  await Promise.all(Array.from({ length: 50 }, (_, n) => producer.send({ topic: `topic-${n}`, value: 'x' })))
  await subscribed(producer)
  clock.advance(1000)

  const [push] = await pushes(1)

  expect(push!.metrics.length).toBeGreaterThan(50)
  expect(push!.metrics.filter(({ attributes }) => 'topic' in attributes)).toEqual([])
  expect(errors).toEqual([])
  expect(broker.requestCount('PushTelemetry')).toBe(1)
})

test('what does not fit at all is not sent, and told once', async () => {
  const { clock, broker, producer, errors } = await setUp({ subscriptions: everything, maxBytes: 100 })
  await producer.send({ topic: 't', value: 'x' })
  await subscribed(producer)
  clock.advance(1000)
  await until(() => errors.length > 0)

  await until(() => {
    clock.advance(100)
    return asked(broker) >= 3
  })

  expect(errors.map(({ code }) => code)).toEqual(['TELEMETRY_TOO_LARGE'])
  expect(broker.requestCount('PushTelemetry')).toBe(0)
})

test('a push without an answer holds up no send, also to a topic that is not known yet; the next comes with the next interval', async () => {
  const { clock, broker, producer, untilRequest } = await setUp({ subscriptions: ofProducer })
  await producer.send({ topic: 't', value: 'x' })
  await subscribed(producer)
  const hold = broker.faults.hold('PushTelemetry')
  clock.advance(1000)
  await until(() => hold.fired === 1)

  await producer.send({ topic: 't', value: 'y' })
  await producer.send({ topic: 'another', value: 'z' })
  broker.closeConnections()
  hold.release()
  await untilRequest('PushTelemetry', 2)

  await until(() => broker.telemetry().length > 0)
})

test('a producer that loses its brokers goes on when they are there again', async () => {
  const { broker, producer, untilRequest } = await setUp({ subscriptions: ofProducer })
  await producer.send({ topic: 't', value: 'x' })
  const id = await subscribed(producer)
  await untilRequest('PushTelemetry', 1)
  await broker.stop(1)
  await broker.start(1)

  await untilRequest('PushTelemetry', 3)

  expect(broker.telemetry().every(({ clientInstanceId }) => clientInstanceId === id)).toBe(true)
})

test('pushes stay with one of three brokers, and go to another when that stops', async () => {
  const { broker, producer, untilRequest } = await setUp({ subscriptions: ofProducer }, {}, { brokers: 3 })
  await producer.send({ topic: 't', value: 'x' })
  await subscribed(producer)
  await untilRequest('PushTelemetry', 3)
  const first = new Set(broker.requests('PushTelemetry').map(request => request.broker))
  const [stopped] = first

  await broker.stop(stopped!)
  await untilRequest('PushTelemetry', 5)

  expect(first.size).toBe(1)
  expect(broker.requests('PushTelemetry').at(-1)!.broker).not.toBe(stopped)
})

test('closing pushes once more, with what was sent up to then', async () => {
  const { broker, producer } = await setUp({ subscriptions: ofProducer })
  await producer.send({ topic: 't', value: 'x' })
  await subscribed(producer)
  producer.send({ topic: 't', value: 'y' })

  await producer.close()

  const [push, ...others] = broker.telemetry()
  expect(others).toEqual([])
  expect(push).toMatchObject({ isTerminating: true })
  expect(named(push!.metrics, 'org.apache.kafka.producer.record.send.total')).toMatchObject([{ value: 2 }])
  expect(named(push!.metrics, 'org.apache.kafka.producer.requests.in.flight')).toMatchObject([{ value: 0 }])
})

test('closing while a push is on its way waits for it, and tells nothing twice', async () => {
  const { clock, broker, producer } = await setUp({ subscriptions: ofProducer })
  await producer.send({ topic: 't', value: 'x' })
  await subscribed(producer)
  const hold = broker.faults.hold('PushTelemetry', { times: 1 })
  clock.advance(1000)
  await until(() => hold.fired === 1)
  await producer.send({ topic: 't', value: 'y' })

  const closing = producer.close()
  hold.release()
  await closing

  const sent = broker
    .telemetry()
    .map(({ metrics }) => named(metrics, 'org.apache.kafka.producer.record.send.total')[0]!.value)
  expect(broker.telemetry().map(({ isTerminating }) => isTerminating)).toEqual([false, true])
  expect(sent).toEqual([1, 1])
})

test.each([
  ['without a time-out, two seconds', undefined, 2000],
  ['no longer than its own time-out', 300, 300],
])('closing waits for a broker that does not answer the last push: %s', async (_, timeoutMs, expectedMs) => {
  const { clock, broker, producer } = await setUp({ subscriptions: ofProducer })
  await producer.send({ topic: 't', value: 'x' })
  await subscribed(producer)
  const swallow = broker.faults.swallowAnswer('PushTelemetry')

  const closing = producer.close(timeoutMs === undefined ? {} : { timeoutMs })
  await until(() => swallow.fired === 1)
  clock.advance(expectedMs - 1)
  expect(closing.settled).toBe(false)
  clock.advance(1)
  await closing

  expect(producer.state).toBe('closed')
})

test('close({ timeoutMs: 0 }) pushes nothing', async () => {
  const { broker, producer } = await setUp({ subscriptions: ofProducer })
  await producer.send({ topic: 't', value: 'x' })
  await subscribed(producer)

  await producer.close({ timeoutMs: 0 })

  expect(broker.requestCount('PushTelemetry')).toBe(0)
})

test('a transactional producer says which', async () => {
  const { broker, producer } = await setUp({ subscriptions: ofProducer }, { transactionalId: 'mine' })
  await producer.initTransactions()
  await subscribed(producer)

  await producer.close()

  expect(broker.telemetry()[0]!.metrics[0]!.resource).toEqual({ transactional_id: 'mine' })
})

test('the id can be asked for before anything was sent, waits no longer than it may, and not after close', async () => {
  const { clock, broker, producer } = await setUp({})
  const hold = broker.faults.hold('GetTelemetrySubscriptions')
  const impatient = broken(producer.clientInstanceId({ timeoutMs: 50 }))
  const patient = producer.clientInstanceId()
  await until(() => hold.fired === 1)
  clock.advance(50)
  expect(await impatient).toMatchObject({ name: 'TimeoutError' })
  expect(await broken(producer.clientInstanceId({ timeoutMs: -1 }))).toMatchObject({ code: 'INVALID_TIMEOUT' })
  hold.release()

  expect(await patient).toMatch(/^[\w-]{22}$/)

  await producer.close()
  expect(await broken(producer.clientInstanceId())).toMatchObject({ code: 'CLOSED' })
})

test('whoever waits for the id while the producer closes is told', async () => {
  const { broker, producer } = await setUp({})
  const hold = broker.faults.hold('GetTelemetrySubscriptions')
  const waiting = broken(producer.clientInstanceId())
  await until(() => hold.fired === 1)

  await producer.close()

  expect(await waiting).toMatchObject({ code: 'CLOSED' })
})
