import { describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer } from '../../src/index.ts'
import { expectedByPartition, mixedRecords, sendBothWays } from './mixed-records.ts'

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const records = mixedRecords(1_000)

/** The versions in which an API was called. */
const versionsOf = (broker: Broker, api: 'ApiVersions' | 'Metadata' | 'Produce' | 'InitProducerId') => [
  ...new Set(broker.requests(api).map(({ version }) => version)),
]

function found(broker: Broker, topic: string) {
  return broker.records(topic).map(({ partition, offset, key, value, headers }) => ({
    ...{ partition, offset: Number(offset), key: key?.toString(), value: value?.toString() ?? null },
    headers: headers.map(([name, header]) => [name, header?.toString() ?? null]),
  }))
}

describe('a broker that looks like Kafka 2.1', () => {
  test.each(codecs)('takes records with idempotence and %s, in the versions that it has', async codec => {
    await using broker = await startBroker({ asVersion: '2.1', brokers: 3, topics: { orders: { partitions: 4 } } })
    await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, compressionType: codec })

    const acknowledged = await sendBothWays(producer, 'orders', records)

    expect(found(broker, 'orders')).toEqual(expectedByPartition(records, acknowledged))
    const { partition } = acknowledged[0]!
    expect(broker.batches('orders', partition)[0]).toMatchObject({ codec: codecs.indexOf(codec), baseSequence: 0 })
    expect(versionsOf(broker, 'Produce')).toEqual([7])
    expect(versionsOf(broker, 'Metadata')).toEqual([7])
    expect(versionsOf(broker, 'InitProducerId')).toEqual([1])
    // Asked in the newest version first, which the broker refuses, naming its own.
    expect(versionsOf(broker, 'ApiVersions')).toEqual([2])
  })

  test('may lose the answer to a batch, which is then there once', async () => {
    await using broker = await startBroker({ asVersion: '2.1', topics: { orders: { partitions: 1 } } })
    await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, retryBackoffMs: 1 })
    broker.faults.loseAnswerAfterAppend('Produce')

    const acknowledged = await sendBothWays(producer, 'orders', records)

    expect(found(broker, 'orders')).toEqual(expectedByPartition(records, acknowledged))
  })

  test('may have its topic made anew while it is written to', async () => {
    await using broker = await startBroker({ asVersion: '2.1', topics: { orders: { partitions: 1 } } })
    await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, retryBackoffMs: 1 })
    await producer.send({ topic: 'orders', value: 'before' })

    broker.recreateTopic('orders')
    const { offset } = await producer.send({ topic: 'orders', value: 'after' })

    expect(offset).toBe(0n)
    expect(broker.records('orders').map(({ value }) => String(value))).toEqual(['after'])
  })
})

describe('a broker whose Produce stops at v6', () => {
  const startOld = () => startBroker({ asVersion: '2.1', maxVersions: { Produce: 6 }, topics: ['orders'] })

  test('is not sent zstd, and the error says why', async () => {
    await using broker = await startOld()
    await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, compressionType: 'zstd' })

    const sent = producer.send({ topic: 'orders', partition: 0, value: 'v' })

    await expect(sent).rejects.toMatchObject({
      code: 'UNSUPPORTED_COMPRESSION_TYPE',
      outcome: 'not-written',
      retriable: false,
      fatal: false,
      message: expect.stringMatching(/zstd needs Kafka 2\.1 with Produce v7, this broker has v6/),
    })
    expect(broker.requestCount('Produce')).toBe(0)
  })

  test('is sent every other codec', async () => {
    await using broker = await startOld()
    for (const compressionType of codecs.filter(codec => codec !== 'zstd')) {
      await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, compressionType })
      await producer.send({ topic: 'orders', partition: 0, value: compressionType })
    }

    expect(broker.records('orders', 0).map(({ value }) => String(value))).toEqual(['none', 'gzip', 'snappy', 'lz4'])
    expect(versionsOf(broker, 'Produce')).toEqual([6])
  })
})
