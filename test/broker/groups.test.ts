import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { brokerErrorCode } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis, type Body, type Draft } from '../../src/wire/protocol/index.ts'
import { RawConnection } from './raw-connection.ts'

const nameOf = (code: number) => brokerErrorCode(code).name
const none = Buffer.alloc(0)

let broker: Broker
let connection: RawConnection

beforeEach(async () => {
  broker = await startBroker({ topics: { orders: { partitions: 2 }, other: {} }, groupInitialRebalanceDelayMs: 0 })
  connection = await RawConnection.open(broker)
})

afterEach(async () => {
  await connection[Symbol.asyncDispose]()
  await broker.close()
})

type JoinRequest = Draft<typeof apis.joinGroup.request>

const join = (version: number, given: Partial<JoinRequest> = {}) =>
  connection.call(apis.joinGroup, version, {
    ...{ groupId: 'g', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: '', protocolType: 'consumer' },
    protocols: [{ name: 'range', metadata: none }],
    ...given,
  })

/** The only member of a stable group. */
async function member(): Promise<Body<typeof apis.joinGroup.response>> {
  const joined = await join(3)
  const { generationId, memberId } = joined
  const assignments = [{ memberId, assignment: Buffer.from('a') }]
  await connection.call(apis.syncGroup, 3, { groupId: 'g', generationId, memberId, assignments })
  return joined
}

interface Commit {
  group?: string
  generation?: number
  memberId?: string
  topic?: string
  topicId?: string
  offset?: bigint
  metadata?: string
}

/** Commits one partition and gives the name of its error. */
async function commit(version: number, given: Commit = {}): Promise<string> {
  const { group = 'g', generation = -1, memberId = '', topic = 'orders', topicId, offset = 5n, metadata = '' } = given
  const { topics } = await connection.call(apis.offsetCommit, version, {
    ...{ groupId: group, generationIdOrMemberEpoch: generation, memberId },
    topics: [
      {
        ...(topicId === undefined ? { name: topic } : { topicId }),
        partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: metadata }],
      },
    ],
  })
  return nameOf(topics[0]!.partitions[0]!.errorCode)
}

describe('JoinGroup', () => {
  test.for(Array.from({ length: 10 }, (_, version) => version))('v%i lets a consumer in', async version => {
    const first = await join(version)
    if (version >= 4) expect(nameOf(first.errorCode)).toBe('MEMBER_ID_REQUIRED')
    const joined = version >= 4 ? await join(version, { memberId: first.memberId }) : first
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range', leader: joined.memberId })
    expect(joined.members).toHaveLength(1)
    expect(joined.protocolType).toBe(version >= 7 ? 'consumer' : null)
  })

  test.for([
    [{ groupId: '' }, 'INVALID_GROUP_ID'],
    [{ sessionTimeoutMs: 5_999 }, 'INVALID_SESSION_TIMEOUT'],
    [{ sessionTimeoutMs: 1_800_001 }, 'INVALID_SESSION_TIMEOUT'],
    [{ memberId: 'nobody' }, 'UNKNOWN_MEMBER_ID'],
    [{ protocols: [] }, 'INCONSISTENT_GROUP_PROTOCOL'],
    [{ protocolType: '' }, 'INCONSISTENT_GROUP_PROTOCOL'],
  ] as const)('%j is answered %s', async ([given, error]) => {
    const answer = await join(9, given)
    expect([nameOf(answer.errorCode), answer.protocolName]).toEqual([error, null])
    expect((await join(6, given)).protocolName).toBe('')
  })

  test('is given the error of a fault, before or after it has joined', async () => {
    broker.faults.failBefore('JoinGroup', 'COORDINATOR_LOAD_IN_PROGRESS')
    expect(nameOf((await join(3)).errorCode)).toBe('COORDINATOR_LOAD_IN_PROGRESS')
    expect(broker.groups()).toEqual([])
    broker.faults.failAfter('JoinGroup', 'COORDINATOR_LOAD_IN_PROGRESS')
    expect(nameOf((await join(3)).errorCode)).toBe('COORDINATOR_LOAD_IN_PROGRESS')
    expect(broker.groups()[0]!.members).toHaveLength(1)
  })
})

