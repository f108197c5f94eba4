import { expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/index.ts'

test('an embedded broker with a manual clock: delays and log append times are its own, and so are time-outs', async () => {
  const clock = new ManualClock({ wallTime: 5_000 })
  const topics = { ticks: { partitions: 1, config: { 'message.timestamp.type': 'LogAppendTime' } } } as const
  await using broker = await startBroker({ clock, topics })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  broker.faults.delay('Produce', 3_600_000)
  // The broker looks after its logs by the same clock.
  const ownTimers = clock.pendingTimers

  const future = producer.send({ topic: 'ticks', value: 'an hour later' })
  await broker.waitForRequest('Produce', 1)
  await expect.poll(() => clock.pendingTimers).toBe(ownTimers + 1)
  expect([future.settled, broker.records('ticks')]).toEqual([false, []])

  clock.advance(3_600_000)

  expect((await future).timestamp).toBe(3_605_000)
  const nothing = broker.waitForRequest('Fetch', 60_000).catch((error: Error) => error.message)
  clock.advance(60_000)
  expect(await nothing).toContain('no Fetch request')
})
