import { beforeEach, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, produce } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

let broker: Broker
let connection: RawConnection

beforeEach(async () => {
  broker = await startBroker({ brokers: 3, topics: { there: { partitions: 1 }, wide: { partitions: 3 } } })
  connection = await RawConnection.open(broker)
  return async () => {
    await connection[Symbol.asyncDispose]()
    await broker.close()
  }
})

for (const version of [0, 1, 2, 3])
  test(`CreatePartitions v${version} adds partitions, and only adds`, async () => {
    const ask = async (count: number, assignments: { brokerIds: number[] }[] | null = null, validateOnly = false) =>
      (
        await connection.call(apis.createPartitions, version, {
          topics: [{ name: 'there', count, assignments }],
          timeoutMs: 1000,
          validateOnly,
        })
      ).results[0]!.errorCode

    expect(await ask(4, null, true)).toBe(0)
    expect(() => broker.partition('there', 1)).toThrow()
    expect(await ask(2, [{ brokerIds: [3, 1] }])).toBe(0)
    expect(broker.partition('there', 1)).toMatchObject({ leader: 3, replicas: [3, 1] })
    expect(await ask(4)).toBe(0)
    expect(broker.partition('there', 3)).toMatchObject({ endOffset: 0n })
    expect(await ask(4)).toBe(errorNumber('INVALID_PARTITIONS'))
    expect(await ask(1)).toBe(errorNumber('INVALID_PARTITIONS'))
    expect(await ask(5, [{ brokerIds: [9] }])).toBe(errorNumber('INVALID_REPLICA_ASSIGNMENT'))
  })

test('DeleteRecords moves the start of the log, to the high watermark at most', async () => {
  for (const value of ['a', 'b', 'c'])
    await produce(connection, { topic: 'there', partition: 0, records: batchOf([value]) })
  const cut = async (offset: bigint) =>
    (
      await connection.call(apis.deleteRecords, 2, {
        topics: [{ name: 'there', partitions: [{ partitionIndex: 0, offset }] }],
        timeoutMs: 1000,
      })
    ).topics[0]!.partitions[0]!

  expect(await cut(1n)).toMatchObject({ errorCode: 0, lowWatermark: 1n })
  expect(broker.records('there').map(({ value }) => String(value))).toEqual(['b', 'c'])
  expect(await cut(4n)).toMatchObject({ errorCode: errorNumber('OFFSET_OUT_OF_RANGE'), lowWatermark: -1n })
  expect(await cut(-1n)).toMatchObject({ errorCode: 0, lowWatermark: 3n })
  expect(broker.partition('there', 0)).toMatchObject({ startOffset: 3n, endOffset: 3n })
})

test('IncrementalAlterConfigs sets, removes, appends and subtracts; AlterConfigs replaces', async () => {
  const incremental = async (name: string, configOperation: number, value: string | null, validateOnly = false) =>
    (
      await connection.call(apis.incrementalAlterConfigs, 1, {
        resources: [{ resourceType: 2, resourceName: 'there', configs: [{ name, configOperation, value }] }],
        validateOnly,
      })
    ).responses[0]!.errorCode
  const shown = async (name: string) =>
    (
      await connection.call(apis.describeConfigs, 4, {
        resources: [{ resourceType: 2, resourceName: 'there', configurationKeys: [name] }],
      })
    ).results[0]!.configs[0]!

  expect(await incremental('max.message.bytes', 0, '100', true)).toBe(0)
  expect(await shown('max.message.bytes')).toMatchObject({ value: '1048588', configSource: 5 })
  expect(await incremental('max.message.bytes', 0, '100')).toBe(0)
  expect(await shown('max.message.bytes')).toMatchObject({ value: '100', configSource: 1 })
  const tooLarge = await produce(connection, { topic: 'there', records: batchOf(['x'.repeat(200)]) })
  expect(tooLarge.errorCode).toBe(errorNumber('MESSAGE_TOO_LARGE'))
  expect(await incremental('cleanup.policy', 2, 'compact')).toBe(0)
  expect(await shown('cleanup.policy')).toMatchObject({ value: 'delete,compact' })
  expect(await incremental('cleanup.policy', 3, 'delete')).toBe(0)
  expect(await shown('cleanup.policy')).toMatchObject({ value: 'compact' })
  expect(await incremental('max.message.bytes', 1, null)).toBe(0)
  expect(await shown('max.message.bytes')).toMatchObject({ configSource: 5 })
  expect(await incremental('max.message.bytes', 2, '1')).toBe(errorNumber('INVALID_CONFIG'))
  expect(await incremental('no.such', 0, '1')).toBe(errorNumber('INVALID_CONFIG'))
  expect(await incremental('retention.ms', 0, 'soon')).toBe(errorNumber('INVALID_CONFIG'))

  const replaced = await connection.call(apis.alterConfigs, 2, {
    resources: [{ resourceType: 2, resourceName: 'there', configs: [{ name: 'retention.ms', value: '5' }] }],
    validateOnly: false,
  })
  expect(replaced.responses[0]!.errorCode).toBe(0)
  expect(await shown('cleanup.policy')).toMatchObject({ value: 'delete', configSource: 5 })
  expect(await shown('retention.ms')).toMatchObject({ value: '5', configSource: 1 })
})

