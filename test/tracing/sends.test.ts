import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type KafkaError, type ProducerOptions, type SendMessage } from '../../src/index.ts'
import { MockProducer } from '../../src/testing/index.ts'
import { expectNothingUnhandled } from '../producer/unhandled.ts'
import { acknowledged, failed, listen, traced } from './listen.ts'

expectNothingUnhandled()

let broker: Broker
beforeEach(async () => {
  broker = await startBroker({ topics: { t: { partitions: 1 }, other: { partitions: 2 } } })
})
afterEach(() => broker.close())

const open = (options: Partial<ProducerOptions> = {}) =>
  createProducer({ bootstrapServers: broker.bootstrapServers, clientId: 'shop', ...options })

const headersOf = (topic = 't') =>
  broker.records(topic).map(({ headers }) => headers.map(([name, value]) => [name, value?.toString()]))

test('a send has a start, an end and a result, with what was sent, where it went, and how long it took', async () => {
  const lives = traced<SendMessage>('ottla:send')
  await using producer = open()

  const before = Date.now()
  const metadata = await producer.send({ topic: 't', key: 'k', value: 'v', headers: { a: '1' }, timestamp: 17 })

  const [[message, life]] = [...lives] as [[SendMessage, string[]]]
  expect(life).toEqual(acknowledged)
  expect(message).toEqual({
    clientId: 'shop',
    topic: 't',
    partition: 0,
    record: { key: 'k', value: 'v', headers: [['a', '1']], timestamp: 17 },
    startedAt: expect.any(Number),
    durationMs: expect.any(Number),
    metadata: expect.objectContaining({ offset: 0n }),
  })
  expect(message.metadata?.offset).toBe(metadata.offset)
  expect(message.startedAt).toBeGreaterThanOrEqual(before)
  expect(message.startedAt + message.durationMs!).toBeLessThanOrEqual(Date.now() + 1)
})

test('start and end come within the call, the result around the callback', async () => {
  await using producer = open()
  const seen: string[] = []
  for (const phase of ['start', 'end', 'asyncStart', 'asyncEnd'])
    listen(`tracing:ottla:send:${phase}`, () => seen.push(phase))

  await new Promise<void>(resolve => {
    producer.send({ topic: 't', value: 'v' }, () => {
      seen.push('callback')
      resolve()
    })
    seen.push('returned')
  })

  expect(seen).toEqual(['start', 'end', 'returned', 'asyncStart', 'callback', 'asyncEnd'])
})

test('headers that a subscriber adds are written, behind the record’s own; what it takes away is not', async () => {
  listen('tracing:ottla:send:start', ({ record }: SendMessage) => {
    if (record.headers[0]?.[0] === 'gone') record.headers.shift()
    record.headers.push(['trace', String(record.value)], ['bytes', Buffer.from('b')])
  })
  await using producer = open()
  const headers = { gone: 'x', own: 'y' }

  await producer.send({ topic: 't', value: 'first' })
  await producer.send({ topic: 't', value: 'second', headers })

  expect(headersOf()).toEqual([
    [
      ['trace', 'first'],
      ['bytes', 'b'],
    ],
    [
      ['own', 'y'],
      ['trace', 'second'],
      ['bytes', 'b'],
    ],
  ])
  expect(headers).toEqual({ gone: 'x', own: 'y' })
})

test('what is no header fails its own record only', async () => {
  listen('tracing:ottla:send:start', ({ record }: SendMessage) => {
    if (record.value === 'wrong') record.headers.push([17 as never, 'x'])
  })
  await using producer = open()
  const wrong = producer.send({ topic: 't', value: 'wrong' })
  await expect(producer.send({ topic: 't', value: 'right' })).resolves.toMatchObject({ offset: 0n })
  await expect(wrong).rejects.toMatchObject({ code: 'INVALID_HEADERS', outcome: 'not-written' })
})

test('interceptors come before it and serializers behind it', async () => {
  const lives = traced<SendMessage>('ottla:send')
  await using producer = open({
    interceptors: [{ onSend: record => ({ ...record, value: { n: 2 }, headers: { by: 'interceptor' } }) as never }],
    valueSerializer: 'json',
  })

  await producer.send({ topic: 't', value: { n: 1 } as never })

  expect([...lives.keys()][0]!.record).toMatchObject({ value: { n: 2 }, headers: [['by', 'interceptor']] })
  expect(String(broker.records('t')[0]!.value)).toBe('{"n":2}')
})

