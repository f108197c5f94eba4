import { expect, test } from 'vitest'
import { endOffsets, until } from '../../scripts/kafka/admin.mjs'
import { createProducer, type ProducerOptions } from '../../src/index.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'
import crc32 from '../kafka/crc32-vectors.json' with { type: 'json' }
import murmur2 from '../kafka/murmur2-vectors.json' with { type: 'json' }

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => `record ${i}: some text that compresses well`)

async function valuesOf(kafka: BrokerUnderTest, topic: string): Promise<string[]> {
  return (await kafka.readBack(topic)).map(({ value }) => String(value))
}

/** Resolves when readers can see so many records in partition 0. */
async function arrived(kafka: BrokerUnderTest, topic: string, count: number): Promise<void> {
  await until(`${count} records arrived`, async () => (await endOffsets(kafka.bootstrapServers, topic))[0] === count)
}

describeOnEachBroker(
  'Delivery',
  ({ kafka }) => {
    test.each<NonNullable<ProducerOptions['acks']>>(['all', 1])(
      'acks=%s: every record is acknowledged with its offset, in the order of the sends',
      async acks => {
        const topic = await kafka.createTopic()
        await using producer = createProducer({
          bootstrapServers: kafka.bootstrapServers,
          acks,
          enableIdempotence: acks === 'all',
        })
        const values = numbered(500)

        const acknowledged = await Promise.all(values.map(value => producer.send({ topic, value })))

        expect(acknowledged.map(({ offset }) => offset)).toEqual(values.map((_, i) => BigInt(i)))
        await arrived(kafka, topic, values.length) // with acks=1 the followers, and so readers, come later
        expect(await valuesOf(kafka, topic)).toEqual(values)
      },
    )

    test('acks=0: nothing is acknowledged, no offset is claimed, and the records are there', async () => {
      const topic = await kafka.createTopic()
      await using producer = createProducer({
        bootstrapServers: kafka.bootstrapServers,
        acks: 0,
        enableIdempotence: false,
      })
      const values = numbered(500)

      const results = await Promise.all(values.map(value => producer.send({ topic, value })))

      expect(new Set(results.map(({ offset }) => offset))).toEqual(new Set([-1n]))
      expect(results.some(({ hasOffset }) => hasOffset)).toBe(false)
      await arrived(kafka, topic, values.length)
      expect(await valuesOf(kafka, topic)).toEqual(values)
    })

    test('what is written with each codec others read, and the log names the codec', async () => {
      const values = numbered(2000)
      const topics: string[] = []
      for (const compressionType of codecs) {
        const topic = await kafka.createTopic()
        await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, compressionType })
        for (const value of values) producer.send({ topic, key: 'k', value, headers: { h: 'x' } })
        await producer.flush()
        topics.push(topic)
      }

      for (const [i, topic] of topics.entries()) expect(await valuesOf(kafka, topic), codecs[i]).toEqual(values)
      const logs = (await kafka.batchesOfEach(topics)) ?? []
      for (const [i, batches] of logs.entries()) {
        expect(new Set(batches.map(({ codec }) => codec))).toEqual(new Set([codecs[i]]))
        expect(batches.every(({ isValid }) => isValid)).toBe(true)
        expect(batches.flatMap(({ records }) => records.map(({ value }) => value))).toEqual(values)
      }
    })

    test('idempotence: one producer id, and sequences without a gap over many batches', async () => {
      const topic = await kafka.createTopic()
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, batchSize: 1000, lingerMs: 0 })
      const values = numbered(2000)

      for (const value of values) {
        producer.send({ topic, value })
        if (!producer.hasRoom) await producer.room()
      }
      await producer.flush()

      expect(await valuesOf(kafka, topic)).toEqual(values)
      const batches = await kafka.batches(topic)
      if (!batches) return
      expect(batches.length).toBeGreaterThan(50)
      expect(new Set(batches.map(({ producerId }) => producerId)).size).toBe(1)
      expect(batches[0]?.producerId).toBeGreaterThanOrEqual(0n)
      expect(batches.map(({ baseSequence }) => baseSequence)).toEqual(batches.map(({ baseOffset }) => baseOffset))
      expect(batches.flatMap(({ records }) => records.map(({ sequence }) => sequence))).toEqual(values.map((_, i) => i))
    })

    test('without idempotence the log names no producer', async () => {
      const topic = await kafka.createTopic()
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, enableIdempotence: false })

      await producer.send({ topic, value: 'v' })

      const batches = await kafka.batches(topic)
      if (batches) expect(batches[0]).toMatchObject({ producerId: -1n, producerEpoch: -1, baseSequence: -1 })
      expect(await valuesOf(kafka, topic)).toEqual(['v'])
    })

    test("a key lands in the partition that Java's producer chooses", async () => {
      const partitionCount = 7
      const topic = await kafka.createTopic({ partitions: partitionCount })
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })
      const column = murmur2.partitionCounts.indexOf(partitionCount)
      const keys = murmur2.vectors.map(({ key }) => Buffer.from(key, 'hex'))

      const acknowledged = await producer.sendAll(keys.map((key, i) => ({ topic, key, value: String(i) })))

      const expected = murmur2.vectors.map(({ partitions }) => partitions[column])
      expect(acknowledged.map(({ partition }) => partition)).toEqual(expected)
      for (const { partition, value } of await kafka.readBack(topic)) expect(partition).toBe(expected[Number(value)])
    })

    test("with partitioner: 'crc32' a key lands where librdkafka puts it", async () => {
      const topic = await kafka.createTopic({ partitions: crc32.partitionCount })
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, partitioner: 'crc32' })
      const vectors = crc32.vectors.filter(({ key }) => key !== '') // an empty key counts as none in librdkafka's default

      const acknowledged = await producer.sendAll(
        vectors.map(({ key }) => ({ topic, key: Buffer.from(key, 'hex'), value: null })),
      )

      expect(acknowledged.map(({ partition }) => partition)).toEqual(vectors.map(({ partition }) => partition))
    })

    test('an explicit partition wins over the key', async () => {
      const topic = await kafka.createTopic({ partitions: 3 })
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })

      const acknowledged = await producer.sendAll(
        [2, 0, 1, 2].map(partition => ({ topic, key: 'same', value: String(partition), partition })),
      )

      expect(acknowledged.map(({ partition }) => partition)).toEqual([2, 0, 1, 2])
      const found = await kafka.readBack(topic)
      expect(found.map(({ partition, value }) => [partition, String(value)])).toEqual([
        [0, '0'],
        [1, '1'],
        [2, '2'],
        [2, '2'],
      ])
    })
  },
  { oldestToo: true },
)
