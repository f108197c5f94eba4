import { expect, test } from 'vitest'
import { createProducer, type KafkaError, type RecordMetadata } from '../../src/index.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'

describeOnEachBroker('Flush and close', ({ kafka }) => {
  test('flush settles everything that was sent before it', async () => {
    const topic = await kafka.createTopic({ partitions: 3 })
    await using producer = createProducer({
      bootstrapServers: kafka.bootstrapServers,
      lingerMs: 60_000,
      lingerWhenIdle: true,
      deliveryTimeoutMs: 120_000,
    })
    const futures = Array.from({ length: 300 }, (_, i) => producer.send({ topic, key: `k${i}`, value: `v${i}` }))

    await producer.flush()

    expect(futures.every(({ settled }) => settled)).toBe(true)
    expect(await kafka.readBack(topic)).toHaveLength(300)
    expect(producer.state).toBe('open')
  })

  test('callbacks are called once each, in the order of the sends of a partition', async () => {
    const topic = await kafka.createTopic()
    await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, batchSize: 500 })
    const calls: [number, KafkaError | null, RecordMetadata | undefined][] = []

    for (let i = 0; i < 300; i++)
      producer.send({ topic, value: `v${i}` }, (error, metadata) => calls.push([i, error, metadata]))
    await producer.flush()

    expect(calls.map(([i]) => i)).toEqual(Array.from({ length: 300 }, (_, i) => i))
    expect(calls.every(([i, error, metadata]) => error === null && metadata?.offset === BigInt(i))).toBe(true)
  })

  test('close delivers what is open, then refuses', async () => {
    const topic = await kafka.createTopic()
    const producer = createProducer({ bootstrapServers: kafka.bootstrapServers })
    const futures = Array.from({ length: 100 }, (_, i) => producer.send({ topic, value: `v${i}` }))

    await producer.close()

    expect(producer.state).toBe('closed')
    expect(futures.every(({ settled }) => settled)).toBe(true)
    expect((await Promise.all(futures)).map(({ offset }) => offset)).toEqual(futures.map((_, i) => BigInt(i)))
    await expect(producer.send({ topic, value: 'late' })).rejects.toMatchObject({ outcome: 'not-written' })
    expect(await kafka.readBack(topic)).toHaveLength(100)
  })

  test('closing twice, and closing one that was never used, is no mistake', async () => {
    const producer = createProducer({ bootstrapServers: kafka.bootstrapServers })

    await Promise.all([producer.close(), producer.close()])
    await producer.close()

    expect(producer.state).toBe('closed')
  })
})
