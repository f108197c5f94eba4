import { beforeEach, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, produce } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

const brokerResource = 4
let broker: Broker
let connection: RawConnection

beforeEach(async () => {
  broker = await startBroker({ topics: { orders: { partitions: 1 } }, numPartitions: 7, maxMessageBytes: 2_000 })
  connection = await RawConnection.open(broker)
  return async () => {
    await connection[Symbol.asyncDispose]()
    await broker.close()
  }
})

async function describeBroker(resourceName = '1', resourceType = brokerResource) {
  const resources = [{ resourceType, resourceName, configurationKeys: null }]
  const { results } = await connection.call(apis.describeConfigs, 4, { resources, includeSynonyms: true })
  const { errorCode, configs } = results[0]!
  return { errorCode, configs: new Map(configs.map(one => [one.name, one])) }
}

async function set(
  resourceName: string,
  name: string,
  value: string | null,
  configOperation = 0,
  validateOnly = false,
) {
  const resources = [{ resourceType: brokerResource, resourceName, configs: [{ name, configOperation, value }] }]
  return (await connection.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly })).responses[0]!
}

test('DescribeConfigs of a broker shows what it runs with, and where each value comes from', async () => {
  const { configs } = await describeBroker()

  expect(configs.get('num.partitions')).toMatchObject({ value: '7', readOnly: true, configSource: 4 })
  expect(configs.get('advertised.listeners')?.value).toBe(`PLAINTEXT://127.0.0.1:${broker.ports.get(1)}`)
  expect(configs.get('message.max.bytes')).toMatchObject({ value: '2000', readOnly: false, configSource: 4 })
  expect(configs.get('message.max.bytes')?.synonyms).toEqual([
    { name: 'message.max.bytes', value: '2000', source: 4 },
    { name: 'message.max.bytes', value: '1048588', source: 5 },
  ])
  expect((await describeBroker('9')).errorCode).toBe(errorNumber('INVALID_REQUEST'))
  expect((await describeBroker('x')).errorCode).toBe(errorNumber('INVALID_REQUEST'))
})

test('a dynamic configuration of the broker counts for the next batch, until it is deleted', async () => {
  const records = batchOf(['x'.repeat(3_000)])
  expect((await produce(connection, { records })).errorCode).toBe(errorNumber('MESSAGE_TOO_LARGE'))

  expect(await set('', 'message.max.bytes', '5000', 0, true)).toMatchObject({ errorCode: 0 })
  expect((await produce(connection, { records })).errorCode).toBe(errorNumber('MESSAGE_TOO_LARGE'))
  expect(await set('', 'message.max.bytes', '5000')).toMatchObject({ errorCode: 0 })
  expect((await produce(connection, { records })).errorCode).toBe(0)
  expect(await set('1', 'message.max.bytes', '100')).toMatchObject({ errorCode: 0 })
  expect((await produce(connection, { records: batchOf(['x'.repeat(200)]) })).errorCode).toBe(
    errorNumber('MESSAGE_TOO_LARGE'),
  )
  expect((await describeBroker()).configs.get('message.max.bytes')?.synonyms.map(({ source }) => source)).toEqual([
    2, 3, 4, 5,
  ])
  expect([...(await describeBroker('')).configs.keys()]).toEqual(['message.max.bytes'])
  expect((await describeBroker('orders', 2)).configs.get('max.message.bytes')).toMatchObject({
    value: '100',
    configSource: 2,
  })

  await set('1', 'message.max.bytes', null, 1)
  await set('', 'message.max.bytes', null, 1)
  expect((await produce(connection, { records })).errorCode).toBe(errorNumber('MESSAGE_TOO_LARGE'))
})

// The answers of Kafka 4.3.1.
test.each([
  ['', 'num.partitions', '4', 42],
  ['1', 'log.dirs', '/x', 42],
  ['1', 'message.max.bytes', 'x', 42],
  ['', 'min.insync.replicas', '0', 42],
  ['9', 'message.max.bytes', '5000', 42],
  ['x', 'message.max.bytes', '5000', 42],
  ['', 'of.a.plugin', '1', 0],
])('broker %j, %s=%s is answered %i', async (resource, name, value, code) => {
  expect(await set(resource, name, value)).toMatchObject({ errorCode: code })
})

test('AlterPartitionReassignments moves replicas at once', async () => {
  await using three = await startBroker({ brokers: 3, topics: { wide: { partitions: 1, replicationFactor: 1 } } })
  await using to = await RawConnection.open(three)
  const move = async (replicas: number[] | null, partition = 0, name = 'wide', allowReplicationFactorChange = true) =>
    (
      await to.call(apis.alterPartitionReassignments, 1, {
        allowReplicationFactorChange,
        topics: [{ name, partitions: [{ partitionIndex: partition, replicas }] }],
      })
    ).responses[0]!.partitions[0]!.errorCode

  expect(await move([2, 3])).toBe(0)
  expect(three.partition('wide', 0)).toMatchObject({ replicas: [2, 3], isr: [2, 3], leader: 2, leaderEpoch: 1 })
  expect(await move([3, 2])).toBe(0)
  expect(three.partition('wide', 0)).toMatchObject({ replicas: [3, 2], leader: 2, leaderEpoch: 1 })
  for (const wrong of [[7], [], [1, 1]]) expect(await move(wrong)).toBe(errorNumber('INVALID_REPLICA_ASSIGNMENT'))
  expect(await move([1], 0, 'wide', false)).toBe(errorNumber('INVALID_REPLICATION_FACTOR'))
  expect(await move(null)).toBe(errorNumber('NO_REASSIGNMENT_IN_PROGRESS'))
  expect(await move([1], 9)).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
  expect(await move([1], 0, 'nope')).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
})

test('the quorum has one voter, and there are no SCRAM users', async () => {
  const topics = [
    { topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] },
    { topicName: 'orders', partitions: [{ partitionIndex: 0 }] },
  ]
  const quorum = await connection.call(apis.describeQuorum, 2, { topics })
  expect(quorum.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, leaderId: 1, observers: [] })
  expect(quorum.topics[0]!.partitions[0]!.currentVoters.map(({ replicaId }) => replicaId)).toEqual([1])
  expect(quorum.topics[1]!.partitions[0]!.errorCode).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))

  const scram = async (users: { name: string }[] | null) =>
    (await connection.call(apis.describeUserScramCredentials, 0, { users })).results.map(one => one.errorCode)
  expect(await scram(null)).toEqual([])
  expect(await scram([{ name: 'a' }, { name: 'b' }, { name: 'b' }])).toEqual([
    errorNumber('RESOURCE_NOT_FOUND'),
    errorNumber('DUPLICATE_RESOURCE'),
  ])
})
