import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTopic } from '../../scripts/kafka/admin.mjs'
import { createProducer } from '../../src/index.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'

describeOnEachBroker('Topics', ({ kafka }) => {
  // a given cluster may create topics that are asked for
  test.skipIf(kafka.kind === 'given')(
    'a topic that does not exist fails its records only, and the producer goes on',
    async () => {
      const topic = await kafka.createTopic()
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, maxBlockMs: 1000 })

      const lost = producer.send({ topic: `never-${randomUUID()}`, value: 'v' })
      const delivered = await producer.send({ topic, value: 'v' })

      await expect(lost).rejects.toMatchObject({ outcome: 'not-written', retriable: true })
      expect(delivered.offset).toBe(0n)
      expect((await producer.send({ topic, value: 'w' })).offset).toBe(1n)
    },
  )

  test('records wait for a topic that is created meanwhile, and keep their order', async () => {
    const topic = `later-${randomUUID()}`
    await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })

    const futures = Array.from({ length: 20 }, (_, i) => producer.send({ topic, value: String(i) }))
    await createTopic(kafka.bootstrapServers, topic)
    await Promise.all(futures)

    expect((await kafka.readBack(topic)).map(({ value }) => Number(value))).toEqual(futures.map((_, i) => i))
  })

  test('a partition that the topic does not have is refused', async () => {
    const topic = await kafka.createTopic({ partitions: 2 })
    await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, maxBlockMs: 1000 })

    await expect(producer.send({ topic, partition: 2, value: 'v' })).rejects.toMatchObject({ outcome: 'not-written' })

    expect((await producer.send({ topic, partition: 1, value: 'v' })).offset).toBe(0n)
  })

  test('partitionsFor tells leaders and replicas', async () => {
    const topic = await kafka.createTopic({ partitions: 3 })
    await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })

    const partitions = await producer.partitionsFor(topic)

    expect(partitions.map(({ partition }) => partition)).toEqual([0, 1, 2])
    for (const { topic: name, leader, replicas, inSyncReplicas } of partitions) {
      expect(name).toBe(topic)
      expect(replicas).toContain(leader)
      expect(inSyncReplicas).toContain(leader)
    }
  })
})
