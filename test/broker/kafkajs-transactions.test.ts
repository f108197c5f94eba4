import { Kafka, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { stateOf } from './transaction-calls.ts'

function clientOf(broker: Broker): Kafka {
  return new Kafka({
    clientId: 'kafkajs',
    brokers: broker.bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 10, retries: 10 },
  })
}

test('kafkajs commits and aborts transactions over several partitions', async () => {
  await using broker = await startBroker({
    brokers: 3,
    topics: { orders: { partitions: 3 } },
    transactionMarkerDelayMs: 30,
  })
  const producer = clientOf(broker).producer({ transactionalId: 'tx', maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  try {
    for (const round of [0, 1, 2, 3]) {
      const transaction = await producer.transaction()
      const messages = [0, 1, 2].map(partition => ({ partition, value: `${round}` }))
      await transaction.send({ topic: 'orders', messages })
      expect(stateOf(broker)).toBe('Ongoing')
      expect(broker.transactions()[0]!.partitions).toHaveLength(3)
      await (round % 2 === 0 ? transaction.commit() : transaction.abort())
    }
    await expect.poll(() => stateOf(broker)).toBe('CompleteAbort')
    for (const partition of [0, 1, 2])
      expect(broker.partition('orders', partition)).toMatchObject({ endOffset: 8n, lastStableOffset: 8n })
    const values = broker.records('orders', 0).map(({ value }) => value?.toString())
    expect(values).toEqual(['0', '1', '2', '3'])
    const markers = broker.batches('orders', 0).filter(({ control }) => control)
    expect(markers).toHaveLength(4)
  } finally {
    await producer.disconnect()
  }
})

test('kafkajs commits offsets of a group with a transaction', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 1 } } })
  const producer = clientOf(broker).producer({ transactionalId: 'tx', maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  try {
    const partitions = [{ partition: 0, offset: '41' }]
    const aborted = await producer.transaction()
    await aborted.sendOffsets({ consumerGroupId: 'readers', topics: [{ topic: 'orders', partitions }] })
    expect(broker.transactions()[0]!.partitions).toMatchObject([{ topic: '__consumer_offsets' }])
    await aborted.abort()
    await expect.poll(() => stateOf(broker)).toBe('CompleteAbort')
    const committed = await producer.transaction()
    await committed.send({ topic: 'orders', messages: [{ value: 'a' }] })
    await committed.sendOffsets({ consumerGroupId: 'readers', topics: [{ topic: 'orders', partitions }] })
    await committed.commit()
    await expect.poll(() => stateOf(broker)).toBe('CompleteCommit')
    expect(broker.transactions()[0]!.partitions).toEqual([])
    // Both were written; which of them counts the marker says.
    const written = broker.records('__consumer_offsets')
    expect(written.map(({ producerId }) => producerId)).toEqual(Array(2).fill(broker.transactions()[0]!.producerId))
    expect(broker.partition('orders', 0)).toMatchObject({ endOffset: 2n, lastStableOffset: 2n })
  } finally {
    await producer.disconnect()
  }
})