test('every way to send is traced: future, callback, nobody watching, sendAll, a stream', async () => {
  const lives = traced<SendMessage>('ottla:send')
  await using producer = open()

  await producer.send({ topic: 't', value: 'future' })
  await new Promise(resolve => producer.send({ topic: 't', value: 'callback' }, resolve))
  producer.send({ topic: 't', value: 'unwatched' })
  await producer.sendAll([
    { topic: 't', value: 'all' },
    { topic: 'other', value: 'all' },
  ])
  await pipeline(['streamed'], producer.writable({ topic: 't' }))

  expect([...lives.keys()].map(({ record }) => String(record.value))).toEqual([
    'future',
    'callback',
    'unwatched',
    'all',
    'all',
    'streamed',
  ])
  expect([...lives.values()]).toEqual(Array(6).fill(acknowledged))
})

test.each<[what: string, record: unknown, code: string, topic: string]>([
  ['no object', 17, 'INVALID_RECORD', ''],
  ['a topic that cannot be', { topic: 'no topic' }, 'INVALID_TOPIC', 'no topic'],
  ['headers that are none', { topic: 't', headers: 17 }, 'INVALID_HEADERS', 't'],
  ['too large', { topic: 't', value: 'x'.repeat(2000) }, 'RECORD_TOO_LARGE', 't'],
  ['a value of no known type', { topic: 't', value: {} }, 'SERIALIZATION', 't'],
])('a record that is refused (%s) has one start and one end', async (_, record, code, topic) => {
  const lives = traced<SendMessage>('ottla:send')
  await using producer = open({ maxRequestSize: 1000 })

  await expect(producer.send(record as never)).rejects.toMatchObject({ code })

  const [[message, life]] = [...lives] as [[SendMessage, string[]]]
  expect([lives.size, life]).toEqual([1, failed])
  expect(message).toMatchObject({ topic, error: { code }, durationMs: expect.any(Number) })
  expect(message.metadata).toBeUndefined()
})

test('so has one that fails at the broker, times out, is taken back, or comes too late', async () => {
  const lives = traced<SendMessage>('ottla:send')
  const producer = open({ deliveryTimeoutMs: 1000, requestTimeoutMs: 500, lingerMs: 0 })
  broker.faults.failBefore('Produce', 'TOPIC_AUTHORIZATION_FAILED')
  const controller = new AbortController()

  const refused = producer.send({ topic: 't', value: 'refused' })
  await expect(refused).rejects.toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
  broker.faults.swallowAnswer('Produce', { times: 1 })
  const onTheWire = producer.send({ topic: 't', value: 'on the wire' }, { signal: controller.signal })
  await broker.waitForRequest('Produce')
  controller.abort()
  await expect(onTheWire).rejects.toMatchObject({ code: 'ABORTED' })
  const unknown = producer.send({ topic: 'unheard-of', value: 'x' }, { signal: AbortSignal.timeout(1) })
  await expect(unknown).rejects.toMatchObject({ code: 'ABORTED' })
  await producer.close()
  await expect(producer.send({ topic: 't', value: 'late' })).rejects.toMatchObject({ code: 'CLOSED' })

  expect([...lives.values()]).toEqual(Array(4).fill(failed))
  expect([...lives.keys()].map(({ error }) => error?.code)).toEqual([
    'TOPIC_AUTHORIZATION_FAILED',
    'ABORTED',
    'ABORTED',
    'CLOSED',
  ])
})

test('so have those that a close leaves behind, and those of a transaction at the wrong time', async () => {
  const lives = traced<SendMessage>('ottla:send')
  const hold = broker.faults.hold('Produce')
  const producer = open()
  const left = producer.send({ topic: 't', value: 'left behind' }).catch((error: KafkaError) => error.code)
  await broker.waitForRequest('Produce')
  await producer.close({ timeoutMs: 0 })
  hold.release()
  await using transactional = createProducer({ bootstrapServers: broker.bootstrapServers, transactionalId: 'tx' })

  expect(await left).toBe('CLOSED')
  await expect(transactional.send({ topic: 't', value: 'too early' })).rejects.toMatchObject({
    code: 'INVALID_TXN_STATE',
  })

  expect([...lives.values()]).toEqual([failed, failed])
})

test('retries begin nothing anew', async () => {
  const lives = traced<SendMessage>('ottla:send')
  await using producer = open({ retryBackoffMs: 1, retryBackoffMaxMs: 2 })
  broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { times: 3 })

  await producer.send({ topic: 't', value: 'v' })

  expect(producer.metrics()['record-retry-total']).toBe(3)
  expect([...lives.values()]).toEqual([acknowledged])
})

