import pino from 'pino'
import { expect, test, vi } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type LogFields, type LogLevel, type Producer, type ProducerOptions } from '../../src/index.ts'
import { startBrokerInThread } from '../../src/testing/index.ts'
import { broken } from './broken.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

interface Line {
  level: LogLevel
  message: string
  fields: LogFields
}

/** A logger that keeps its lines. */
function kept() {
  const lines: Line[] = []
  const log = (level: LogLevel, message: string, fields: LogFields) => void lines.push({ level, message, fields })
  const events = () => lines.map(({ fields }) => fields.event)
  return { log, lines, events, of: (event: string) => lines.filter(({ fields }) => fields.event === event) }
}

const open = (broker: Pick<Broker, 'bootstrapServers'>, options: Partial<ProducerOptions>): Producer =>
  createProducer({ bootstrapServers: broker.bootstrapServers, clientId: 'p', reconnectBackoffMaxMs: 100, ...options })

test('a producer that goes well says two things: connected, and closed with its counts', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 3 } } })
  const logger = kept()
  const producer = open(broker, { logger })

  for (let n = 0; n < 100; n++) await producer.send({ topic: 'orders', key: `k${n}`, value: 'x' })
  await producer.close()

  expect(logger.lines.map(({ level }) => level)).toEqual(['info', 'info'])
  expect(logger.lines[0]).toMatchObject({
    message: `connected to broker 1: ${broker.bootstrapServers}`,
    fields: { clientId: 'p', event: 'connected', brokerId: 1, remote: broker.bootstrapServers },
  })
  expect(logger.lines[1]!.message).toMatch(
    /^closed after \d.* 100 records acknowledged, 0 not written, 0 unknown whether written; 0 sent again$/,
  )
  expect(logger.lines[1]!.fields).toMatchObject({ event: 'closed', acknowledged: 100, notWritten: 0, unknown: 0 })
})

test('without a logger nothing is written anywhere, nor with the level silent', async () => {
  await using broker = await startBroker({ topics: ['orders'] })
  const spies = [
    vi.spyOn(process.stdout, 'write'),
    vi.spyOn(process.stderr, 'write'),
    ...(['debug', 'info', 'log', 'warn', 'error'] as const).map(method => vi.spyOn(console, method)),
  ]
  const silent = kept()
  const producers = [open(broker, short), open(broker, { ...short, logger: silent, logLevel: 'silent' })]

  await Promise.all(producers.map(producer => producer.send({ topic: 'orders', value: 'x' })))
  await broker.stop(1)
  const failures = await Promise.all(producers.map(producer => broken(producer.send({ topic: 'orders', value: 'x' }))))
  await Promise.all(producers.map(producer => producer.close()))
  const calls = spies.map(spy => spy.mock.calls.length)
  for (const spy of spies) spy.mockRestore()

  expect(failures.map(({ code }) => code)).toEqual(['DELIVERY_TIMEOUT', 'DELIVERY_TIMEOUT'])
  expect(calls).toEqual(spies.map(() => 0))
  expect(silent.lines).toEqual([])
})

const short = { requestTimeoutMs: 200, deliveryTimeoutMs: 400, lingerMs: 0 }

test('an outage is told when it begins, with what failed in it, and when it ends', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 3 } } })
  const logger = kept()
  const producer = open(broker, { ...short, logger })
  await producer.send({ topic: 'orders', partition: 0, value: 'x' })
  await broker.stop(1)

  await Promise.all([0, 1, 2].map(partition => broken(producer.send({ topic: 'orders', partition, value: 'x' }))))
  await broker.start(1)
  await vi.waitFor(async () => {
    await producer.send({ topic: 'orders', partition: 0, value: 'x' })
  }, 10_000)
  // It is asked for again when its own pause is over.
  await vi.waitFor(() => expect(logger.of('metadata-back')).toHaveLength(1), 10_000)
  await producer.close()

  expect(logger.of('broker-lost')).toHaveLength(1)
  expect(logger.of('broker-lost')[0]).toMatchObject({ level: 'warn', fields: { brokerId: 1 } })
  expect(logger.of('metadata-failed')[0]?.message).toMatch(
    /^no metadata: no broker can be reached: .*; it is asked for again$/,
  )
  const [failed] = logger.of('failed')
  expect(failed).toMatchObject({
    level: 'error',
    fields: { topic: 'orders', code: 'DELIVERY_TIMEOUT', records: 3, times: 3, partitions: [0, 1, 2] },
  })
  expect(logger.of('broker-back')).toHaveLength(1)
  expect(logger.of('broker-back')[0]!.fields).toMatchObject({ brokerId: 1, times: expect.any(Number) })
  expect(logger.of('metadata-back')).toHaveLength(1)
  const { acknowledged, notWritten, unknown } = logger.of('closed')[0]!.fields
  expect([acknowledged, (notWritten as number) + (unknown as number)]).toEqual([2, 3])
})

