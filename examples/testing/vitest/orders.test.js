import { BrokerError, createProducer } from 'ottla'
import { startBroker } from 'ottla/broker'
import { MockProducer, startBrokerInThread } from 'ottla/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { forwardOrders, importOrders, placeOrder } from '../orders.js'

const order = { id: 'o-1', customer: 'user-42', cents: 995 }

describe('with a mock producer', () => {
  test('an order is written with its customer as the key', async () => {
    const producer = new MockProducer()

    expect(await placeOrder(producer, order)).toBe('accepted')

    expect(producer.history()).toEqual([
      { topic: 'orders', key: 'user-42', value: JSON.stringify(order), headers: { 'order-id': 'o-1' } },
    ])
  })

  test.each(
    /** @type {const} */ ([
      ['not-written', 'rejected'],
      ['unknown', 'unclear'],
    ]),
  )('an order that failed, %s, is %s', async (outcome, answer) => {
    const producer = new MockProducer({ autoComplete: false })

    const answered = placeOrder(producer, order)
    producer.errorNext(new BrokerError('NOT_ENOUGH_REPLICAS', 19, 'too few replicas', { retriable: true, outcome }))

    expect(await answered).toBe(answer)
  })

  test('what is forwarded is committed together with the offsets, or not at all', async () => {
    const producer = new MockProducer({ transactionalId: 'invoicing-1' })

    await forwardOrders(producer, [{ partition: 0, offset: 41n, value: 'o-1' }])

    expect(producer.history()).toEqual([{ topic: 'invoices', value: 'o-1' }])
    expect(producer.consumerGroupOffsetsHistory()).toMatchObject([{ invoicing: [{ partition: 0, offset: 42n }] }])
  })
})

describe('against the embedded broker', () => {
  /** @type {import('ottla/broker').Broker} */
  let broker
  /** @type {import('ottla').Producer} */
  let producer

  beforeEach(async () => {
    broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 1 } } })
    producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  })
  afterEach(async () => {
    await producer.close({ timeoutMs: 1_000 })
    await broker.close()
  })

  test('an order is in the log', async () => {
    expect(await placeOrder(producer, order)).toBe('accepted')

    const [stored] = broker.records('orders')
    expect(JSON.parse(String(stored?.value))).toEqual(order)
  })

  test('an answer that is lost, and a leader that moves, cost nothing: the order is written once', async () => {
    const lost = broker.faults.loseAnswerAfterAppend('Produce', { topic: 'orders' })
    expect(await placeOrder(producer, order)).toBe('accepted')
    expect(lost.fired).toBe(1)

    const { leader } = broker.partition('orders', 0)
    broker.moveLeader('orders', 0, (leader % 3) + 1)
    expect(await placeOrder(producer, { ...order, id: 'o-2' })).toBe('accepted')

    expect(broker.records('orders')).toHaveLength(2)
  })

  test('an order that the broker refuses is rejected', async () => {
    broker.faults.failBefore('Produce', 'INVALID_RECORD', { topic: 'orders' })

    expect(await placeOrder(producer, order)).toBe('rejected')

    expect(broker.records('orders')).toHaveLength(0)
  })
})

test('a script that blocks needs a broker in another thread', async () => {
  const broker = await startBrokerInThread({ topics: { orders: { partitions: 1 } } })
  const producer = createProducer({ bootstrapServers: broker.bootstrapServers })

  expect(importOrders(producer, [order, { ...order, id: 'o-2' }])).toBe(2)

  expect(await broker.records('orders')).toHaveLength(2)
  producer.close().get()
  await broker.close()
})
