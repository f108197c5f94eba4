import { pipeline } from 'node:stream/promises'
import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  AggregationTemporality,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SamplingDecision,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type ProducerOptions } from '../../src/index.ts'
import {
  type Instrumentation,
  type InstrumentationOptions,
  instrument,
  observeMetrics,
} from '../../src/opentelemetry/index.ts'
import { expectNothingUnhandled } from '../producer/unhandled.ts'
import { shopProducer } from './shop-producer.ts'

expectNothingUnhandled()

let broker: Broker
let instrumentation: Instrumentation | undefined
const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})
afterAll(() => {
  context.disable()
  propagation.disable()
})
beforeEach(async () => {
  broker = await startBroker({ topics: { orders: { partitions: 1 }, bills: { partitions: 1 } } })
})
afterEach(async () => {
  instrumentation?.disable()
  exporter.reset()
  await broker.close()
})

const begin = (options: InstrumentationOptions = {}) => {
  instrumentation = instrument({ tracerProvider, propagator: new W3CTraceContextPropagator(), ...options })
}

const open = (options: Partial<ProducerOptions> = {}) => shopProducer(broker, options)

/** What the channels tell is told when the code that caused it has ended. */
async function spans(): Promise<{ records: ReadableSpan[]; requests: ReadableSpan[] }> {
  await new Promise(setImmediate)
  const all = exporter.getFinishedSpans()
  return {
    records: all.filter(({ kind }) => kind === SpanKind.PRODUCER),
    requests: all.filter(({ kind }) => kind === SpanKind.CLIENT),
  }
}

const milliseconds = ([seconds, nanoseconds]: ReadableSpan['startTime']) => seconds * 1000 + nanoseconds / 1e6
const headersOf = (topic: string) =>
  broker.records(topic).map(({ headers }) => Object.fromEntries(headers.map(([name, value]) => [name, String(value)])))
