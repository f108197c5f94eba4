import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type Producer, type ProducerOptions } from '../../src/index.ts'
import { SendLedger } from './send-ledger.ts'

const topic = 'readings'
const deliveryTimeoutMs = 1500
/** Beyond the limit, on a machine that is busy with other things. */
const slackMs = 3000

let broker: Broker
let producer: Producer

const open = (options: Partial<ProducerOptions> = {}) =>
  createProducer({
    bootstrapServers: broker.bootstrapServers,
    deliveryTimeoutMs,
    requestTimeoutMs: 400,
    maxBlockMs: 1000,
    reconnectBackoffMaxMs: 200,
    retryBackoffMaxMs: 200,
    ...options,
  })

const ids = [1, 2, 3]
/** Until the client has read that its connections ended, it may write into them: such a record's outcome would be unknown. */
const stopAll = async () => {
  await Promise.all(ids.map(id => broker.stop(id)))
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
}
const startAll = async () => {
  await Promise.all(ids.map(id => broker.start(id)))
}

beforeEach(async () => {
  broker = await startBroker({ brokers: 3, topics: { [topic]: { partitions: 6 } } })
  producer = open()
})

afterEach(async () => {
  await producer.close({ timeoutMs: 0 })
  await broker.close()
})

test('all brokers down past the delivery time-out: each send settles once, in time and truly, and sending goes on', async () => {
  const ledger = new SendLedger(producer, topic)
  ledger.send(2000)
  await ledger.allSettled()
  const answersLost = broker.faults.loseAnswerAfterAppend('Produce')

  ledger.send(3000)
  await answersLost.done
  await stopAll()
  await ledger.sendOver(deliveryTimeoutMs * 1.5, 15_000)
  await ledger.allSettled()

  const during = ledger.summary
  expect(during.acknowledged).toBeGreaterThanOrEqual(2000)
  expect(during['not-written']).toBeGreaterThan(10_000)
  expect(ledger.codes).toEqual(['DELIVERY_TIMEOUT'])

  await startAll()
  ledger.send(2000)
  await ledger.allSettled()

  expect(ledger.summary.acknowledged - during.acknowledged).toBe(2000)
  expect(ledger.violations(broker.records(topic), deliveryTimeoutMs + slackMs)).toEqual([])
  const metrics = producer.metrics()
  expect(metrics['buffer-available-bytes']).toBe(metrics['buffer-total-bytes'])
})

test('a batch whose answer was lost is unknown, what never left is not written', async () => {
  const ledger = new SendLedger(producer, topic)
  ledger.send(1)
  await ledger.allSettled()
  broker.faults.swallowAnswer('Produce', { times: Number.POSITIVE_INFINITY })

  ledger.send(1)
  await broker.waitForRequest('Produce')
  await stopAll()
  ledger.send(600)
  await ledger.allSettled()

  const [, doubtful, ...others] = ledger.sends
  expect(doubtful?.error).toMatchObject({ code: 'DELIVERY_TIMEOUT', outcome: 'unknown' })
  expect(ledger.summary['not-written']).toBe(others.length)
  await startAll()
  expect(ledger.violations(broker.records(topic), deliveryTimeoutMs + slackMs)).toEqual([])
})

test('a topic that was never known is waited for as long as maxBlockMs', async () => {
  await stopAll()
  const ledger = new SendLedger(producer, topic)

  ledger.send(100)
  await ledger.allSettled()

  expect(ledger.codes).toEqual(['METADATA_TIMEOUT'])
  expect(ledger.summary['not-written']).toBe(100)
  expect(ledger.sends[0]?.error?.message).toMatch(/ECONNREFUSED/)
  await startAll()
  ledger.send(100)
  await ledger.allSettled()
  expect(ledger.violations(broker.records(topic), 1000 + slackMs)).toEqual([])
  expect(ledger.summary.acknowledged).toBe(100)
})

test('flush during the outage ends at its own time-out and fails nothing', async () => {
  const ledger = new SendLedger(producer, topic)
  ledger.send(10)
  await producer.flush()
  await stopAll()
  ledger.send(500)
  const startedAt = performance.now()

  const flushes = await Promise.allSettled([
    producer.flush({ timeoutMs: 100 }),
    producer.flush({ timeoutMs: 100 }),
    producer.flush({ signal: AbortSignal.timeout(100) }),
  ])

  expect(performance.now() - startedAt).toBeLessThan(deliveryTimeoutMs)
  expect(flushes.map(flush => flush.status === 'rejected' && flush.reason.code)).toEqual([
    'TIMEOUT',
    'TIMEOUT',
    'ABORTED',
  ])
  expect(ledger.summary['not-written'] + ledger.summary.unknown).toBe(0)
  await startAll()
  await producer.flush()
  expect(ledger.summary.acknowledged).toBe(510)
  expect(ledger.violations(broker.records(topic), deliveryTimeoutMs + slackMs)).toEqual([])
})

test('flush without a time-out ends when the delivery time-outs are over', async () => {
  const ledger = new SendLedger(producer, topic)
  ledger.send(10)
  await producer.flush()
  await stopAll()
  ledger.send(500)

  await producer.flush()
  await ledger.allSettled()

  expect(ledger.summary['not-written']).toBe(500)
  expect(ledger.violations(broker.records(topic), deliveryTimeoutMs + slackMs)).toEqual([])
})

test.each([0, 200])(
  'close with %i ms during the outage returns in time, and every open record is told',
  async timeoutMs => {
    await producer.close()
    producer = open({ deliveryTimeoutMs: 60_000, maxBlockMs: 60_000 })
    const ledger = new SendLedger(producer, topic)
    ledger.send(10)
    await producer.flush()
    await stopAll()
    ledger.send(500)
    producer.send({ topic: 'not known yet', value: 'x' }, () => {})
    const startedAt = performance.now()

    const closes = [producer.close({ timeoutMs }), producer.close(), producer.close({ timeoutMs: 60_000 })]
    await Promise.all(closes)

    expect(performance.now() - startedAt).toBeLessThan(timeoutMs + slackMs)
    await ledger.allSettled()
    expect(ledger.codes).toEqual(['CLOSED'])
    expect(ledger.summary['not-written']).toBe(500)
    await startAll()
    expect(ledger.violations(broker.records(topic), slackMs)).toEqual([])
  },
)

test('close from a callback that tells of the outage returns as well', async () => {
  const ledger = new SendLedger(producer, topic)
  ledger.send(10)
  await producer.flush()
  await stopAll()

  const closed = new Promise<void>((resolve, reject) => {
    producer.send({ topic, value: '-1' }, () => producer.close({ timeoutMs: 100 }).then(resolve, reject))
  })
  await closed

  expect(producer.state).toBe('closed')
})

test('back-off holds while nobody listens: neither connections nor requests storm', async () => {
  const ledger = new SendLedger(producer, topic)
  ledger.send(10)
  await producer.flush()
  await stopAll()
  ledger.send(1000)
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await ledger.allSettled()
  const { user, system } = process.cpuUsage(cpuBefore)

  const share = (user + system) / 1000 / (performance.now() - startedAt)
  expect(share).toBeLessThan(0.5)
  expect(producer.metrics()['produce-request-total']).toBeLessThan(50)
})
