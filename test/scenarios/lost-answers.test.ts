import { expect, test } from 'vitest'
import { createProducer } from '../../src/index.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'

const values = Array.from({ length: 400 }, (_, i) => `v${i}`)

describeOnEachBroker('Lost answers', ({ kafka }) => {
  // Real brokers lose no answer on demand; what they lose when they die is in failover.test.ts.
  const onEmbedded = test.skipIf(kafka.kind !== 'embedded')

  onEmbedded('a batch whose answer was lost is sent again, and the log keeps it once', async () => {
    const topic = await kafka.createTopic()
    await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, retryBackoffMs: 10 })
    kafka.embedded?.faults.loseAnswerAfterAppend('Produce', { times: 1 })

    const { offset } = await producer.send({ topic, value: 'once' })

    expect(offset).toBe(0n)
    expect((await kafka.readBack(topic)).map(({ value }) => String(value))).toEqual(['once'])
    expect(kafka.embedded?.requests('Produce').filter(({ targets }) => targets[0]?.topic === topic)).toHaveLength(2)
  })

  onEmbedded('with five requests in flight nothing is doubled, lost or reordered', async () => {
    const topic = await kafka.createTopic()
    await using producer = createProducer({
      bootstrapServers: kafka.bootstrapServers,
      batchSize: 200,
      lingerMs: 0,
      retryBackoffMs: 5,
    })
    for (const skip of [0, 3, 7, 20]) kafka.embedded?.faults.loseAnswerAfterAppend('Produce', { times: 2, skip })

    const acknowledged = await Promise.all(values.map(value => producer.send({ topic, value })))

    expect((await kafka.readBack(topic)).map(({ value }) => String(value))).toEqual(values)
    expect(acknowledged.map(({ offset }) => offset)).toEqual(values.map((_, i) => BigInt(i)))
  })

  onEmbedded('without idempotence and retries the error says that the record may be there', async () => {
    const topic = await kafka.createTopic()
    await using producer = createProducer({
      bootstrapServers: kafka.bootstrapServers,
      enableIdempotence: false,
      retries: 0,
    })
    await producer.send({ topic, value: 'first' })
    kafka.embedded?.faults.loseAnswerAfterAppend('Produce', { times: 1 })

    await expect(producer.send({ topic, value: 'second' })).rejects.toMatchObject({ outcome: 'unknown' })

    expect((await kafka.readBack(topic)).map(({ value }) => String(value))).toEqual(['first', 'second'])
  })
})
