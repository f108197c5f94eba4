import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { ManualClock } from '../../src/testing/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { packed, tinyRecords } from './hostile/record-attacks.ts'
import { batchOf, produce } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

// What one client may ask for has a bound, so that the others are still served.

const none = Buffer.alloc(0)
const MiB = 2 ** 20
const software = { clientSoftwareName: 'c', clientSoftwareVersion: '1' }

let broker: Broker
let connection: RawConnection

beforeEach(async () => {
  broker = await startBroker({
    topics: { orders: { partitions: 1 } },
    maxMessageBytes: 8 * MiB,
    autoCreateTopics: false,
  })
  connection = await RawConnection.open(broker)
})

afterEach(async () => {
  await connection[Symbol.asyncDispose]()
  await broker.close()
})

describe('partitions', () => {
  const create = async (counts: readonly number[]) => {
    const topics = counts.map((numPartitions, index) => ({ name: `t${index}`, numPartitions, replicationFactor: 1 }))
    return (await connection.call(apis.createTopics, 7, { topics })).topics.map(({ errorCode }) => errorCode)
  }

  test('one request creates 10,000 at most, of all its topics, as with Kafka', async () => {
    const tooMany = errorNumber('POLICY_VIOLATION')
    expect(await create([5_000, 5_000, 1])).toEqual([tooMany, tooMany, tooMany])
    expect(broker.topics).toEqual(['orders'])
    expect(await create([5_000, 5_000])).toEqual([0, 0])
  })

  test('there are 100,000 at most, in whatever way they come', async () => {
    for (let index = 0; index < 9; index++) broker.createTopic(`large-${index}`, { partitions: 10_000 })
    expect(await create([5_000, 5_000])).toEqual([0, errorNumber('POLICY_VIOLATION')])

    const more = {
      topics: [{ name: 'orders', count: 5_001, assignments: null }],
      validateOnly: false,
      timeoutMs: 1_000,
    }
    const { results } = await connection.call(apis.createPartitions, 3, more)

    expect(results[0]!.errorCode).toBe(errorNumber('POLICY_VIOLATION'))
    expect(() => broker.addPartitions('orders', 5_001)).toThrow(expect.objectContaining({ code: 'POLICY_VIOLATION' }))
    expect(broker.partitionCount('orders')).toBe(1)
  })
})

describe('an answer tells each thing once, however often the request asks', () => {
  const thousand = <T>(one: T) => Array.from({ length: 1_000 }, () => one)

  test('Metadata', async () => {
    const byName = await connection.call(apis.metadata, 12, { topics: thousand({ name: 'orders' }) })
    const byId = { topics: thousand({ name: null, topicId: broker.topicId('orders') }) }
    expect(byName.topics).toHaveLength(1)
    expect((await connection.call(apis.metadata, 13, byId)).topics).toHaveLength(1)
  })

  test('DescribeConfigs, DescribeGroups, DescribeProducers, DescribeTransactions, OffsetFetch', async () => {
    const resources = thousand({ resourceType: 2, resourceName: 'orders', configurationKeys: null })
    const topics = thousand({ name: 'orders', partitionIndexes: thousand(0) })
    const { results } = await connection.call(apis.describeConfigs, 4, { resources })
    const described = await connection.call(apis.describeGroups, 5, { groups: thousand('g') })
    const producers = await connection.call(apis.describeProducers, 0, { topics: topics.slice(0, 100) })
    const transactions = await connection.call(apis.describeTransactions, 0, { transactionalIds: thousand('tx') })
    const offsets = await connection.call(apis.offsetFetch, 8, { groups: thousand({ groupId: 'g', topics: null }) })

    const lists = [results, described.groups, producers.topics, transactions.transactionStates, offsets.groups]
    expect(lists.map(list => list.length)).toEqual([1, 1, 1, 1, 1])
    expect(producers.topics[0]!.partitions).toHaveLength(1)
  })
})

test('a request with more than 500,000 elements closes its connection; one with less is served', async () => {
  const partitionsOf = (count: number) => Array.from({ length: count }, () => ({ partitionIndex: 0, timestamp: -1n }))
  const ask = (count: number) =>
    connection.call(apis.listOffsets, 7, {
      replicaId: -1,
      topics: [{ name: 'orders', partitions: partitionsOf(count) }],
    })

  expect((await ask(400_000)).topics[0]!.partitions).toHaveLength(400_000)
  await expect(ask(500_000)).rejects.toThrow('closed')
})

