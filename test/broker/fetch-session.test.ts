import { beforeEach, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { ManualClock } from '../../src/testing/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, produce } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

let clock: ManualClock
let broker: Broker
let connection: RawConnection

beforeEach(async () => {
  clock = new ManualClock()
  broker = await startBroker({ clock, topics: { orders: { partitions: 2 } } })
  connection = await RawConnection.open(broker)
  return async () => {
    await connection[Symbol.asyncDispose]()
    await broker.close()
  }
})

const part = (partition: number, fetchOffset = 0n) => ({ partition, fetchOffset, partitionMaxBytes: 100_000 })

/** Asks by name in version 12, by id in 13 and later; gives `partition:error:bytes?` of what was answered. */
async function fetch(
  sessionId: number,
  sessionEpoch: number,
  partitions: ReturnType<typeof part>[],
  { forgotten = [] as number[], version = 12, maxWaitMs = 0, topic = 'orders' } = {},
) {
  const name = version >= 13 ? { topicId: broker.topicId(topic) } : { topic }
  const { errorCode, ...answer } = await connection.call(apis.fetch, version, {
    ...{ maxWaitMs, minBytes: 1, sessionId, sessionEpoch },
    topics: partitions.length > 0 ? [{ ...name, partitions }] : [],
    forgottenTopicsData: forgotten.length > 0 ? [{ ...name, partitions: forgotten }] : [],
  })
  const told = answer.responses.flatMap(one =>
    one.partitions.map(p => `${p.partitionIndex}:${p.errorCode}${p.records!.length > 0 ? ':records' : ''}`),
  )
  return { errorCode, id: answer.sessionId, told }
}

for (const version of [12, 13])
  test(`v${version}: after the first answer a session tells only what is new`, async () => {
    const first = await fetch(0, 0, [part(0), part(1)], { version })
    expect(first).toEqual({ errorCode: 0, id: expect.any(Number), told: ['0:0', '1:0'] })
    expect(first.id).toBeGreaterThan(0)

    expect(await fetch(first.id, 1, [], { version })).toEqual({ errorCode: 0, id: first.id, told: [] })
    await produce(connection, { partition: 1, records: batchOf(['a'], { timestamp: clock.wallTime() }) })
    expect((await fetch(first.id, 2, [], { version })).told).toEqual(['1:0:records'])
    // The offset stands where it was until the client moves it.
    expect((await fetch(first.id, 3, [], { version })).told).toEqual(['1:0:records'])
    expect((await fetch(first.id, 4, [part(1, 1n)], { version })).told).toEqual([])
    await produce(connection, { partition: 0, records: batchOf(['b'], { timestamp: clock.wallTime() }) })
    expect((await fetch(first.id, 5, [], { version, forgotten: [0] })).told).toEqual([])
  })

test('a session waits for news of all its partitions', async () => {
  const { id } = await fetch(0, 0, [part(0), part(1)])
  const waiting = fetch(id, 1, [], { maxWaitMs: 30_000 })
  await expect.poll(() => broker.requests(({ api }) => api === 'Fetch').length).toBe(2)
  await using other = await RawConnection.open(broker)
  await produce(other, { partition: 1, records: batchOf(['a'], { timestamp: clock.wallTime() }) })

  expect((await waiting).told).toEqual(['1:0:records'])
})

test('an error is told each time, as Kafka does it, until the partition is forgotten', async () => {
  const { id, told } = await fetch(0, 0, [part(0), part(9)])
  const unknown = `9:${errorNumber('UNKNOWN_TOPIC_OR_PARTITION')}`
  expect(told).toEqual(['0:0', unknown])

  expect((await fetch(id, 1, [])).told).toEqual([unknown])
  expect((await fetch(id, 2, [])).told).toEqual([unknown])
  expect((await fetch(id, 3, [], { forgotten: [9] })).told).toEqual([])
})

// The answers of Kafka 4.3.1.
test('wrong epochs and unknown sessions are refused; epoch 0 begins anew, epoch -1 ends', async () => {
  const { id } = await fetch(0, 0, [part(0)])
  expect(await fetch(id, 5, [])).toEqual({ errorCode: errorNumber('INVALID_FETCH_SESSION_EPOCH'), id: 0, told: [] })
  for (const [session, epoch] of [
    [id + 1, 1],
    [0, 1],
    [0, -5],
  ] as const)
    expect((await fetch(session, epoch, [])).errorCode).toBe(errorNumber('FETCH_SESSION_ID_NOT_FOUND'))
  expect((await fetch(id, 1, [], { version: 13 })).errorCode).toBe(errorNumber('FETCH_SESSION_TOPIC_ID_ERROR'))

  const again = await fetch(id, 0, [part(0)])
  expect(again.id).not.toBe(id)
  expect((await fetch(id, 1, [])).errorCode).toBe(errorNumber('FETCH_SESSION_ID_NOT_FOUND'))
  expect(await fetch(again.id, -1, [part(0)])).toEqual({ errorCode: 0, id: 0, told: ['0:0'] })
  expect((await fetch(again.id, 1, [])).errorCode).toBe(errorNumber('FETCH_SESSION_ID_NOT_FOUND'))
})

test('a topic made anew is an unknown id to the session of the old one', async () => {
  const { id } = await fetch(0, 0, [part(0)], { version: 13 })
  broker.recreateTopic('orders')

  expect((await fetch(id, 1, [], { version: 13 })).told).toEqual([`0:${errorNumber('UNKNOWN_TOPIC_ID')}`])
})

test('1,000 sessions at most; one that was idle for two minutes makes way', async () => {
  const ids: number[] = []
  for (let count = 0; count < 1_000; count++) ids.push((await fetch(0, 0, [part(0)])).id)
  expect(new Set(ids).size).toBe(1_000)
  expect(await fetch(0, 0, [part(0)])).toEqual({ errorCode: 0, id: 0, told: ['0:0'] })

  clock.advance(120_001)
  expect((await fetch(ids[0]!, 1, [])).errorCode).toBe(0)
  expect((await fetch(0, 0, [part(0)])).id).toBeGreaterThan(0)
  expect((await fetch(ids[1]!, 1, [])).errorCode).toBe(errorNumber('FETCH_SESSION_ID_NOT_FOUND'))
  expect((await fetch(ids[0]!, 2, [])).errorCode).toBe(0)
})
