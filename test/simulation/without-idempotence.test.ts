import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer } from '../../src/index.ts'

test.each([0, 1, -1] as const)(
  'without idempotence and acks=%s, every record arrives, with headers and through a split',
  async acks => {
    await using broker = await startBroker({ port: 0 })
    broker.createTopic('plain', { partitions: 1, config: { 'max.message.bytes': '2000' } })
    await using producer = createProducer({
      bootstrapServers: broker.bootstrapServers,
      enableIdempotence: false,
      acks,
      maxInFlightRequestsPerConnection: 1, // with more, parts of a split batch may be overtaken
      batchSize: acks === 0 ? 1_500 : 16_384, // nobody answers with acks=0, so nobody can ask for a split
    })
    await producer.partitionsFor('plain')

    const metadata = await producer.sendAll(
      Array.from({ length: 200 }, (_, id) => ({ topic: 'plain', value: `record ${id}`, headers: { id: String(id) } })),
    )
    await expect.poll(() => broker.records('plain').length).toBe(200)

    const log = broker.records('plain')
    expect(log.map(record => record.value?.toString())).toEqual(Array.from({ length: 200 }, (_, id) => `record ${id}`))
    expect(log.map(record => record.headers[0]?.[1]?.toString())).toEqual(
      Array.from({ length: 200 }, (_, id) => String(id)),
    )
    expect(log.every(record => record.producerId === -1n)).toBe(true)
    expect(metadata.map(own => own.hasOffset)).toEqual(Array(200).fill(acks !== 0))
  },
)
