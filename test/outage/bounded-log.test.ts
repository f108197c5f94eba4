import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { resolveOptions } from '../../src/client/producer/options.ts'
import { KafkaProducer } from '../../src/client/producer/producer.ts'
import type { LogFields, LogLevel, ProducerOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/index.ts'

/** What docs/logging.md states, for one topic: a broker that is down for 60 s leads to no more lines than these. */
const mostLines = 12
const mostLinesPerFurtherTopic = 6
const topic = 'readings'

let broker: Broker
let clock: ManualClock
let producer: KafkaProducer
let lines: { at: number; level: LogLevel; message: string; fields: LogFields }[]

beforeEach(() => {
  clock = new ManualClock()
  lines = []
})

afterEach(async () => {
  await producer.close({ timeoutMs: 0 })
  await broker.close()
})

function open(options: Partial<ProducerOptions> = {}): void {
  const logger = {
    log: (level: LogLevel, message: string, fields: LogFields) =>
      void lines.push({ at: clock.now(), level, message, fields }),
  }
  const { bootstrapServers } = broker
  producer = new KafkaProducer(resolveOptions({ bootstrapServers, logger, ...options }), { clock })
}

/** Time goes on by so long, with sends all the while; what sockets have to say is read in between. */
async function goOn(forMs: number, stepMs = 100, topics = [topic]): Promise<void> {
  for (let ms = 0; ms < forMs; ms += stepMs) {
    for (const each of topics)
      for (let n = 0; n < 10; n++) producer.send({ topic: each, key: `k${n}`, value: 'x' }).then(undefined, () => {})
    clock.advance(stepMs)
    // Connections are made and refused in real time: a few turns are enough on the loopback.
    for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate)
  }
}

async function warmUp(topics = [topic]): Promise<void> {
  await goOn(1000, 100, topics)
  await producer.flush()
  lines.length = 0
}

/** Each line says what, where and how often. */
function expectEachToSayAll(): void {
  for (const { message, fields } of lines) {
    expect(message).toMatch(/broker|metadata|leads|leader|readings/)
    expect(fields).toMatchObject({ clientId: expect.any(String), event: expect.any(String) })
    const where = fields.brokerId ?? fields.topic ?? fields.event
    expect(where, message).toBeDefined()
    expect(fields.times ?? fields.forMs, message).toEqual(expect.any(Number))
  }
}

test.each<[string, Partial<ProducerOptions>]>([
  ['and the records wait', {}],
  ['and the records fail', { requestTimeoutMs: 1000, deliveryTimeoutMs: 3000 }],
])(
  'a single broker is down for 60 s %s: no more lines than stated, nor in the five minutes after it',
  async (_, options) => {
    broker = await startBroker({ topics: { [topic]: { partitions: 3 } } })
    open(options)
    await warmUp()

    await broker.stop(1)
    await goOn(60_000)
    await broker.start(1)
    await goOn(10_000)
    await producer.flush()
    const during = lines.length
    await goOn(300_000, 1000)

    expectEachToSayAll()
    expect(during).toBeLessThanOrEqual(mostLines)
    expect(lines.length).toBeLessThanOrEqual(mostLines)
    const events = lines.map(({ fields }) => fields.event)
    expect(events.slice(0, during)).toEqual(expect.arrayContaining(['broker-lost', 'broker-back', 'metadata-failed']))
    expect(lines.filter(({ fields }) => fields.event === 'broker-lost').length).toBeGreaterThanOrEqual(2)
  },
)

test('with more topics there are no more lines than stated for each', async () => {
  const topics = [topic, 'orders', 'clicks', 'logins']
  broker = await startBroker({ topics })
  open({ requestTimeoutMs: 1000, deliveryTimeoutMs: 3000 })
  await warmUp(topics)

  for (const each of topics) producer.send({ topic: each, value: 'on the wire' }).then(undefined, () => {})
  await broker.stop(1)
  await goOn(60_000, 100, topics)
  await broker.start(1)
  await goOn(10_000, 100, topics)
  await producer.flush()
  await goOn(300_000, 1000, topics)

  expect(lines.length).toBeLessThanOrEqual(mostLines + 3 * mostLinesPerFurtherTopic)
  for (const each of topics)
    expect(lines.filter(({ fields }) => fields.event === 'failed' && fields.topic === each).length).toBeGreaterThan(1)
})

test('one of three brokers is down for 60 s, and nobody leads instead: no more lines than stated', async () => {
  broker = await startBroker({ brokers: 3, topics: { [topic]: { partitions: 6 } } })
  open()
  await warmUp()

  await broker.stop(2)
  await goOn(60_000)
  await broker.start(2)
  await goOn(10_000)
  await producer.flush()

  expectEachToSayAll()
  expect(lines.length).toBeLessThanOrEqual(mostLines)
  expect(lines.map(({ fields }) => fields.brokerId).filter(id => id !== undefined)).toContain(2)
})

test('a broker hangs for 60 s: no more lines than stated', async () => {
  broker = await startBroker({ topics: { [topic]: { partitions: 3 } } })
  open({ requestTimeoutMs: 2000, socketConnectionSetupTimeoutMs: 2000 })
  await warmUp()

  broker.pause(1)
  await goOn(60_000)
  broker.resume(1)
  await goOn(10_000)
  await producer.flush()

  expectEachToSayAll()
  expect(lines.length).toBeLessThanOrEqual(mostLines)
  expect(lines.some(({ fields }) => fields.code === 'REQUEST_TIMEOUT')).toBe(true)
})
