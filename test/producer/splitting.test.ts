import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer, RecordTooLargeError } from '../../src/index.ts'
import { expectNothingUnhandled } from './unhandled.ts'

expectNothingUnhandled()

const text = (n: number) => `${n} ${'z'.repeat(300)}`

test.each(['none', 'gzip', 'lz4'] as const)(
  '%s: a batch that the broker finds too large is sent in parts; order, offsets, callbacks and flush hold',
  async compressionType => {
    await using broker = await startBroker({ topics: { t: { partitions: 1, config: { 'max.message.bytes': 2000 } } } })
    await using producer = createProducer({
      bootstrapServers: broker.bootstrapServers,
      compressionType,
      batchSize: 200_000,
    })
    await producer.partitionsFor('t')
    // Not to be made small by any codec.
    const noise = (n: number) =>
      `${text(n)} ${Array.from({ length: 40 }, (_, i) => Math.imul(n * 40 + i + 1, 2654435761).toString(36)).join('')}`
    const told: number[] = []
    const futures = []
    for (let n = 0; n < 100; n++) {
      if (n % 2 === 0) futures.push(producer.send({ topic: 't', value: noise(n) }))
      else
        producer.send({ topic: 't', value: noise(n) }, (error, metadata) => {
          told.push(error === null ? Number(metadata?.offset) : -1)
        })
    }
    const nextBatch = producer.send({ topic: 't', value: 'next' })

    await producer.flush()

    expect(told).toEqual(Array.from({ length: 50 }, (_, n) => 2 * n + 1))
    expect(futures.every(({ settled }) => settled)).toBe(true)
    expect((await Promise.all(futures)).map(({ offset }) => Number(offset))).toEqual(
      Array.from({ length: 50 }, (_, n) => 2 * n),
    )
    expect((await nextBatch).offset).toBe(100n)
    const records = broker.records('t')
    expect(records.slice(0, 100).map(({ value }) => String(value))).toEqual(
      Array.from({ length: 100 }, (_, n) => noise(n)),
    )
    // One run of sequence numbers, in order: nothing was numbered anew.
    expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, n) => n))
    expect(new Set(records.map(({ producerEpoch }) => producerEpoch)).size).toBe(1)
    expect(producer.metrics()['batch-split-total']).toBeGreaterThan(0)
    expect(producer.metrics()['buffer-available-bytes']).toBe(producer.metrics()['buffer-total-bytes'])
  },
)

test('the one record that is too large fails, not-written; its neighbours are written in order', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1, config: { 'max.message.bytes': 2000 } } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, batchSize: 200_000 })
  await producer.partitionsFor('t')
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) =>
      producer.send({ topic: 't', value: n === 13 ? 'w'.repeat(3000) : text(n), timestamp: 1_700_000_000_000 + n }),
    ),
  )
  const failed = results.flatMap((result, n) => (result.status === 'rejected' ? [[n, result.reason]] : []))
  expect(failed).toEqual([[13, expect.any(RecordTooLargeError)]])
  expect(failed[0]![1]).toMatchObject({ code: 'RECORD_TOO_LARGE', outcome: 'not-written' })
  const kept = Array.from({ length: 20 }, (_, n) => n).filter(n => n !== 13)
  const records = broker.records('t')
  expect(records.map(({ value }) => String(value))).toEqual(kept.map(text))
  expect(records.map(({ timestamp }) => timestamp)).toEqual(kept.map(n => 1_700_000_000_000 + n))
  expect((await producer.send({ topic: 't', value: 'after' })).offset).toBe(19n)
})

test('without idempotence as well, where one request at a time keeps the order', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1, config: { 'max.message.bytes': 2000 } } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    batchSize: 200_000,
    enableIdempotence: false,
    maxInFlightRequestsPerConnection: 1,
  })
  await producer.partitionsFor('t')
  const metas = await Promise.all(Array.from({ length: 40 }, (_, n) => producer.send({ topic: 't', value: text(n) })))
  expect(metas.map(({ offset }) => Number(offset))).toEqual(Array.from({ length: 40 }, (_, n) => n))
  expect(broker.records('t').map(({ value }) => String(value))).toEqual(Array.from({ length: 40 }, (_, n) => text(n)))
})

test('a part whose answer is lost is sent again, and written once', async () => {
  await using broker = await startBroker({ topics: { t: { partitions: 1, config: { 'max.message.bytes': 2000 } } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    batchSize: 200_000,
    retryBackoffMs: 1,
    reconnectBackoffMs: 1,
  })
  await producer.partitionsFor('t')
  broker.faults.add({
    api: 'Produce',
    phase: 'after',
    action: { type: 'close' },
    times: 2,
    when: ({ batches }) => batches.some(({ sizeInBytes }) => sizeInBytes < 2000),
  })
  const metas = await Promise.all(Array.from({ length: 40 }, (_, n) => producer.send({ topic: 't', value: text(n) })))
  expect(metas.map(({ offset }) => Number(offset))).toEqual(Array.from({ length: 40 }, (_, n) => n))
  expect(broker.records('t').map(({ value }) => String(value))).toEqual(Array.from({ length: 40 }, (_, n) => text(n)))
})