test('a broker that does not coordinate a group says so, API by API', async () => {
  await using three = await startBroker({ brokers: 3, topics: ['orders'] })
  await using asked = await RawConnection.open(three)
  const { coordinators } = await asked.call(apis.findCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] })
  const wrong = [1, 2, 3].find(id => id !== coordinators[0]!.nodeId)!
  await using other = await RawConnection.open(three, wrong)
  const member = { groupId: 'g', memberId: 'm', generationId: 1 }
  const answers = [
    await other.call(apis.heartbeat, 4, member),
    await other.call(apis.syncGroup, 5, { ...member, assignments: [] }),
    await other.call(apis.leaveGroup, 5, { groupId: 'g', members: [{ memberId: 'm' }] }),
    (await other.call(apis.offsetFetch, 9, { groups: [{ groupId: 'g', topics: null }] })).groups[0]!,
    (await other.call(apis.describeGroups, 5, { groups: ['g'] })).groups[0]!,
    (await other.call(apis.deleteGroups, 2, { groupsNames: ['g'] })).results[0]!,
    await other.call(apis.offsetDelete, 0, { groupId: 'g', topics: [] }),
  ]
  expect(answers.map(({ errorCode }) => nameOf(errorCode))).toEqual(answers.map(() => 'NOT_COORDINATOR'))
})

test('a member that waits for the others is told when the coordinator moves', async () => {
  await using three = await startBroker({ brokers: 3, groupInitialRebalanceDelayMs: 600_000 })
  await using asked = await RawConnection.open(three)
  const { coordinators } = await asked.call(apis.findCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] })
  const { nodeId } = coordinators[0]!
  await using waiting = await RawConnection.open(three, nodeId)
  const id = waiting.send(apis.joinGroup.request, 3, {
    ...{ groupId: 'g', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: '', protocolType: 'consumer' },
    protocols: [{ name: 'range', metadata: none }],
  })
  await three.waitForRequest('JoinGroup')
  for (let index = 0; index < 8; index++) three.moveLeader('__consumer_offsets', index, (nodeId % 3) + 1)
  expect(nameOf((await waiting.answer(apis.joinGroup.response, 3, id)).errorCode)).toBe('NOT_COORDINATOR')
})

describe('LeaveGroup', () => {
  test.for([0, 2, 3, 5])('v%i takes a member out, once', async version => {
    const { memberId } = await member()
    const request = version >= 3 ? { groupId: 'g', members: [{ memberId }] } : { groupId: 'g', memberId }
    const errors = async () => {
      const { errorCode, members } = await connection.call(apis.leaveGroup, version, request)
      return [errorCode, ...members.map(one => one.errorCode)].map(nameOf)
    }
    expect(await errors()).toEqual(version >= 3 ? ['NONE', 'NONE'] : ['NONE'])
    expect(await errors()).toEqual(version >= 3 ? ['NONE', 'UNKNOWN_MEMBER_ID'] : ['UNKNOWN_MEMBER_ID'])
    expect(broker.groups()).toMatchObject([{ state: 'Empty', members: [] }])
  })
})