test('retries, leaders, throttling, splitting: each is told, and which partitions', async () => {
  await using broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 3 } } })
  const logger = kept()
  const producer = open(broker, { logger, retryBackoffMs: 10 })
  await Promise.all([0, 1, 2].map(partition => producer.send({ topic: 'orders', partition, value: 'x' })))

  broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { times: 1 })
  broker.faults.changeAnswer('Produce', answer => ({ ...(answer as object), throttleTimeMs: 5 }), { times: 1, skip: 1 })
  await producer.send({ topic: 'orders', partition: 0, value: 'x' })
  const { leader } = broker.partition('orders', 1)
  const to = (leader % 3) + 1
  broker.moveLeader('orders', 1, to)
  await producer.send({ topic: 'orders', partition: 1, value: 'x' })
  broker.faults.failBefore('Produce', 'MESSAGE_TOO_LARGE', { times: 1 })
  await producer.sendAll([1, 2, 3].map(() => ({ topic: 'orders', partition: 0, value: 'x' })))
  await producer.close()

  expect(logger.of('sent-again')[0]).toMatchObject({
    level: 'warn',
    fields: { topic: 'orders', code: 'NOT_ENOUGH_REPLICAS', partitions: [0], records: 1, attempts: 1 },
  })
  expect(logger.of('throttled')[0]!.message).toMatch(/^broker \d throttles this producer: a pause of 5 ms$/)
  expect(logger.of('leader-changed')[0]).toMatchObject({
    level: 'info',
    message: `broker ${to} leads orders-1 now, it was broker ${leader}`,
    fields: { topic: 'orders', from: leader, to, partitions: [1] },
  })
  expect(logger.of('split')[0]!.message).toMatch(
    /^a batch of \d+ bytes is too large for the leader of orders-0: it goes in 2 parts$/,
  )
})

test('with debug each request is told, and what the records are numbered under', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 1 } } })
  const logger = kept()
  const producer = open(broker, { logger, logLevel: 'debug' })

  for (let n = 0; n < 3; n++) await producer.send({ topic: 'orders', value: 'x' })
  await producer.close()

  expect(logger.of('request-sent')).toHaveLength(3)
  expect(logger.of('request-answered')).toHaveLength(3)
  expect(logger.of('request-sent')[0]).toMatchObject({
    level: 'debug',
    fields: { brokerId: 1, batches: 1, records: 1 },
  })
  expect(logger.of('identified')).toHaveLength(1)
})

test('transactions: that they are ready, each call with debug, and what failed', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 1 } } })
  const logger = kept()
  const producer = createProducer({
    ...{ bootstrapServers: broker.bootstrapServers, transactionalId: 't', logger, logLevel: 'debug' },
  })
  await producer.initTransactions()
  await producer.transaction(transaction => void transaction.send({ topic: 'orders', value: 'x' }))
  producer.beginTransaction()
  broker.faults.failBefore('Produce', 'INVALID_RECORD', { times: 1 })
  await broken(producer.send({ topic: 'orders', value: 'x' }))
  const refused = await broken(producer.commitTransaction())
  await producer.abortTransaction()
  await producer.close()

  expect(logger.of('transactions-ready')[0]!.level).toBe('info')
  expect(logger.of('transaction').map(({ fields }) => fields.call)).toContain('commitTransaction')
  expect(logger.of('transaction-failed')).toMatchObject([
    { level: 'error', fields: { call: 'commitTransaction', code: refused.code } },
  ])
})

