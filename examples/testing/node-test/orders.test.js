import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { BrokerError, createProducer } from 'ottla'
import { startBroker } from 'ottla/broker'
import { MockProducer } from 'ottla/testing'
import { placeOrder } from '../orders.js'

const order = { id: 'o-1', customer: 'user-42', cents: 995 }

test('an order is written with its customer as the key', async () => {
  const producer = new MockProducer()

  assert.equal(await placeOrder(producer, order), 'accepted')

  assert.deepEqual(producer.history(), [
    { topic: 'orders', key: 'user-42', value: JSON.stringify(order), headers: { 'order-id': 'o-1' } },
  ])
})

test('an order of which nobody knows whether it was written is unclear', async () => {
  const producer = new MockProducer({ autoComplete: false })

  const answered = placeOrder(producer, order)
  producer.errorNext(new BrokerError('REQUEST_TIMED_OUT', 7, 'no answer', { retriable: true, outcome: 'unknown' }))

  assert.equal(await answered, 'unclear')
})

test('against the embedded broker', async t => {
  /** @type {import('ottla/broker').Broker} */
  let broker
  /** @type {import('ottla').Producer} */
  let producer

  before(async () => {
    broker = await startBroker({ topics: { orders: { partitions: 1 } } })
    producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  })
  after(async () => {
    await producer.close()
    await broker.close()
  })

  await t.test('an order is in the log, once, though the answer was lost', async () => {
    const lost = broker.faults.loseAnswerAfterAppend('Produce')

    assert.equal(await placeOrder(producer, order), 'accepted')

    assert.equal(lost.fired, 1)
    assert.deepEqual(
      broker.records('orders').map(({ key }) => String(key)),
      ['user-42'],
    )
  })
})