const written = (span: ReadableSpan) => {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-0${traceFlags}`
}
const within = <T>(span: Span, run: () => T): T => context.with(trace.setSpan(context.active(), span), run)

test('one record: a PRODUCER span whose context is in the headers, and a CLIENT span of the request below it', async () => {
  begin()
  await using producer = open()

  const before = Date.now()
  await producer.send({ topic: 'orders', key: 'k', value: 'v', headers: { own: 'x' } })

  const { records, requests } = await spans()
  const [[record], [request]] = [records, requests] as [[ReadableSpan], [ReadableSpan]]
  expect([records.length, requests.length]).toEqual([1, 1])
  expect(record.name).toBe('send orders')
  expect(record.attributes).toEqual({
    'messaging.system.name': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'orders',
    'messaging.destination.partition.id': '0',
    'messaging.client.id': 'shop',
    'kafka.offset': 0,
  })
  expect(record.status.code).toBe(SpanStatusCode.UNSET)
  expect(record.parentSpanContext).toBeUndefined()
  expect(headersOf('orders')).toEqual([{ own: 'x', traceparent: written(record) }])

  const port = Number(broker.bootstrapServers.split(':')[1])
  expect(request.name).toBe('send orders')
  expect(request.attributes).toEqual({
    'messaging.system.name': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'orders',
    'messaging.destination.partition.id': '0',
    'messaging.batch.message_count': 1,
    'messaging.client.id': 'shop',
    'server.address': '127.0.0.1',
    'server.port': port,
    'network.peer.address': '127.0.0.1',
    'network.peer.port': port,
  })
  expect(request.parentSpanContext?.spanId).toBe(record.spanContext().spanId)
  expect(request.links).toEqual([])

  expect(milliseconds(record.startTime)).toBeGreaterThanOrEqual(before)
  expect(milliseconds(record.endTime)).toBeLessThanOrEqual(Date.now() + 1)
  expect(milliseconds(request.startTime)).toBeGreaterThanOrEqual(milliseconds(record.startTime))
  expect(milliseconds(request.duration)).toBeGreaterThan(0)
})

test('many records in a request: each has its span and its context, and the request links to them', async () => {
  begin()
  await using producer = open()
  await producer.partitionsFor('orders')
  await producer.partitionsFor('bills')

  await producer.sendAll([
    ...Array.from({ length: 150 }, (_, n) => ({ topic: 'orders', value: String(n) })),
    { topic: 'bills', value: 'b' },
  ])

  const { records, requests } = await spans()
  const [request] = requests as [ReadableSpan]
  expect([records.length, requests.length]).toEqual([151, 1])
  expect(headersOf('orders').map(headers => headers.traceparent)).toEqual(records.slice(0, 150).map(written))
  expect(request.name).toBe('send')
  expect(request.attributes).not.toHaveProperty('messaging.destination.name')
  expect(request.attributes['messaging.batch.message_count']).toBe(151)
  expect(request.parentSpanContext).toBeUndefined()
  expect(request.links.map(link => link.context.spanId)).toEqual(
    records.slice(0, 128).map(record => record.spanContext().spanId),
  )
})

test('the parent is the span that is active at the call, for every way to send; a callback runs in the caller’s context', async () => {
  begin()
  await using producer = open()
  const tracer = tracerProvider.getTracer('test')
  const parent = tracer.startSpan('parent')

  // Else the socket itself would have been made in the context of the call.
  await producer.send({ topic: 'bills', value: 'earlier' })
  exporter.reset()

  const inCallback = await within(parent, async () => {
    await producer.send({ topic: 'orders', value: 'future' })
    const active = await new Promise(resolve =>
      producer.send({ topic: 'orders', value: 'callback' }, () => resolve(trace.getActiveSpan())),
    )
    producer.send({ topic: 'orders', value: 'unwatched' })
    await producer.sendAll([{ topic: 'orders', value: 'all' }])
    await pipeline(['streamed'], producer.writable({ topic: 'orders' }))
    return active
  })

  expect(inCallback).toBe(parent)
  const { records } = await spans()
  expect(records.map(record => record.parentSpanContext?.spanId)).toEqual(Array(5).fill(parent.spanContext().spanId))
  expect(headersOf('orders').map(headers => headers.traceparent)).toEqual(records.map(written))
})

test('a record that is passed on gets a context of its own, and a link to the one it came with', async () => {
  begin()
  await using producer = open()
  const came = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }

  await producer.send({
    topic: 'orders',
    value: 'v',
    headers: [
      ['traceparent', Buffer.from(`00-${came.traceId}-${came.spanId}-01`)],
      ['own', 'x'],
    ],
  })

  const [record] = (await spans()).records as [ReadableSpan]
  expect(broker.records('orders')[0]!.headers.map(([name]) => name)).toEqual(['own', 'traceparent'])
  expect(headersOf('orders')[0]!.traceparent).toBe(written(record))
  expect(record.links.map(link => link.context.spanId)).toEqual([came.spanId])
})

test('a failure: error.type is Kafka’s name, with what is known of the record', async () => {
  begin()
  await using producer = open()
  broker.faults.failBefore('Produce', 'TOPIC_AUTHORIZATION_FAILED')

  await expect(producer.send({ topic: 'orders', value: 'v' })).rejects.toThrow()
  await expect(producer.send({ topic: 'no topic', value: 'v' })).rejects.toThrow()

  const { records, requests } = await spans()
  expect(records.map(({ name }) => name)).toEqual(['send orders', 'send no topic'])
  expect(records.map(({ attributes }) => attributes['error.type'])).toEqual([
    'TOPIC_AUTHORIZATION_FAILED',
    'INVALID_TOPIC',
  ])
  expect(records.map(({ attributes }) => attributes['ottla.outcome'])).toEqual(['not-written', 'not-written'])
  expect(records.map(({ status }) => status)).toEqual([
    { code: SpanStatusCode.ERROR, message: expect.stringContaining('TOPIC_AUTHORIZATION_FAILED') },
    { code: SpanStatusCode.ERROR, message: expect.stringContaining('no topic') },
  ])
  expect(records[0]!.attributes).not.toHaveProperty('kafka.offset')
  expect(requests.map(({ attributes, status }) => [attributes['error.type'], status.code])).toEqual([
    ['TOPIC_AUTHORIZATION_FAILED', SpanStatusCode.ERROR],
  ])
})

test('a lost answer: unknown, and the request has the error of its connection', async () => {
  begin()
  await using producer = open({ retries: 0, enableIdempotence: false, requestTimeoutMs: 100, deliveryTimeoutMs: 300 })
  await producer.partitionsFor('orders')
  broker.faults.swallowAnswer('Produce')

  await expect(producer.send({ topic: 'orders', value: 'v' })).rejects.toThrow()

  const { records, requests } = await spans()
  expect(records[0]!.attributes).toMatchObject({ 'error.type': 'REQUEST_TIMEOUT', 'ottla.outcome': 'unknown' })
  expect(requests[0]!.attributes['error.type']).toBe('REQUEST_TIMEOUT')
})

test('a retry is one record span and two request spans, both below it', async () => {
  begin()
  await using producer = open()
  broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS')

  await producer.send({ topic: 'orders', value: 'v' })

  const { records, requests } = await spans()
  expect(records.map(({ status }) => status.code)).toEqual([SpanStatusCode.UNSET])
  expect(requests.map(({ attributes }) => attributes['error.type'])).toEqual(['NOT_ENOUGH_REPLICAS', undefined])
  expect(requests.map(request => request.parentSpanContext?.spanId)).toEqual(
    Array(2).fill(records[0]!.spanContext().spanId),
  )
})

test('within a transaction', async () => {
  begin()
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, transactionalId: 'tx' })
  await producer.transaction(async transaction => {
    await transaction.send({ topic: 'orders', value: 'a' })
  })
  const { records, requests } = await spans()
  expect([records.length, requests.length]).toEqual([1, 1])
  expect(headersOf('orders')[0]!.traceparent).toBe(written(records[0]!))
})

test('what is not sampled still carries its context, and makes no request spans', async () => {
  const decision = (kind: SpanKind) =>
    kind === SpanKind.PRODUCER ? SamplingDecision.NOT_RECORD : SamplingDecision.RECORD_AND_SAMPLED
  const off = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    sampler: { shouldSample: (_context, _traceId, _name, kind) => ({ decision: decision(kind) }) },
  })
  begin({ tracerProvider: off })
  await using producer = open()
  await producer.send({ topic: 'orders', value: 'v' })
  const { records, requests } = await spans()
  expect([records.length, requests.length]).toEqual([0, 0])
  expect(headersOf('orders')[0]!.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
})

test('keys and tombstones: keys only where they are asked for', async () => {
  begin()
  await using producer = open()
  await producer.send({ topic: 'orders', key: 'secret', value: null })
  instrumentation!.disable()
  begin({ recordKeys: true })
  await producer.send({ topic: 'orders', key: 'text', value: 'v' })
  await producer.send({ topic: 'orders', key: Buffer.from('bytes'), value: 'v' })
  const { records } = await spans()
  const name = 'kafka.message.key'
  expect(records.map(({ attributes }) => attributes[name])).toEqual([undefined, 'text', 'bytes'])
  expect(records.map(({ attributes }) => attributes['kafka.message.tombstone'])).toEqual([true, undefined, undefined])
})

describe('names', () => {
  const system = ['messaging.system.name', 'messaging.system']
  const offset = ['kafka.offset', 'messaging.kafka.offset']
  test.each([
    { asked: 'stable', optIn: 'messaging/dup', has: [true, false] },
    { asked: 'old', optIn: undefined, has: [false, true] },
    { asked: 'dup', optIn: undefined, has: [true, true] },
    { asked: undefined, optIn: undefined, has: [true, false] },
    { asked: undefined, optIn: 'http,messaging/dup', has: [true, true] },
  ] as const)('semconv $asked, OTEL_SEMCONV_STABILITY_OPT_IN=$optIn', async ({ asked, optIn, has }) => {
    if (optIn !== undefined) process.env.OTEL_SEMCONV_STABILITY_OPT_IN = optIn
    begin(asked === undefined ? {} : { semconv: asked })
    delete process.env.OTEL_SEMCONV_STABILITY_OPT_IN
    await using producer = open()
    await producer.send({ topic: 'orders', value: 'v' })
    const { attributes } = (await spans()).records[0]!
    expect(system.map(name => name in attributes)).toEqual(has)
    expect(offset.map(name => name in attributes)).toEqual(has)
  })

  test('others are refused', () => {
    expect(() => instrument({ semconv: 'new' as never })).toThrow('semconv')
  })
})

test('disabled, or never enabled: no span, no header', async () => {
  await using producer = open()
  await producer.send({ topic: 'orders', value: 'before' })
  begin()
  instrumentation!.disable()
  await producer.send({ topic: 'orders', value: 'after' })
  expect(await spans()).toEqual({ records: [], requests: [] })
  expect(headersOf('orders')).toEqual([{}, {}])
})

test('without an SDK nothing is made, and a context that a record carries stays', async () => {
  instrumentation = instrument()
  await using producer = open()
  await producer.send({ topic: 'orders', value: 'v', headers: { traceparent: 'theirs' } })
  expect(headersOf('orders')).toEqual([{ traceparent: 'theirs' }])
})

test('an exporter that throws is told to the log of OpenTelemetry, and harms no record', async () => {
  const broken = new BasicTracerProvider({
    spanProcessors: [
      {
        onStart() {
          throw new Error('broken')
        },
        onEnd() {},
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  })
  begin({ tracerProvider: broken })
  await using producer = open()
  await expect(producer.send({ topic: 'orders', value: 'v' })).resolves.toMatchObject({ offset: 0n })
})

describe('metrics', () => {
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 1e6 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  afterAll(() => meterProvider.shutdown())

  async function collected() {
    await new Promise(setImmediate)
    metricExporter.reset()
    await reader.forceFlush()
    const all = metricExporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    return new Map(all.map(({ descriptor, dataPoints }) => [descriptor.name, { descriptor, dataPoints }]))
  }

  test('duration of requests in seconds, records by what became of them; nothing of high cardinality', async () => {
    begin({ meterProvider })
    await using producer = open()
    await producer.partitionsFor('orders')
    await producer.sendAll(['a', 'b', 'c'].map(value => ({ topic: 'orders', value })))
    broker.faults.failBefore('Produce', 'TOPIC_AUTHORIZATION_FAILED')
    await producer.send({ topic: 'orders', value: 'd' }).catch(() => {})

    const all = await collected()
    const common = {
      'messaging.system.name': 'kafka',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'orders',
    }
    const server = {
      'server.address': '127.0.0.1',
      'server.port': Number(broker.bootstrapServers.split(':')[1]),
    }
    const refused = { 'error.type': 'TOPIC_AUTHORIZATION_FAILED' }
    const sent = all.get('messaging.client.sent.messages')!
    expect(sent.descriptor.unit).toBe('{message}')
    expect(sent.dataPoints.map(({ attributes, value }) => [attributes, value])).toEqual([
      [common, 3],
      [{ ...common, ...refused }, 1],
    ])
    const duration = all.get('messaging.client.operation.duration')!
    expect(duration.descriptor.unit).toBe('s')
    expect(duration.dataPoints.map(({ attributes }) => attributes)).toEqual([
      { ...common, ...server },
      { ...common, ...server, ...refused },
    ])
    const value = duration.dataPoints[0]!.value as Histogram
    expect(value.count).toBe(1)
    expect(value.sum).toBeGreaterThan(0)
    expect(value.sum).toBeLessThan(10)
    expect(value.buckets.boundaries).toEqual([
      0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
    ])
  })

  test('what the producer measures itself, read when it is collected', async () => {
    await using producer = open()
    const observed = observeMetrics(producer, { meterProvider })
    await producer.send({ topic: 'orders', value: 'v' })
    const all = await collected()
    const sent = all.get('kafka.producer.record_send_total')!
    expect(sent.dataPoints.map(({ value, attributes }) => [value, attributes])).toEqual([
      [1, { 'messaging.client.id': 'shop' }],
    ])
    expect(all.get('kafka.producer.buffer_total_bytes')!.descriptor.unit).toBe('By')
    expect(all.get('kafka.producer.buffer_total_bytes')!.dataPoints[0]!.value).toBe(
      producer.metrics()['buffer-total-bytes'],
    )
    observed.disable()
    await producer.send({ topic: 'orders', value: 'v' })
    expect((await collected()).get('kafka.producer.record_send_total')!.dataPoints[0]!.value).toBe(1)
  })
})