describe('OffsetCommit', () => {
  test.for([2, 3, 4, 5, 6, 7, 8, 9])('v%i of somebody who is no member is kept', async version => {
    expect(await commit(version, { metadata: 'note' })).toBe('NONE')
    expect(broker.groups()).toMatchObject([
      { groupId: 'g', state: 'Empty', offsets: [{ topic: 'orders', partition: 0, offset: 5n, metadata: 'note' }] },
    ])
  })

  test('v10 names topics by their ids', async () => {
    expect(await commit(10, { topicId: broker.topicId('orders') })).toBe('NONE')
    expect(await commit(10, { topicId: Buffer.alloc(16, 7).toString('base64url') })).toBe('UNKNOWN_TOPIC_ID')
  })

  test('is refused partition by partition, or as a whole', async () => {
    const { memberId, generationId } = await member()
    const own = { memberId, generation: generationId }
    expect(await commit(8, own)).toBe('NONE')
    expect(await commit(8, { ...own, topic: 'nowhere' })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(await commit(8, { ...own, metadata: 'x'.repeat(4097) })).toBe('OFFSET_METADATA_TOO_LARGE')
    expect(await commit(8, { ...own, generation: 7 })).toBe('ILLEGAL_GENERATION')
    expect(await commit(8, { ...own, memberId: 'm' })).toBe('UNKNOWN_MEMBER_ID')
    expect(await commit(8)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('of a fault is refused before, or told after it was kept', async () => {
    broker.faults.failBefore('OffsetCommit', 'REBALANCE_IN_PROGRESS')
    expect(await commit(8)).toBe('REBALANCE_IN_PROGRESS')
    expect(broker.groups()).toEqual([])
    broker.faults.failAfter('OffsetCommit', 'REBALANCE_IN_PROGRESS', { topic: 'orders' })
    expect(await commit(8)).toBe('REBALANCE_IN_PROGRESS')
    expect(broker.groups()[0]!.offsets).toHaveLength(1)
  })
})

describe('OffsetFetch', () => {
  const topics = [{ name: 'orders', partitionIndexes: [0, 1] }]

  test.for([1, 2, 5, 7])('v%i gives what one group has committed, and -1 for the rest', async version => {
    await commit(8)
    const answer = await connection.call(apis.offsetFetch, version, { groupId: 'g', topics, groups: [] })
    expect(answer.topics[0]!.partitions.map(one => [one.committedOffset, one.errorCode])).toEqual([
      [5n, 0],
      [-1n, 0],
    ])
    if (version < 2) return
    const all = await connection.call(apis.offsetFetch, version, { groupId: 'g', topics: null, groups: [] })
    expect(all.topics.map(({ name, partitions }) => [name, partitions.length])).toEqual([['orders', 1]])
  })

  test.for([8, 9, 10])('v%i gives those of several groups', async version => {
    await commit(8)
    await commit(8, { group: 'h', topic: 'other', offset: 6n })
    const byName = [{ name: 'orders', partitionIndexes: [0] }]
    const byId = [
      { topicId: broker.topicId('orders'), partitionIndexes: [0] },
      { topicId: Buffer.alloc(16, 7).toString('base64url'), partitionIndexes: [0] },
    ]
    const asked = [
      { groupId: 'g', topics: version >= 10 ? byId : byName },
      { groupId: 'h', topics: null },
      { groupId: 'nobody', topics: null },
    ]
    const { groups } = await connection.call(apis.offsetFetch, version, { groups: asked })
    const found = groups.map(({ groupId, topics }) => [
      groupId,
      ...topics.flatMap(one => one.partitions.map(part => [part.committedOffset, nameOf(part.errorCode)])),
    ])
    const unknown = version >= 10 ? [[-1n, 'UNKNOWN_TOPIC_ID']] : []
    expect(found).toEqual([['g', [5n, 'NONE'], ...unknown], ['h', [6n, 'NONE']], ['nobody']])
    expect(groups[1]!.topics[0]).toMatchObject(version >= 10 ? { topicId: broker.topicId('other') } : { name: 'other' })
  })

  test('is given the error of a fault for the group, or for the partition that it names', async () => {
    await commit(8)
    broker.faults.failBefore('OffsetFetch', 'NOT_COORDINATOR')
    const fetch = () => connection.call(apis.offsetFetch, 8, { groups: [{ groupId: 'g', topics }] })
    expect(nameOf((await fetch()).groups[0]!.errorCode)).toBe('NOT_COORDINATOR')
    broker.faults.failBefore('OffsetFetch', 'UNSTABLE_OFFSET_COMMIT', { topic: 'orders', partition: 1 })
    const [group] = (await fetch()).groups
    expect(nameOf(group!.errorCode)).toBe('NONE')
    expect(group!.topics[0]!.partitions.map(({ errorCode }) => nameOf(errorCode))).toEqual([
      'NONE',
      'UNSTABLE_OFFSET_COMMIT',
    ])
  })
})

describe('administration', () => {
  const list = async (version: number, filter = {}) =>
    (await connection.call(apis.listGroups, version, filter)).groups.map(({ groupId }) => groupId)

  test('ListGroups filters by state and by type, whatever their case', async () => {
    await member()
    await commit(8, { group: 'h' })
    expect(await list(0)).toEqual(['g', 'h'])
    expect(await list(4, { statesFilter: ['stable'] })).toEqual(['g'])
    expect(await list(5, { statesFilter: ['Empty', 'Stable'], typesFilter: ['Classic'] })).toEqual(['g', 'h'])
    expect(await list(5, { typesFilter: ['consumer'] })).toEqual([])
  })

  test('DescribeGroups tells members and assignments of a stable group', async () => {
    const { memberId } = await member()
    const { groups } = await connection.call(apis.describeGroups, 5, { groups: ['g'] })
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
    })
    expect(groups[0]!.members).toMatchObject([{ memberId, clientId: 'raw', clientHost: '/127.0.0.1' }])
    expect(Buffer.from(groups[0]!.members[0]!.memberAssignment).toString()).toBe('a')
  })

  test('DescribeGroups calls an unknown group dead, and from v6 on not found', async () => {
    const of = async (version: number) =>
      (await connection.call(apis.describeGroups, version, { groups: ['nobody'] })).groups[0]!
    expect(await of(5)).toMatchObject({ errorCode: 0, groupState: 'Dead' })
    const told = await of(6)
    expect([nameOf(told.errorCode), told.errorMessage]).toEqual(['GROUP_ID_NOT_FOUND', 'Group nobody not found.'])
  })

  test('DeleteGroups deletes an empty group with its offsets, and no other', async () => {
    const { memberId } = await member()
    await commit(8, { group: 'h' })
    const remove = async () => {
      const { results } = await connection.call(apis.deleteGroups, 2, { groupsNames: ['g', 'h'] })
      return results.map(({ errorCode }) => nameOf(errorCode))
    }
    expect(await remove()).toEqual(['NON_EMPTY_GROUP', 'NONE'])
    broker.expireSession('g', memberId)
    expect(await remove()).toEqual(['NONE', 'GROUP_ID_NOT_FOUND'])
    expect(broker.groups()).toEqual([])
  })

  test('OffsetDelete spares topics that the group is subscribed to', async () => {
    // ConsumerProtocolSubscription v0: topics, then user data.
    const metadata = Buffer.from(`0000000000010006${Buffer.from('orders').toString('hex')}ffffffff`, 'hex')
    const { memberId, generationId } = await join(3, { protocols: [{ name: 'range', metadata }] })
    await connection.call(apis.syncGroup, 3, { groupId: 'g', generationId, memberId, assignments: [] })
    const own = { memberId, generation: generationId }
    await commit(8, own)
    await commit(8, { ...own, topic: 'other' })
    const topics = ['orders', 'other', 'nowhere'].map(name => ({ name, partitions: [{ partitionIndex: 0 }] }))
    const answer = await connection.call(apis.offsetDelete, 0, { groupId: 'g', topics })
    expect(answer.topics.map(({ partitions }) => nameOf(partitions[0]!.errorCode))).toEqual([
      'GROUP_SUBSCRIBED_TO_TOPIC',
      'NONE',
      'UNKNOWN_TOPIC_OR_PARTITION',
    ])
    expect(broker.groups()[0]!.offsets.map(({ topic }) => topic)).toEqual(['orders'])
    const unknown = await connection.call(apis.offsetDelete, 0, { groupId: 'nobody', topics })
    expect(nameOf(unknown.errorCode)).toBe('GROUP_ID_NOT_FOUND')
  })

  test('a broker can be asked to end sessions, and says where there are none', async () => {
    await member()
    expect(() => broker.expireSession('g', 'nobody')).toThrow('g has no member nobody')
    broker.expireSession('g')
    expect(() => broker.expireSession('g')).toThrow('group g has no members')
  })
})
