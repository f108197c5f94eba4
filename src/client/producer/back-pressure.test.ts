import { expect, test } from 'vitest'
import { startBroker } from '../../broker/index.ts'
import { createProducer } from '../../index.ts'

test('records that wait for memory end the lingering of those that hold it', async () => {
  await using broker = await startBroker({ port: 0, topics: { narrow: { partitions: 1 } } })
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    bufferMemory: 40_000,
    lingerMs: 60_000,
    lingerWhenIdle: true,
    requestTimeoutMs: 5_000,
    deliveryTimeoutMs: 70_000,
  })
  await producer.partitionsFor('narrow')

  const sends = Array.from({ length: 80 }, () => producer.send({ topic: 'narrow', value: 'x'.repeat(800) }))
  const first = await sends[0]

  expect(first?.offset).toBe(0n)
  await producer.flush()
  expect(broker.records('narrow')).toHaveLength(80)
})

test('topics that never became known are forgotten with their records', async () => {
  await using broker = await startBroker({ port: 0, autoCreateTopics: false })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers, maxBlockMs: 50 })

  const results = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) => producer.send({ topic: `nowhere-${index}`, value: 'x' })),
  )

  expect(results.every(own => own.status === 'rejected' && own.reason.code === 'METADATA_TIMEOUT')).toBe(true)
  expect(producer.metrics()['waiting-records']).toBe(0)
  expect(producer.metrics()['buffer-available-bytes']).toBe(producer.metrics()['buffer-total-bytes'])
})

test('a loop that asks for room pauses while its topic is not known, and goes on when it is', async () => {
  await using broker = await startBroker({ port: 0, topics: { late: { partitions: 3 } } })
  const held = broker.faults.hold('Metadata')
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })

  let sent = 0
  while (producer.hasRoom && sent < 100_000) {
    for (let turn = 0; turn < 100 && producer.hasRoom; turn++) {
      producer.send({ topic: 'late', value: 'x' })
      sent++
    }
    if (!producer.hasRoom) await new Promise(resolve => setImmediate(resolve))
  }
  expect(sent).toBeLessThan(10_000)

  const room = producer.room()
  held.release()
  await room
  await producer.flush()
  expect(broker.records('late')).toHaveLength(sent)
})
