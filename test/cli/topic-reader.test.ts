import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/time/clock.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { resolveOptions } from '../../src/client/producer/options.ts'
import { type StartAt, TopicReader } from '../../src/client/reader/index.ts'
import { createProducer } from '../../src/index.ts'

/** What the command cannot be made to show within a test's time. */
let broker: Broker
const notices: string[] = []

beforeEach(async () => {
  notices.length = 0
  broker = await startBroker({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ bootstrapServers: broker.bootstrapServers })
  for (const value of ['a', 'b', 'c']) await producer.send({ topic: 't', value })
})
afterEach(() => broker.close())

const readerOf = (follow: boolean, start: StartAt = { at: 'beginning' }) =>
  new TopicReader({
    ...resolveOptions({ bootstrapServers: broker.bootstrapServers, requestTimeoutMs: 300, lingerMs: 0 }),
    ...{ topic: 't', partitions: undefined, start, isolation: 'read_uncommitted', follow, apiTimeoutMs: 1000 },
    ...{ clock: systemClock, random: Math.random, onNotice: text => notices.push(text) },
  })

async function valuesOf(reader: TopicReader): Promise<string[]> {
  const values: string[] = []
  for await (const records of reader.batches()) for (const { value } of records) values.push(String(value))
  return values
}

test('who does not follow is not kept waiting for a cluster that answers nothing', async () => {
  const reader = readerOf(false)
  await reader.open()
  broker.pause(1)

  await expect(valuesOf(reader)).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringMatching(/nothing was heard of the cluster for 1000 ms; the last error: /),
  })
  broker.resume(1)
  await reader.close()
})

test('who does not follow is told when the topic is made anew meanwhile', async () => {
  const held = broker.faults.hold('Fetch', { times: 1 })
  const reader = readerOf(false)
  await reader.open()
  const reading = valuesOf(reader)
  await broker.waitForRequest('Fetch')
  broker.recreateTopic('t')
  held.release()

  await expect(reading).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_ID' })
  await reader.close()
})

test('closing ends whoever waits for records, and leaves no connection', async () => {
  const reader = readerOf(true, { at: 'end' })
  await reader.open()
  const reading = valuesOf(reader)
  await broker.waitForRequest('Fetch')
  await reader.close()

  expect(await reading).toEqual([])
  await expect.poll(() => broker.connections()).toBe(0)
  expect(notices).toEqual([])
})

test('what the cluster refuses for good ends the reading', async () => {
  broker.faults.failBefore('Fetch', 'TOPIC_AUTHORIZATION_FAILED')
  const reader = readerOf(true)
  await reader.open()

  await expect(valuesOf(reader)).rejects.toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
  await reader.close()
})

test('an answer that leaves the partition out, or repeats it, does no harm', async () => {
  broker.faults.omitPartition('Fetch')
  broker.faults.duplicatePartition('Fetch')
  const reader = readerOf(false)
  await reader.open()

  expect(await valuesOf(reader)).toEqual(['a', 'b', 'c'])
  await reader.close()
})
