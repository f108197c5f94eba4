import { expect, test } from 'vitest'
import { createProducer } from '../../src/index.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'

describeOnEachBroker('Sizes', ({ kafka }) => {
  test('a record above maxRequestSize is refused at once, and its neighbours are not', async () => {
    const topic = await kafka.createTopic()
    await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, maxRequestSize: 10_000 })

    const [before, tooLarge, after] = await Promise.allSettled([
      producer.send({ topic, value: 'before' }),
      producer.send({ topic, value: 'x'.repeat(20_000) }),
      producer.send({ topic, value: 'after' }),
    ])

    expect(tooLarge).toMatchObject({ reason: { code: 'RECORD_TOO_LARGE', outcome: 'not-written' } })
    expect([before?.status, after?.status]).toEqual(['fulfilled', 'fulfilled'])
    expect((await kafka.readBack(topic)).map(({ value }) => String(value))).toEqual(['before', 'after'])
  })

  test('a record that only the broker finds too large fails alone', async () => {
    const topic = await kafka.createTopic({ config: { 'max.message.bytes': 5000 } })
    await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers })

    const results = await Promise.allSettled(
      ['a', 'b', 'x'.repeat(8000), 'c', 'd'].map(value => producer.send({ topic, value })),
    )

    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
    expect(results[2]).toMatchObject({ reason: { code: 'RECORD_TOO_LARGE', outcome: 'not-written' } })
    expect((await kafka.readBack(topic)).map(({ value }) => String(value))).toEqual(['a', 'b', 'c', 'd'])
  })

  test.each(['none', 'lz4'] as const)(
    'a batch above max.message.bytes is split, and order and idempotence hold (%s)',
    async compressionType => {
      const topic = await kafka.createTopic({ config: { 'max.message.bytes': 5000 } })
      await using producer = createProducer({
        bootstrapServers: kafka.bootstrapServers,
        compressionType,
        batchSize: 65_536,
      })
      const noise = (i: number) =>
        `${i} ${Array.from({ length: 12 }, (_, j) => Math.imul(i * 13 + j, 0x9e3779b1)).join(' ')}`
      const values = Array.from({ length: 2000 }, (_, i) => noise(i))

      const acknowledged = await Promise.all(values.map(value => producer.send({ topic, value })))

      expect((await kafka.readBack(topic)).map(({ value }) => String(value))).toEqual(values)
      expect(acknowledged.map(({ offset }) => offset)).toEqual(values.map((_, i) => BigInt(i)))
      const batches = await kafka.batches(topic)
      if (!batches) return
      expect(Math.max(...batches.map(({ size }) => size))).toBeLessThanOrEqual(5000)
      expect(batches.flatMap(({ records }) => records.map(({ sequence }) => sequence))).toEqual(values.map((_, i) => i))
    },
  )
})