test('ElectLeaders gives leadership back to the preferred replica, and finds a leader where there is none', async () => {
  const elect = async (electionType: number, topicPartitions: { topic: string; partitions: number[] }[] | null) =>
    (await connection.call(apis.electLeaders, 2, { electionType, topicPartitions, timeoutMs: 1000 }))
      .replicaElectionResults
  const [preferred] = broker.partition('wide', 0).replicas
  const other = broker.partition('wide', 0).replicas[1]!
  broker.moveLeader('wide', 0, other)

  expect(await elect(0, null)).toMatchObject([
    { topic: 'wide', partitionResult: [{ partitionId: 0, errorCode: 0, errorMessage: null }] },
  ])
  expect(broker.partition('wide', 0).leader).toBe(preferred)
  expect((await elect(0, [{ topic: 'wide', partitions: [0, 9] }]))[0]!.partitionResult).toMatchObject([
    { errorCode: errorNumber('ELECTION_NOT_NEEDED') },
    { errorCode: errorNumber('UNKNOWN_TOPIC_OR_PARTITION') },
  ])
  broker.moveLeader('wide', 1, -1)
  expect((await elect(1, [{ topic: 'wide', partitions: [1] }]))[0]!.partitionResult[0]!.errorCode).toBe(0)
  expect(broker.partition('wide', 1).leader).toBeGreaterThan(0)
})

test('OffsetForLeaderEpoch says where an epoch ended', async () => {
  const leader = broker.partition('there', 0).leader
  await produce(connection, { topic: 'there', partition: 0, records: batchOf(['a', 'b']) })
  broker.moveLeader('there', 0, -1)
  broker.moveLeader('there', 0, leader)
  await produce(connection, { topic: 'there', partition: 0, records: batchOf(['c']) })
  const end = async (leaderEpoch: number, currentLeaderEpoch = -1) =>
    (
      await connection.call(apis.offsetForLeaderEpoch, 4, {
        topics: [{ topic: 'there', partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }],
      })
    ).topics[0]!.partitions[0]!

  expect(await end(0)).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 2n })
  expect(await end(1)).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 2n })
  expect(await end(2)).toMatchObject({ errorCode: 0, leaderEpoch: 2, endOffset: 3n })
  expect(await end(7)).toMatchObject({ errorCode: 0, leaderEpoch: -1, endOffset: -1n })
  expect(await end(2, 1)).toMatchObject({ errorCode: errorNumber('FENCED_LEADER_EPOCH') })
})

test('DescribeTopicPartitions gives page after page', async () => {
  const page = (cursor: { topicName: string; partitionIndex: number } | null) =>
    connection.call(apis.describeTopicPartitions, 0, { topics: [], responsePartitionLimit: 2, cursor })
  const first = await page(null)
  expect(first.topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([
    ['there', 1],
    ['wide', 1],
  ])
  expect(first.nextCursor).toEqual({ topicName: 'wide', partitionIndex: 1 })
  const second = await page(first.nextCursor)
  expect(second.topics.map(({ partitions }) => partitions.map(one => one.partitionIndex))).toEqual([[1, 2]])
  expect(second.nextCursor).toBeNull()
})

test('DescribeLogDirs, ListConfigResources, ACLs and reassignments', async () => {
  await produce(connection, { topic: 'there', partition: 0, records: batchOf(['a']) })
  const dirs = await connection.call(apis.describeLogDirs, 4, { topics: [{ topic: 'there', partitions: [0] }] })
  const size = dirs.results[0]!.topics[0]!.partitions[0]!.partitionSize
  expect(size).toBe(BigInt(broker.batches('there', 0)[0]!.sizeInBytes))
  const resources = await connection.call(apis.listConfigResources, 1, { resourceTypes: [2] })
  expect(resources.configResources.map(({ resourceName }) => resourceName)).toEqual(['there', 'wide'])
  const filter = { resourceNameFilter: null, principalFilter: null, hostFilter: null }
  const acls = await connection.call(apis.describeAcls, 3, {
    ...{ ...filter, resourceTypeFilter: 1, patternTypeFilter: 1, operation: 1, permissionType: 1 },
  })
  expect(acls).toMatchObject({ errorCode: errorNumber('SECURITY_DISABLED') })
  const moving = await connection.call(apis.listPartitionReassignments, 0, { topics: null, timeoutMs: 1000 })
  expect(moving).toMatchObject({ errorCode: 0, topics: [] })
})
