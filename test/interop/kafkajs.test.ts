import { type Consumer, type IHeaders, Kafka, type KafkaMessage, logLevel, Partitioners } from 'kafkajs'
import { expect, test } from 'vitest'
import { createProducer } from '../../src/index.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import { expectedByPartition, type FoundMixedRecord, mixedRecords, sendBothWays } from './mixed-records.ts'

// kafkajs reads these by itself; for the others it takes codecs that its user brings. Those are read by kcat and by Kafka's
// console consumer (test/scenarios, librdkafka-mock.test.ts).
const codecs = ['none', 'gzip'] as const
const records = mixedRecords(2_000)
const partitions = 4

const clientOf = (kafka: BrokerUnderTest) =>
  new Kafka({ clientId: 'kafkajs', brokers: kafka.bootstrapServers.split(','), logLevel: logLevel.NOTHING })

/** kafkajs gives headers by name: the values of one name as a list, where there are several. */
function headersByName({ headers }: Pick<FoundMixedRecord, 'headers'>): Record<string, (string | null)[]> {
  const byName: Record<string, (string | null)[]> = {}
  for (const [name, value] of headers) byName[name] = [...(byName[name] ?? []), value]
  return byName
}

function asText(headers: IHeaders = {}): Record<string, (string | null)[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      (Array.isArray(value) ? value : [value]).map(one => one?.toString() ?? null),
    ]),
  )
}

interface Received {
  readonly partition: number
  readonly message: KafkaMessage
}

/** The first so many records of each topic, in the order in which they came. */
async function readAll(consumer: Consumer, topics: readonly string[], count: number): Promise<Map<string, Received[]>> {
  const received = new Map(topics.map(topic => [topic, [] as Received[]]))
  let missing = count * topics.length
  await consumer.connect()
  await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    // It starts again by itself where a coordinator is only just being made, as on a new cluster.
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) reject(payload.error)
    })
    const eachMessage = async ({ topic, partition, message }: { topic: string } & Received) => {
      received.get(topic)?.push({ partition, message })
      if (--missing === 0) resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  return received
}

describeOnEachBroker(
  'kafkajs, and what ottla wrote',
  ({ kafka }) => {
    test('chooses the same partition for each key', async () => {
      const topic = await kafka.createTopic({ partitions })
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })
      const keys = Array.from({ length: 200 }, (_, i) => 'kéy'.repeat(i % 5) + i)

      const acknowledged = await producer.sendAll(keys.map(key => ({ topic, key, value: 'v' })))

      const choose = Partitioners.DefaultPartitioner()
      const partitionMetadata = (await producer.partitionsFor(topic)).map(({ partition, leader, ...nodes }) => {
        const { replicas, inSyncReplicas: isr } = nodes
        return { partitionId: partition, leader, replicas: [...replicas], isr: [...isr], partitionErrorCode: 0 }
      })
      const chosen = keys.map(key => choose({ topic, partitionMetadata, message: { key, value: 'v' } }))
      expect(acknowledged.map(({ partition }) => partition)).toEqual(chosen)
    })

    test.each(codecs)('finds as many records as were acknowledged, compressed with %s', async compressionType => {
      const topic = await kafka.createTopic({ partitions })
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, compressionType })

      const acknowledged = await sendBothWays(producer, topic, records)

      const admin = clientOf(kafka).admin()
      await admin.connect()
      try {
        const offsets = (await admin.fetchTopicOffsets(topic)).toSorted((a, b) => a.partition - b.partition)
        const counts = Array.from({ length: partitions }, () => 0)
        for (const { partition } of acknowledged) counts[partition]!++
        expect(offsets.map(({ low, high }) => [low, high])).toEqual(counts.map(count => ['0', `${count}`]))
      } finally {
        await admin.disconnect()
      }
    })

    // The embedded broker has no consumer groups, and kafkajs reads in no other way.
    if (kafka.kind === 'embedded') return

    test('reads it all: keys, values, tombstones, headers, order', async () => {
      const topics = new Map<(typeof codecs)[number], string>()
      const expected = new Map<string, FoundMixedRecord[]>()
      for (const compressionType of codecs) {
        const topic = await kafka.createTopic({ partitions })
        topics.set(compressionType, topic)
        await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, compressionType })
        expected.set(topic, expectedByPartition(records, await sendBothWays(producer, topic, records)))
      }

      const consumer = clientOf(kafka).consumer({ groupId: `readers-of-${topics.get('none')}` })
      const received = await readAll(consumer, [...topics.values()], records.length).finally(() =>
        consumer.disconnect(),
      )

      for (const topic of topics.values()) {
        // Sorting is stable: within a partition the order is that in which the records came.
        const found = received.get(topic)!.toSorted((a, b) => a.partition - b.partition)
        expect(
          found.map(({ partition, message: { offset, key, value, headers } }) => {
            const text = [key?.toString(), value?.toString() ?? null]
            return [partition, Number(offset), ...text, asText(headers)]
          }),
        ).toEqual(
          expected.get(topic)!.map(record => {
            const { partition, offset, key, value } = record
            return [partition, offset, key, value, headersByName(record)]
          }),
        )
      }
    })
  },
  { oldestToo: true },
)
