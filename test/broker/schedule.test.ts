import { expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type FaultSchedule, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, produce } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

/** As it comes from a file: nothing of TypeScript is left. */
const fromJson = (text: string) => JSON.parse(text) as FaultSchedule

const problemsOf = (attempt: () => unknown): string[] => {
  try {
    attempt()
  } catch (error) {
    return (error as { problems: { message: string }[] }).problems.map(({ message }) => message)
  }
  return []
}

test('the faults of a schedule are done as often as it says', async () => {
  const schedule = fromJson(`{
    "faults": [
      { "api": "Produce", "topic": "orders", "nth": 2, "action": { "type": "error", "error": "REQUEST_TIMED_OUT" } },
      { "api": ["Metadata"], "times": "unlimited", "phase": "after", "action": { "type": "delay", "ms": { "minMs": 1, "maxMs": 2 } } }
    ]
  }`)
  await using broker = await startBroker({ topics: ['orders'], schedule })
  await using connection = await RawConnection.open(broker)

  const codes: number[] = []
  for (const value of ['a', 'b', 'c']) codes.push((await produce(connection, { records: batchOf([value]) })).errorCode)
  for (let i = 0; i < 3; i++) await connection.call(apis.metadata, 9, { topics: [] })

  expect(codes).toEqual([0, errorNumber('REQUEST_TIMED_OUT'), 0])
  expect(broker.requests('Metadata').map(({ faults }) => faults)).toEqual([['delay'], ['delay'], ['delay']])
})

test('an event follows the request it names, once that was answered', async () => {
  await using broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 1 } } })
  await using connection = await RawConnection.open(broker)
  const loaded = broker.faults.load(
    fromJson(`{
      "events": [
        { "afterRequest": { "api": "Produce", "nth": 2 }, "do": "moveLeader", "args": { "topic": "orders", "partition": 0, "to": 2 } },
        { "afterRequest": { "api": "Produce" }, "do": "shrinkIsr", "args": { "topic": "orders", "partition": 0, "to": 1 } }
      ]
    }`),
  )
  const codes: number[] = []
  for (const value of ['a', 'b', 'c']) codes.push((await produce(connection, { records: batchOf([value]) })).errorCode)
  await loaded.eventsDone

  expect(codes).toEqual([0, 0, errorNumber('NOT_LEADER_OR_FOLLOWER')])
  expect(broker.partition('orders', 0)).toMatchObject({ leader: 2, isr: [1, 2] })
  expect(loaded).toMatchObject({ pendingEvents: 0, failures: [] })
})

test('an event at a time comes at its time, and what fails of it is told', async () => {
  await using broker = await startBroker({ brokers: 3 })
  const loaded = broker.faults.load({
    events: [
      { atMs: 20, do: 'stop', args: { broker: 3 } },
      { atMs: 1, do: 'recreateTopic', args: { topic: 'nowhere' } },
    ],
  })
  expect(loaded.pendingEvents).toBe(2)
  await loaded.eventsDone
  expect(loaded.failures.map(({ message }) => message)).toEqual(['there is no topic nowhere'])
  await expect(RawConnection.open(broker, 3)).rejects.toThrow('ECONNREFUSED')
})

test('clear takes back what has not happened', async () => {
  await using broker = await startBroker({ topics: ['orders'] })
  const loaded = broker.faults.load({
    faults: [{ api: 'Produce', action: { type: 'swallow' } }],
    events: [{ atMs: 60_000, do: 'stop', args: { broker: 1 } }],
  })
  broker.faults.clear()
  await loaded.eventsDone
  expect([loaded.pendingEvents, broker.faults.remaining]).toEqual([0, 0])
})

test('the same seed makes the same garbage', async () => {
  const garbage = async (seed: number) => {
    await using broker = await startBroker()
    await using connection = await RawConnection.open(broker)
    broker.faults.load({ seed, faults: [{ api: 'Metadata', action: { type: 'garbage', bytes: 40 } }] })
    connection.send(apis.metadata.request, 9, { topics: [] })
    return (await connection.frame()).toString('hex')
  }
  expect(await garbage(7)).toBe(await garbage(7))
  expect(await garbage(7)).not.toBe(await garbage(8))
})

