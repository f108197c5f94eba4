import { expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, produce, produceBody } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

const metadataVersions = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
const ask = (...names: string[]) => ({ topics: names.map(name => ({ name })) })

async function describe(connection: RawConnection, topic: string) {
  const { topics, brokers } = await connection.call(apis.metadata, 9, ask(topic))
  return { topic: topics[0]!, brokers: brokers.map(({ nodeId }) => nodeId) }
}

const threeBrokers = (config = {}) => startBroker({ brokers: 3, topics: { orders: { partitions: 3 } }, ...config })

for (const version of metadataVersions)
  test(`Metadata v${version} tells brokers, topics and leaders, and creates what is missing`, async () => {
    await using broker = await startBroker({ topics: { orders: { partitions: 2 } }, numPartitions: 4 })
    await using connection = await RawConnection.open(broker)
    const answer = await connection.call(apis.metadata, version, ask('orders', 'new'))
    expect(answer.brokers).toMatchObject([{ nodeId: 1, host: '127.0.0.1', port: broker.ports.get(1) }])
    expect(answer.topics).toMatchObject([
      {
        errorCode: 0,
        name: 'orders',
        partitions: [
          { partitionIndex: 0, leaderId: 1 },
          { partitionIndex: 1, leaderId: 1 },
        ],
      },
      { errorCode: 0, name: 'new' },
    ])
    expect(answer.topics[1]!.partitions).toHaveLength(4)
    if (version >= 2) expect(answer.clusterId).toBe(broker.clusterId)
    if (version >= 7) expect(answer.topics[0]!.partitions[0]!.leaderEpoch).toBe(0)
    if (version >= 10) expect(answer.topics[0]!.topicId).toBe(broker.topicId('orders'))
  })

test('Metadata: all topics, none, unknown ones, illegal names, and by id', async () => {
  await using broker = await startBroker({ topics: ['a', 'b'] })
  await using connection = await RawConnection.open(broker)
  const names = (answer: { topics: readonly { name: string | null }[] }) => answer.topics.map(({ name }) => name)
  expect(names(await connection.call(apis.metadata, 1, { topics: null }))).toEqual(['a', 'b'])
  expect(names(await connection.call(apis.metadata, 0, { topics: [] }))).toEqual(['a', 'b'])
  expect(names(await connection.call(apis.metadata, 1, { topics: [] }))).toEqual([])

  const unknown = await connection.call(apis.metadata, 9, {
    ...ask('c', 'not legal!', 'x'.repeat(250)),
    allowAutoTopicCreation: false,
  })
  expect(unknown.topics.map(({ errorCode }) => errorCode)).toEqual(
    ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION', 'INVALID_TOPIC_EXCEPTION'].map(errorNumber),
  )
  const byId = await connection.call(apis.metadata, 12, {
    topics: [
      { topicId: broker.topicId('b'), name: null },
      { topicId: 'BBBBBBBBBBBBBBBBBBBBBA', name: null },
    ],
  })
  expect(names(byId)).toEqual(['b', null])
  expect(byId.topics[1]!.errorCode).toBe(errorNumber('UNKNOWN_TOPIC_ID'))
  expect(broker.topics).toEqual(['a', 'b'])
})

test('with autoCreateTopics off nothing is created', async () => {
  await using broker = await startBroker({ autoCreateTopics: false })
  await using connection = await RawConnection.open(broker)
  expect((await describe(connection, 'new')).topic.errorCode).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
  expect(broker.topics).toEqual([])
})

test('three brokers share topics, and each leads its part', async () => {
  await using broker = await threeBrokers()
  expect(new Set(broker.ports.values()).size).toBe(3)
  await using connection = await RawConnection.open(broker, 2)
  const { topic, brokers } = await describe(connection, 'orders')
  expect(brokers).toEqual([1, 2, 3])
  expect(topic.partitions.map(({ leaderId }) => leaderId)).toEqual([1, 2, 3])
  expect([...topic.partitions[1]!.replicaNodes].sort()).toEqual([1, 2, 3])
})

test('a moved leader: the old one refuses with the new one as hint, the new one goes on where the old one ended', async () => {
  await using broker = await threeBrokers()
  await using old = await RawConnection.open(broker, 1)
  await using next = await RawConnection.open(broker, 3)
  await produce(old, { records: batchOf(['a']) })
  broker.moveLeader('orders', 0, 3)

  const answer = await old.call(apis.produce, 10, produceBody({ records: batchOf(['b']) }))
  expect(answer.responses[0]!.partitionResponses[0]).toMatchObject({
    errorCode: errorNumber('NOT_LEADER_OR_FOLLOWER'),
    currentLeader: { leaderId: 3, leaderEpoch: 1 },
  })
  expect(answer.nodeEndpoints).toEqual([{ nodeId: 3, host: '127.0.0.1', port: broker.ports.get(3), rack: null }])
  const before951 = await old.call(apis.produce, 9, produceBody({ records: batchOf(['b']) }))
  expect(before951.responses[0]!.partitionResponses[0]).toMatchObject({
    errorCode: errorNumber('NOT_LEADER_OR_FOLLOWER'),
  })

  expect(await produce(next, { records: batchOf(['b']) })).toMatchObject({ errorCode: 0, baseOffset: 1n })
  expect(broker.batches('orders', 0).map(({ leaderEpoch }) => leaderEpoch)).toEqual([0, 1])
  expect((await describe(old, 'orders')).topic.partitions[0]).toMatchObject({ leaderId: 3, leaderEpoch: 1 })
})