test('records of a batch that is split have one result each', async () => {
  await broker.close()
  broker = await startBroker({ topics: { t: { partitions: 1, config: { 'max.message.bytes': 2000 } } } })
  const lives = traced<SendMessage>('ottla:send')
  await using producer = open({ batchSize: 200_000 })
  await producer.partitionsFor('t')

  await producer.sendAll(Array.from({ length: 30 }, (_, n) => ({ topic: 't', value: `${n} ${'z'.repeat(300)}` })))

  expect(producer.metrics()['batch-split-total']).toBeGreaterThan(0)
  expect([...lives.values()]).toEqual(Array(30).fill(acknowledged))
  expect([...lives.keys()].map(({ metadata }) => metadata?.offset)).toEqual(
    Array.from({ length: 30 }, (_, n) => BigInt(n)),
  )
})

test('order holds while subscribers come and go', async () => {
  await using producer = open()
  await producer.send({ topic: 't', value: '0' })
  for (let n = 1; n < 200; n++) {
    const listening = n % 3 === 0 ? listen('tracing:ottla:send:start', () => {}) : undefined
    producer.send({ topic: 't', value: String(n) })
    listening?.stop()
  }
  await producer.flush()
  expect(broker.records('t').map(({ value }) => Number(value))).toEqual(Array.from({ length: 200 }, (_, n) => n))
})

test('a failure that nobody watches is still undelivered, however many trace it', async () => {
  traced<SendMessage>('ottla:send')
  await using producer = open()
  const undelivered: string[] = []
  producer.on('undelivered', ({ value }) => undelivered.push(String(value)))
  broker.faults.failBefore('Produce', 'TOPIC_AUTHORIZATION_FAILED')
  producer.send({ topic: 't', value: 'lost' })
  await producer.flush()
  await new Promise(setImmediate)
  expect(undelivered).toEqual(['lost'])
})

test('a store bound to start is there for serializers and callbacks; without one the callback has the caller’s', async () => {
  const mine = new AsyncLocalStorage<string>()
  const caller = new AsyncLocalStorage<string>()
  const { start } = tracingChannel<unknown, SendMessage>('ottla:send')
  start.bindStore(mine as never, ((message: SendMessage) => `span of ${message.topic}`) as never)
  try {
    const seen: unknown[] = []
    await using producer = open({
      valueSerializer: (value: unknown) => {
        seen.push(['serializer', mine.getStore()])
        return String(value)
      },
    })
    // Else the socket itself would have been made in the context of the call.
    await producer.send({ topic: 't', value: 'earlier' })
    seen.length = 0
    await caller.run(
      'request 7',
      () =>
        new Promise<void>(resolve => {
          producer.send({ topic: 't', value: 'v' }, () => {
            seen.push(['callback', mine.getStore(), caller.getStore()])
            resolve()
          })
          seen.push(['after', mine.getStore()])
        }),
    )
    expect(seen).toEqual([
      ['serializer', 'span of t'],
      ['after', undefined],
      ['callback', 'span of t', 'request 7'],
    ])
  } finally {
    start.unbindStore(mine as never)
  }
})

test('a subscriber of start may not block the thread, as an interceptor may not', async () => {
  await using producer = open()
  const earlier = producer.send({ topic: 't', value: 'earlier' })
  const codes: unknown[] = []
  listen('tracing:ottla:send:start', () => {
    try {
      earlier.get()
    } catch (error) {
      codes.push((error as KafkaError).code)
    }
  })
  await producer.send({ topic: 't', value: 'v' })
  expect(codes).toEqual(['BLOCKING_REFUSED'])
})

test('a mock producer tells the same', async () => {
  const lives = traced<SendMessage>('ottla:send')
  listen('tracing:ottla:send:start', ({ record }: SendMessage) => void record.headers.push(['trace', 'x']))
  const producer = new MockProducer({ autoComplete: false })
  const first = producer.send({ topic: 't', value: 'a' })
  const second = producer.send({ topic: 't', value: 'b' })
  await expect(producer.send({ topic: 'no topic' })).rejects.toMatchObject({ code: 'INVALID_TOPIC' })
  expect([...lives.values()].map(life => life.length)).toEqual([2, 2, 5])

  producer.completeNext()
  producer.errorNext(new Error('no') as KafkaError)
  await first
  await expect(second).rejects.toThrow()

  expect([...lives.values()]).toEqual([acknowledged, failed, failed])
  expect(producer.records('t')[0]!.headers).toEqual([['trace', Buffer.from('x')]])
  expect([...lives.keys()][0]!.metadata?.offset).toBe(0n)
})