test('who has not authenticated may send 512 KiB at once, as with Kafka', async () => {
  await using secured = await startBroker({ sasl: { users: { alice: 'wonderland' } }, topics: ['orders'] })
  const announce = (to: RawConnection, length: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(length)
    to.socket.write(bytes)
  }
  {
    await using stranger = await RawConnection.open(secured)
    announce(stranger, 512 * 1024 + 1)
    await stranger.closed
  }
  await using alice = await RawConnection.open(secured)
  await alice.call(apis.saslHandshake, 1, { mechanism: 'PLAIN' })
  await alice.call(apis.saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0wonderland') })
  const topics = Array.from({ length: 3_000 }, (_, index) => ({ name: `${index}`.padStart(240, 'x') }))
  const answer = await alice.call(apis.metadata, 9, { topics, allowAutoTopicCreation: false })
  expect(answer.topics).toHaveLength(3_000)
})

describe('Fetch', () => {
  const fetch = (partitions: readonly number[], sessionEpoch = -1) =>
    connection.call(apis.fetch, 11, {
      ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 2 ** 31 - 1, sessionEpoch },
      topics: [
        {
          topic: 'orders',
          partitions: partitions.map(partition => ({ partition, fetchOffset: 0n, partitionMaxBytes: 2 ** 31 - 1 })),
        },
      ],
    })

  test('gives 55 MiB at most, whatever the client allows, and a partition named again and again counts each time', async () => {
    const records = batchOf(['x'.repeat(4 * MiB)])
    expect((await produce(connection, { records })).errorCode).toBe(0)

    const { responses } = await fetch(Array.from({ length: 200 }, () => 0))

    const bytes = responses[0]!.partitions.reduce((sum, one) => sum + (one.records?.length ?? 0), 0)
    expect(bytes).toBeGreaterThan(50 * MiB)
    expect(bytes).toBeLessThanOrEqual(55 * MiB)
  })

  test('remembers 200,000 partitions at most in all sessions; beyond, there is no session', async () => {
    const partitions = Array.from({ length: 120_000 }, (_, index) => index)
    expect((await fetch(partitions, 0)).sessionId).toBeGreaterThan(0)
    expect((await fetch(partitions, 0)).sessionId).toBe(0)
    expect((await fetch([0], 0)).sessionId).toBeGreaterThan(0)
  })
})

test('ListOffsets by time does not unpack a batch of millions of records into memory', async () => {
  const count = 2_000_000
  const records = packed('zstd', tinyRecords(count), count)
  expect((await produce(connection, { records })).errorCode).toBe(0)
  const before = process.memoryUsage().heapTotal

  const partitions = [{ partitionIndex: 0, timestamp: 1n }]
  const { topics } = await connection.call(apis.listOffsets, 7, {
    replicaId: -1,
    topics: [{ name: 'orders', partitions }],
  })

  expect(topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, offset: 0n })
  expect(process.memoryUsage().heapTotal - before).toBeLessThan(150 * MiB)
})

test('ListTransactions: a pattern that has its engine try without end is no pattern', async () => {
  await connection.call(apis.initProducerId, 4, { transactionalId: `${'a'.repeat(40)}!`, transactionTimeoutMs: 1_000 })
  const list = async (transactionalIdPattern: string) => {
    const body = { stateFilters: [], producerIdFilters: [], transactionalIdPattern }
    return connection.call(apis.listTransactions, 2, body)
  }

  expect((await list('(a+)+')).errorCode).toBe(errorNumber('INVALID_REGULAR_EXPRESSION'))
  expect((await list('a+!')).transactionStates).toHaveLength(1)
})

test('an offset may be committed for longer than a timestamp reaches', async () => {
  const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }]
  const commit = { groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '', retentionTimeMs: 2n ** 63n - 1n }

  const { topics } = await connection.call(apis.offsetCommit, 4, {
    ...commit,
    topics: [{ name: 'orders', partitions }],
  })

  expect(topics[0]!.partitions[0]!.errorCode).toBe(0)
  expect((await connection.call(apis.apiVersions, 3, software)).errorCode).toBe(0)
})

/** Time that no timer can keep from going on. */
class CountingClock extends ManualClock {
  timers = 0

  override schedule(callback: () => void, delayMs: number) {
    if (++this.timers > 10_000) throw new Error('a timer sets itself again and again')
    return super.schedule(callback, delayMs)
  }
}

test('a group whose static members do not come, and whose rebalance may take no time, is looked after in peace', async () => {
  const clock = new CountingClock()
  await using other = await startBroker({ clock, groupInitialRebalanceDelayMs: 0, topics: ['orders'] })
  await using one = await RawConnection.open(other)
  await using two = await RawConnection.open(other)
  const join = (member: RawConnection, groupInstanceId: string, rebalanceTimeoutMs: number) =>
    member.call(apis.joinGroup, 5, {
      ...{ groupId: 'g', sessionTimeoutMs: 60_000, rebalanceTimeoutMs, memberId: '', groupInstanceId },
      ...{ protocolType: 'consumer', protocols: [{ name: 'range', metadata: none }] },
    })
  const joining = [join(one, 'a', 10_000), join(two, 'b', 10_000)]
  await expect.poll(() => other.requestCount('JoinGroup')).toBe(2)
  clock.advance(0)
  const [a, b] = await Promise.all(joining)
  const sync = (member: RawConnection, { memberId, generationId }: NonNullable<typeof a>, groupInstanceId: string) =>
    member.call(apis.syncGroup, 3, { groupId: 'g', generationId, memberId, groupInstanceId, assignments: [] })
  const synced = await Promise.all([sync(one, a!, 'a'), sync(two, b!, 'b')])
  expect(synced.map(({ errorCode }) => errorCode)).toEqual([0, 0])
  expect((await join(one, 'a', 0)).errorCode).toBe(0) // started again, without time for a rebalance

  await two.call(apis.leaveGroup, 3, { groupId: 'g', members: [{ memberId: b!.memberId, groupInstanceId: 'b' }] })
  clock.advance(5_000)
  expect(other.groups()).toMatchObject([{ groupId: 'g', state: 'PreparingRebalance' }])

  clock.advance(120_000)
  expect(other.groups()).toMatchObject([{ groupId: 'g', state: 'Empty' }])
})
