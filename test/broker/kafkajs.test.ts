import { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'

function clientOf(broker: Broker): Kafka {
  return new Kafka({
    clientId: 'kafkajs',
    brokers: broker.bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 10, retries: 5 },
  })
}

const messages = Array.from({ length: 100 }, (_, index) => ({
  key: `k${index % 5}`,
  value: index % 10 === 0 ? null : `v${index}`,
  headers: { h: `${index}` },
}))

test('kafkajs creates topics, describes and deletes them', async () => {
  await using broker = await startBroker({ brokers: 3 })
  const admin = clientOf(broker).admin()
  await admin.connect()
  try {
    const configEntries = [{ name: 'max.message.bytes', value: '5000' }]
    await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 4, replicationFactor: 3, configEntries }] })
    expect(await admin.listTopics()).toEqual(['orders'])
    const { topics } = await admin.fetchTopicMetadata({ topics: ['orders'] })
    expect(topics[0]!.partitions.map(({ partitionId, leader }) => [partitionId, leader])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 1],
    ])
    const cluster = await admin.describeCluster()
    expect(cluster).toMatchObject({ clusterId: broker.clusterId, controller: 1 })
    expect(cluster.brokers).toHaveLength(3)
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: 'orders', configNames: ['max.message.bytes'] }]
    const configs = await admin.describeConfigs({ includeSynonyms: false, resources })
    expect(configs.resources[0]!.configEntries[0]).toMatchObject({
      configName: 'max.message.bytes',
      configValue: '5000',
    })
    expect(await admin.fetchTopicOffsets('orders')).toHaveLength(4)
    await admin.deleteTopics({ topics: ['orders'] })
    expect(broker.topics).toEqual([])
  } finally {
    await admin.disconnect()
  }
})

for (const idempotent of [false, true])
  test(`kafkajs produces ${idempotent ? 'idempotently' : 'and compresses with gzip'}`, async () => {
    await using broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 3 } } })
    const producer = clientOf(broker).producer({ idempotent, allowAutoTopicCreation: false })
    await producer.connect()
    try {
      if (idempotent) broker.faults.loseAnswerAfterAppend('Produce')
      const compression = idempotent ? CompressionTypes.None : CompressionTypes.GZIP
      await producer.send({ topic: 'orders', acks: -1, compression, messages })
      const stored = broker.records('orders').map(({ key, value, headers }) => ({
        key: key?.toString(),
        value: value?.toString() ?? null,
        headers: Object.fromEntries(headers.map(([name, header]) => [name, header?.toString()])),
      }))
      for (const key of new Set(messages.map(message => message.key)))
        expect(stored.filter(record => record.key === key)).toEqual(messages.filter(message => message.key === key))
      expect(stored).toHaveLength(messages.length)
      const { codec } = broker.batches('orders', broker.records('orders')[0]!.partition)[0]!
      expect(codec).toBe(idempotent ? 0 : 1)
    } finally {
      await producer.disconnect()
    }
  })