test('everything that is wrong is told at once, each with its path, and nothing is set', async () => {
  await using broker = await startBroker()
  const wrong = {
    sede: 1,
    faults: [
      { api: 'Prodcue', action: { type: 'error', error: 'REQUEST_TIMED_OUT' } },
      { action: { type: 'error', error: 'NO_SUCH_ERROR' } },
      { action: { type: 'answer' }, when: 'always' },
      { action: { type: 'delay' }, times: 0 },
      { api: 'Fetch', skip: 1, nth: 2, action: { type: 'swallow' } },
      'swallow',
    ],
    events: [
      { do: 'explode', atMs: 1 },
      { do: 'stop', args: { broker: '1' } },
      { do: 'moveLeader', atMs: 5, afterRequest: {}, args: { topic: 'a', partition: 0, to: 1, why: 'so' } },
    ],
  }
  const problems = problemsOf(() => broker.faults.load(wrong as unknown as FaultSchedule))
  for (const expected of [
    /^sede: there is no such field/,
    /^faults\[0\]\.api: "Prodcue" is not a name that is known here/,
    /^faults\[1\]: no broker error is named NO_SUCH_ERROR/,
    /^faults\[2\]\.action\.type: "answer" is none of error, close/,
    /^faults\[2\]\.when: there is no such field/,
    /^faults\[3\]\.action\.ms: is missing/,
    /^faults\[3\]\.times: 0 is not a whole number from 1/,
    /^faults\[4\]: skip and nth say the same/,
    /^faults\[5\]: "swallow" is not an object/,
    /^events\[0\]\.do: "explode" is none of stop, start/,
    /^events\[1\]: needs afterRequest or atMs/,
    /^events\[1\]\.args\.broker: "1" is not a whole number from 1/,
    /^events\[2\]: needs afterRequest or atMs, and not both/,
    /^events\[2\]\.args\.why: there is no such field/,
  ])
    expect(problems).toContainEqual(expect.stringMatching(expected))
  expect(problems).toHaveLength(14)
  expect(broker.faults.remaining).toBe(0)
})

test('a wrong schedule is an option problem beside others', async () => {
  const schedule = { faults: 1 } as unknown as FaultSchedule
  await expect(startBroker({ port: -1, schedule })).rejects.toMatchObject({
    problems: [{ option: 'port' }, { option: 'schedule.faults' }],
  })
})

test('a replaced cluster has another id and no topics, and its clients have to come again', async () => {
  await using broker = await startBroker({ topics: ['orders'] })
  await using connection = await RawConnection.open(broker)
  const before = broker.clusterId
  expect(
    (await connection.call(apis.initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 0 })).producerId,
  ).toBe(0n)
  broker.replaceCluster()
  await connection.closed
  expect(broker.clusterId).not.toBe(before)
  expect(broker.topics).toEqual([])
  await using again = await RawConnection.open(broker)
  expect(
    (await again.call(apis.initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 0 })).producerId,
  ).toBe(0n)
  expect((await again.call(apis.describeCluster, 0, {})).clusterId).toBe(broker.clusterId)
})

test('an ISR shrinks to so many, the leader last, and a leader can be taken away', async () => {
  await using broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 2 } } })
  broker.shrinkIsr('orders', 1, 2)
  expect(broker.partition('orders', 1).isr).toEqual([2, 3])
  broker.shrinkIsr('orders', 1, 1)
  expect(broker.partition('orders', 1).isr).toEqual([2])
  expect(() => broker.shrinkIsr('orders', 1, 2)).toThrow(/has 1 in-sync replicas/)
  broker.leaderless('orders', 0)
  expect(broker.partition('orders', 0)).toMatchObject({ leader: -1, leaderEpoch: 1 })
})

test('a schedule adds partitions and moves the coordinator of a group', async () => {
  await using broker = await startBroker({
    brokers: 3,
    topics: { orders: { partitions: 1 } },
    schedule: {
      faults: [],
      events: [
        { atMs: 0, do: 'addPartitions', args: { topic: 'orders', count: 3 } },
        { atMs: 0, do: 'moveCoordinator', args: { kind: 'group', key: 'group', to: 1 } },
      ],
    },
  })
  // "group".hashCode() is 98629247: partition 7 of 8.
  await expect.poll(() => broker.partition('__consumer_offsets', 7).leader).toBe(1)
  expect(broker.partitionCount('orders')).toBe(3)
})