test('a stopped broker leaves the metadata, another leads in its place, and it comes back on its port', async () => {
  await using broker = await threeBrokers()
  await using first = await RawConnection.open(broker, 1)
  await using second = await RawConnection.open(broker, 2)
  const port = broker.ports.get(1)
  await produce(first, { records: batchOf(['a']) })

  await broker.stop(1)
  await first.closed
  await expect(RawConnection.open(broker, 1)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  const without = await describe(second, 'orders')
  expect(without.brokers).toEqual([2, 3])
  expect(without.topic.partitions[0]).toMatchObject({
    leaderId: 2,
    leaderEpoch: 1,
    isrNodes: [2, 3],
    offlineReplicas: [1],
  })
  expect(await produce(second, { records: batchOf(['b']) })).toMatchObject({ baseOffset: 1n })

  await broker.start(1)
  expect(broker.ports.get(1)).toBe(port)
  await using again = await RawConnection.open(broker, 1)
  expect((await describe(again, 'orders')).topic.partitions[0]).toMatchObject({ leaderId: 2, isrNodes: [1, 2, 3] })
})

test('a partition whose only replica is down has no leader until it is back', async () => {
  await using broker = await startBroker({ brokers: 3, topics: { lone: { partitions: 1, replicationFactor: 1 } } })
  await using second = await RawConnection.open(broker, 2)
  await broker.stop(1)
  const { topic } = await describe(second, 'lone')
  expect(topic.partitions[0]).toMatchObject({ errorCode: errorNumber('LEADER_NOT_AVAILABLE'), leaderId: -1 })
  await broker.start(1)
  expect((await describe(second, 'lone')).topic.partitions[0]).toMatchObject({ errorCode: 0, leaderId: 1 })
})

test('one broker alone can be stopped and started, and has all its records', async () => {
  await using broker = await startBroker({ topics: ['orders'] })
  {
    await using connection = await RawConnection.open(broker)
    await produce(connection, { records: batchOf(['a']) })
  }
  await broker.stop(1)
  await broker.start(1)
  await using connection = await RawConnection.open(broker)
  expect(await produce(connection, { records: batchOf(['b']) })).toMatchObject({ errorCode: 0, baseOffset: 1n })
})

test('a paused broker takes connections and answers nobody, and answers all when it goes on', async () => {
  await using broker = await threeBrokers()
  await using old = await RawConnection.open(broker, 1)
  broker.pause(1)
  await using fresh = await RawConnection.open(broker, 1)
  const first = old.send(apis.produce.request, 9, produceBody({ records: batchOf(['a']) }))
  const second = fresh.send(apis.metadata.request, 9, ask())
  await using other = await RawConnection.open(broker, 2)
  for (let turn = 0; turn < 20; turn++) await describe(other, 'orders')
  expect(broker.records('orders')).toEqual([])
  expect(old.hasFrame || fresh.hasFrame).toBe(false)
  broker.resume(1)
  await old.answer(apis.produce.response, 9, first)
  await fresh.answer(apis.metadata.response, 9, second)
  expect(broker.records('orders')).toHaveLength(1)
})

test('a paused broker does not answer what it was serving either', async () => {
  await using broker = await threeBrokers()
  await using connection = await RawConnection.open(broker, 1)
  const held = broker.faults.hold('Produce', { phase: 'after' })
  const arrived = broker.waitForRequest('Produce')
  const id = connection.send(apis.produce.request, 9, produceBody({ records: batchOf(['a']) }))
  await arrived
  broker.pause(1)
  held.release()
  await using other = await RawConnection.open(broker, 2)
  for (let turn = 0; turn < 20; turn++) await describe(other, 'orders')
  expect(connection.hasFrame).toBe(false)
  broker.resume(1)
  await connection.answer(apis.produce.response, 9, id)
})

test('all connections can be closed at once; new ones are taken', async () => {
  await using broker = await startBroker({ topics: ['orders'] })
  await using connection = await RawConnection.open(broker)
  await connection.call(apis.metadata, 9, ask())
  broker.closeConnections()
  await connection.closed
  await using again = await RawConnection.open(broker)
  expect((await again.call(apis.metadata, 9, ask())).brokers).toHaveLength(1)
})

test('the same seed gives the same ids', async () => {
  const ids = async (seed: number) => {
    await using broker: Broker = await startBroker({ seed, topics: ['orders'] })
    return [broker.clusterId, broker.topicId('orders')]
  }
  expect(await ids(1)).toEqual(await ids(1))
  expect(await ids(1)).not.toEqual(await ids(2))
})
