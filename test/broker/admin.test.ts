import { beforeEach, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { RawConnection } from './raw-connection.ts'

let broker: Broker
let connection: RawConnection

beforeEach(async () => {
  broker = await startBroker({ brokers: 3, topics: ['there'], config: { 'retention.ms': 1000 } })
  connection = await RawConnection.open(broker)
  return async () => {
    await connection[Symbol.asyncDispose]()
    await broker.close()
  }
})

interface NewTopic {
  name: string
  numPartitions?: number
  replicationFactor?: number
  assignments?: { partitionIndex: number; brokerIds: number[] }[]
  configs?: { name: string; value: string | null }[]
}

async function create(topic: NewTopic, version = 7, validateOnly = false) {
  const topics = [{ numPartitions: -1, replicationFactor: -1, ...topic }]
  return (await connection.call(apis.createTopics, version, { topics, validateOnly })).topics[0]!
}

for (const version of [2, 3, 4, 5, 6, 7])
  test(`CreateTopics v${version} creates a topic with partitions and configuration`, async () => {
    const configs = [{ name: 'max.message.bytes', value: '500' }]
    const answer = await create({ name: 'new', numPartitions: 4, replicationFactor: 2, configs }, version)
    expect(answer).toMatchObject({ errorCode: 0, name: 'new' })
    if (version >= 5) {
      expect(answer).toMatchObject({ numPartitions: 4, replicationFactor: 2 })
      expect(answer.configs).toContainEqual(
        expect.objectContaining({ name: 'max.message.bytes', value: '500', configSource: 1 }),
      )
    }
    if (version >= 7) expect(answer.topicId).toBe(broker.topicId('new'))
    expect(broker.partition('new', 3).replicas).toHaveLength(2)
  })

test('CreateTopics: replicas where the client wants them', async () => {
  await create({
    name: 'placed',
    assignments: [
      { partitionIndex: 1, brokerIds: [3] },
      { partitionIndex: 0, brokerIds: [2, 1] },
    ],
  })
  expect(broker.partition('placed', 0)).toMatchObject({ leader: 2, replicas: [2, 1] })
  expect(broker.partition('placed', 1)).toMatchObject({ leader: 3, replicas: [3] })
})

const refused: [error: string, topic: NewTopic][] = [
  ['TOPIC_ALREADY_EXISTS', { name: 'there' }],
  ['INVALID_TOPIC_EXCEPTION', { name: 'not legal' }],
  ['INVALID_TOPIC_EXCEPTION', { name: '..' }],
  ['INVALID_PARTITIONS', { name: 'new', numPartitions: 0 }],
  ['POLICY_VIOLATION', { name: 'new', numPartitions: 2_000_000_000 }],
  ['INVALID_REPLICATION_FACTOR', { name: 'new', numPartitions: 1, replicationFactor: 4 }],
  ['INVALID_REPLICATION_FACTOR', { name: 'new', numPartitions: 1, replicationFactor: 0 }],
  ['INVALID_CONFIG', { name: 'new', configs: [{ name: 'no.such.config', value: '1' }] }],
  ['INVALID_CONFIG', { name: 'new', configs: [{ name: 'max.message.bytes', value: 'many' }] }],
  ['INVALID_CONFIG', { name: 'new', configs: [{ name: 'cleanup.policy', value: 'burn' }] }],
  ['INVALID_REPLICA_ASSIGNMENT', { name: 'new', assignments: [{ partitionIndex: 1, brokerIds: [1] }] }],
  ['INVALID_REPLICA_ASSIGNMENT', { name: 'new', assignments: [{ partitionIndex: 0, brokerIds: [9] }] }],
]
for (const [error, topic] of refused)
  test(`CreateTopics: ${error} for ${JSON.stringify(topic)}`, async () => {
    const answer = await create(topic)
    expect(answer.errorCode).toBe(errorNumber(error))
    expect(answer.errorMessage).toMatch(/\w/)
    expect(broker.topics).toEqual(['there'])
  })

test('CreateTopics: a name given twice, and a request that only asks whether it would do', async () => {
  const topics = [{ name: 'new', numPartitions: 1, replicationFactor: 1 }]
  const twice = await connection.call(apis.createTopics, 7, { topics: [...topics, ...topics] })
  expect(twice.topics.map(({ errorCode }) => errorCode)).toEqual([42, 42])
  expect(await create({ name: 'new' }, 7, true)).toMatchObject({ errorCode: 0 })
  expect(broker.topics).toEqual(['there'])
})

test('DeleteTopics by name and by id', async () => {
  const byName = await connection.call(apis.deleteTopics, 5, { topicNames: ['there', 'nowhere'], timeoutMs: 1000 })
  expect(byName.responses.map(({ errorCode }) => errorCode)).toEqual([0, errorNumber('UNKNOWN_TOPIC_OR_PARTITION')])
  broker.createTopic('again')
  const topics = [{ topicId: broker.topicId('again') }, { topicId: 'BBBBBBBBBBBBBBBBBBBBBA' }]
  const byId = await connection.call(apis.deleteTopics, 6, { topics, timeoutMs: 1000 })
  expect(byId.responses.map(({ errorCode }) => errorCode)).toEqual([0, errorNumber('UNKNOWN_TOPIC_ID')])
  expect(broker.topics).toEqual([])
})

for (const version of [1, 2, 3, 4])
  test(`DescribeConfigs v${version} tells values and where they come from`, async () => {
    await create({ name: 'new', configs: [{ name: 'max.message.bytes', value: '500' }] })
    const resources = [
      {
        resourceType: 2,
        resourceName: 'new',
        configurationKeys: ['max.message.bytes', 'retention.ms', 'cleanup.policy'],
      },
      { resourceType: 2, resourceName: 'nowhere', configurationKeys: null },
      { resourceType: 4, resourceName: '1', configurationKeys: null },
    ]
    const { results } = await connection.call(apis.describeConfigs, version, { resources, includeSynonyms: true })
    const shown = results[0]!.configs.map(({ name, value, configSource }) => [name, value, configSource])
    expect(Object.fromEntries(shown.map(([name, ...rest]) => [name, rest]))).toEqual({
      'max.message.bytes': ['500', 1],
      'retention.ms': ['1000', 4],
      'cleanup.policy': ['delete', 5],
    })
    expect(results.map(({ errorCode }) => errorCode)).toEqual([0, errorNumber('UNKNOWN_TOPIC_OR_PARTITION'), 0])
  })

test('DescribeConfigs shows what the broker that is asked was started with', async () => {
  const ask = async (resourceName: string, configurationKeys: string[] | null) => {
    const resources = [{ resourceType: 4, resourceName, configurationKeys }]
    return (await connection.call(apis.describeConfigs, 4, { resources, includeSynonyms: true })).results[0]!
  }
  const names = ['log.retention.ms', 'message.max.bytes', 'node.id', 'num.partitions']

  const some = await ask('1', names)

  expect(some.configs.map(({ name, value, configSource }) => [name, value, configSource]).sort()).toEqual([
    ['log.retention.ms', '1000', 4],
    ['message.max.bytes', '1048588', 5],
    ['node.id', '1', 4],
    ['num.partitions', '3', 4],
  ])
  expect((await ask('1', null)).configs.length).toBeGreaterThan(names.length)
})

for (const [name, errorMessage] of [
  ['2', 'Unexpected broker id, expected 1 or empty string, but received 2'],
  ['x', 'Broker id must be an integer, but it is: x'],
] as const)
  test(`DescribeConfigs of the broker "${name}" is refused by broker 1, as Kafka does`, async () => {
    const resources = [{ resourceType: 4, resourceName: name, configurationKeys: null }]
    const { results } = await connection.call(apis.describeConfigs, 4, { resources })
    expect(results).toEqual([
      { errorCode: errorNumber('INVALID_REQUEST'), errorMessage, resourceType: 4, resourceName: name, configs: [] },
    ])
  })

test('DescribeCluster tells the brokers', async () => {
  for (const version of [0, 1, 2]) {
    const cluster = await connection.call(apis.describeCluster, version, {})
    expect(cluster).toMatchObject({ errorCode: 0, clusterId: broker.clusterId, controllerId: 1 })
    expect(cluster.brokers.map(({ brokerId }) => brokerId)).toEqual([1, 2, 3])
  }
})

test('FindCoordinator names the leader of the partition that holds the state of a group', async () => {
  // "group".hashCode() is 98629247, "a" 97, "b" 98: partitions 7, 1 and 2 of 8.
  for (const version of [0, 1, 2, 3])
    expect(await connection.call(apis.findCoordinator, version, { key: 'group' })).toMatchObject({
      errorCode: 0,
      nodeId: broker.partition('__consumer_offsets', 7).leader,
    })
  broker.moveLeader('__consumer_offsets', 2, 1)
  const many = await connection.call(apis.findCoordinator, 4, { coordinatorKeys: ['a', 'b'] })
  expect(many.coordinators).toMatchObject([
    { key: 'a', nodeId: broker.partition('__consumer_offsets', 1).leader, errorCode: 0 },
    { key: 'b', nodeId: 1, errorCode: 0 },
  ])
  expect(broker.topics).not.toContain('__consumer_offsets')
})