test('no key, value, header or payload given in a wrong place is ever logged', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 1 } } })
  const logger = kept()
  const canary = 'canary-5f21'
  const producer = open(broker, { ...short, logger, logLevel: 'debug', maxRequestSize: 2000 })
  const record = { topic: 'orders', key: canary, value: canary, headers: { [canary]: canary } }
  const wrong: object[] = [
    { ...record, value: canary.repeat(1000) },
    { ...record, topic: `{"card":"${canary}"}` },
    { ...record, partition: canary },
    { ...record, timestamp: canary },
    { ...record, value: { canary } },
    { ...record, headers: { [canary]: 5 } },
    { ...record, headers: canary },
  ]

  await producer.send(record)
  for (const code of ['NOT_LEADER_OR_FOLLOWER', 'INVALID_RECORD'] as const) {
    broker.faults.failBefore('Produce', code, { times: 1 })
    await Promise.allSettled([producer.send(record)])
  }
  const refused = await Promise.all(wrong.map(one => broken(producer.send(one as never))))
  await broker.stop(1)
  await broken(producer.send(record))
  await producer.close()

  expect(refused.filter(error => error instanceof Error)).toHaveLength(wrong.length)
  expect(logger.of('failed').length).toBeGreaterThanOrEqual(6)
  expect(logger.events()).toEqual(expect.arrayContaining(['sent-again', 'request-sent', 'request-answered', 'closed']))
  expect(JSON.stringify(logger.lines)).not.toContain('canary')
})

test('pino as it is: fields and message, at its levels', async () => {
  await using broker = await startBroker({ topics: ['orders'] })
  const lines: Record<string, unknown>[] = []
  const logger = pino({ base: { service: 'shop' } }, { write: text => void lines.push(JSON.parse(text)) })
  const producer = open(broker, { logger })

  await producer.send({ topic: 'orders', value: 'x' })
  await producer.close()

  expect(lines).toMatchObject([
    {
      level: 30,
      service: 'shop',
      clientId: 'p',
      event: 'connected',
      msg: `connected to broker 1: ${broker.bootstrapServers}`,
    },
    { level: 30, service: 'shop', clientId: 'p', event: 'closed', acknowledged: 1 },
  ])
})

test('a logger that throws or rejects harms nothing, and is reported once', async () => {
  await using broker = await startBroker({ topics: ['orders'] })
  const failing = [
    () => {
      throw new Error('disk full')
    },
    () => Promise.reject(new Error('disk full')),
  ]
  for (const log of failing) {
    const producer = open(broker, { logger: { log }, logLevel: 'debug' })
    const reported: { code: string; cause?: unknown }[] = []
    producer.on('error', error => reported.push(error))

    for (let n = 0; n < 20; n++) await producer.send({ topic: 'orders', value: 'x' })
    await producer.close()

    expect(reported).toMatchObject([{ code: 'CALLBACK_FAILED', message: expect.stringContaining('the logger') }])
    expect(reported[0]!.cause).toEqual(new Error('disk full'))
  }
  expect(broker.records('orders')).toHaveLength(40)
})

test('a logger may send, block and close, as any callback may', async () => {
  const broker = await startBrokerInThread({ topics: ['orders', 'logs'] })
  const lines: string[] = []
  const producer = open(broker, {
    logger: {
      log: (_level, message) => {
        lines.push(message)
        if (lines.length === 1) producer.send({ topic: 'logs', value: message }).get()
        if (lines.length === 2) producer.close()
      },
    },
  })
  try {
    await producer.send({ topic: 'orders', value: 'x' })
    await producer.close()

    expect(lines[0]).toMatch(/^connected/)
    expect(lines.at(-1)).toMatch(/^closed after .* 2 records acknowledged/)
    expect((await broker.records('logs')).map(({ value }) => String(value))).toEqual([lines[0]])
  } finally {
    await producer.close()
    await broker.close()
  }
})

test('while the thread is blocked nothing is logged; afterwards all of it is, in order', async () => {
  const broker = await startBrokerInThread({ topics: { orders: { partitions: 1 } } })
  const logger = kept()
  const producer = open(broker, { logger, logLevel: 'debug' })
  try {
    const counts: number[] = []
    for (let n = 0; n < 5; n++) {
      producer.send({ topic: 'orders', value: 'x' }).get()
      counts.push(logger.lines.length)
    }
    expect(counts).toEqual([0, 0, 0, 0, 0])
    await new Promise(setImmediate)

    const requests = logger.events().filter(event => String(event).startsWith('request'))
    expect(requests).toEqual(Array.from({ length: 5 }, () => ['request-sent', 'request-answered']).flat())
  } finally {
    await producer.close()
    await broker.close()
  }
})
