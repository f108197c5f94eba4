import { beforeEach, describe, expect, test } from 'vitest'
import { bareCluster } from '../../../test/broker/bare-cluster.ts'
import { brokerErrorCode } from '../../base/errors/index.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import type { Cluster } from '../cluster.ts'
import type { ClusterError } from '../cluster-error.ts'
import type { GroupCoordinator } from './coordinator.ts'
import type { JoinAnswer, SyncAnswer } from './member.ts'

const bytes = (text: string) => Buffer.from(text)
const errorOf = ({ errorCode }: { errorCode: number }) => brokerErrorCode(errorCode).name
const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'NONE'
  } catch (error) {
    return (error as ClusterError).code
  }
}

let clock: ManualClock
let cluster: Cluster
let groups: GroupCoordinator

/** A cluster of one broker, without sockets. */
function makeCluster(settings: { groupMaxSize?: number } = {}): void {
  clock = new ManualClock()
  cluster = bareCluster(clock, settings)
  cluster.createTopic('orders', { partitions: 2 })
  groups = cluster.groups
}

beforeEach(() => makeCluster())

interface JoinOptions {
  memberId?: string
  instance?: string
  protocols?: string[]
  metadata?: string
  version?: number
  protocolType?: string
}

function join(options: JoinOptions = {}): Promise<JoinAnswer> {
  const { memberId = '', instance = null, protocols = ['range'], metadata = 'm', version = 3 } = options
  return groups.join(
    {
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      memberId,
      groupInstanceId: instance,
      protocolType: options.protocolType ?? 'consumer',
      protocols: protocols.map(name => ({ name, metadata: bytes(metadata) })),
      reason: null,
    },
    { clientId: 'c', clientHost: '/127.0.0.1', version },
  )
}

function sync(joined: JoinAnswer, assignments: Record<string, string> = {}, instance: string | null = null) {
  return groups.sync({
    groupId: 'g',
    generationId: joined.generationId!,
    memberId: joined.memberId,
    groupInstanceId: instance,
    protocolType: null,
    protocolName: null,
    assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: bytes(text) })),
  })
}

const heartbeat = (member: JoinAnswer, generationId = member.generationId!) =>
  codeOf(() => groups.heartbeat({ groupId: 'g', memberId: member.memberId, generationId, groupInstanceId: null }))

const state = () => groups.find('g')?.state ?? 'none'

/** Whether a promise is settled when all that runs now has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open')
  return (await Promise.race([promise, new Promise(resolve => setImmediate(resolve, open))])) !== open
}

/** Members that came together in one generation, the leader first. */
async function stable(count: number, options: JoinOptions[] = []): Promise<JoinAnswer[]> {
  const joining = Array.from({ length: count }, (_, index) => join(options[index]))
  clock.advance(200)
  const joined = await Promise.all(joining)
  const leader = joined.find(({ memberId, leader }) => memberId === leader)!
  const assignments = Object.fromEntries(joined.map(({ memberId }, index) => [memberId, `a${index}`]))
  await Promise.all(joined.map((one, index) => sync(one, one === leader ? assignments : {}, options[index]?.instance)))
  return [leader, ...joined.filter(one => one !== leader)]
}

describe('the first rebalance', () => {
  test('waits for its delay, and is put off while members come', async () => {
    const first = join()
    clock.advance(90)
    const second = join()
    clock.advance(90)
    expect(await isSettled(first)).toBe(false)
    clock.advance(20)
    const [leader, other] = [await first, await second]
    expect(leader).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range', leader: leader.memberId })
    expect(leader.members.map(({ memberId }) => memberId)).toEqual([leader.memberId, other.memberId])
    expect(other).toMatchObject({ leader: leader.memberId, members: [] })
    expect(state()).toBe('CompletingRebalance')
  })

  test('gives everybody the assignment of the leader, who may come last', async () => {
    const joining = [join(), join()]
    clock.advance(200)
    const [leader, other] = (await Promise.all(joining)) as [JoinAnswer, JoinAnswer]
    const early = sync(other)
    expect(await isSettled(early)).toBe(false)
    const late = await sync(leader, { [leader.memberId]: 'mine', [other.memberId]: 'yours' })
    expect(late).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: 'range' })
    expect(Buffer.from(late.assignment).toString()).toBe('mine')
    expect(Buffer.from((await early).assignment).toString()).toBe('yours')
    expect(state()).toBe('Stable')
  })

  test('chooses the protocol that all support and most prefer', async () => {
    const joining = [
      join({ protocols: ['sticky', 'range', 'robin'] }),
      join({ protocols: ['robin', 'range'] }),
      join({ protocols: ['robin', 'range'] }),
    ]
    clock.advance(1_000)
    expect((await Promise.all(joining)).map(({ protocolName }) => protocolName)).toEqual(['robin', 'robin', 'robin'])
    expect(errorOf(await join({ protocols: ['sticky'] }))).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(errorOf(await join({ protocolType: 'connect' }))).toBe('INCONSISTENT_GROUP_PROTOCOL')
  })
})

describe('a newcomer from JoinGroup v4 on', () => {
  test('gets its member id first, and joins with it', async () => {
    const told = await join({ version: 4 })
    expect(errorOf(told)).toBe('MEMBER_ID_REQUIRED')
    expect(told.memberId).toMatch(/^c-[0-9a-f]{8}-/)
    const joined = join({ memberId: told.memberId, version: 4 })
    clock.advance(100)
    expect(await joined).toMatchObject({ errorCode: 0, memberId: told.memberId })
  })

  test('is forgotten where it does not come back within its session', async () => {
    const { memberId } = await join({ version: 4 })
    clock.advance(10_001)
    expect(errorOf(await join({ memberId, version: 4 }))).toBe('UNKNOWN_MEMBER_ID')
  })

  test('holds up a rebalance of the others until then', async () => {
    const [leader] = (await stable(1)) as [JoinAnswer]
    await join({ version: 4 })
    const again = join({ memberId: leader.memberId })
    expect(await isSettled(again)).toBe(false)
    clock.advance(10_001)
    expect(await again).toMatchObject({ errorCode: 0, generationId: 2 })
  })
})

describe('a rebalance', () => {
  test('is told to members by their heartbeats, and ends when all have joined again', async () => {
    const [leader, other] = (await stable(2)) as [JoinAnswer, JoinAnswer]
    expect(heartbeat(leader)).toBe('NONE')
    const newcomer = join()
    expect(state()).toBe('PreparingRebalance')
    expect(heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS')
    const again = [join({ memberId: leader.memberId }), join({ memberId: other.memberId })]
    expect((await Promise.all([newcomer, ...again])).map(({ generationId }) => generationId)).toEqual([2, 2, 2])
    expect(heartbeat(leader)).toBe('ILLEGAL_GENERATION')
    expect(heartbeat(leader, 2)).toBe('NONE')
  })

  test('goes on without those who do not come in time, with another leader if need be', async () => {
    const [leader, other] = (await stable(2)) as [JoinAnswer, JoinAnswer]
    const newcomer = join()
    for (let passed = 0; passed < 60_000; passed += 5_000) {
      heartbeat(leader)
      heartbeat(other)
      clock.advance(5_000)
    }
    const joined = await newcomer
    expect(joined).toMatchObject({ errorCode: 0, generationId: 2, leader: joined.memberId })
    expect(heartbeat(leader)).toBe('UNKNOWN_MEMBER_ID')
    expect(heartbeat(other)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('sends members back that wait for assignments', async () => {
    const joining = [join(), join()]
    clock.advance(200)
    const [leader, other] = (await Promise.all(joining)) as [JoinAnswer, JoinAnswer]
    const waiting = sync(other)
    const newcomer = join()
    expect(errorOf((await waiting) as SyncAnswer)).toBe('REBALANCE_IN_PROGRESS')
    void [join({ memberId: leader.memberId }), join({ memberId: other.memberId })]
    expect(await newcomer).toMatchObject({ generationId: 2 })
  })

  test('takes out who does not ask for its assignment within the rebalance timeout', async () => {
    const joining = [join(), join()]
    clock.advance(200)
    const [leader, other] = (await Promise.all(joining)) as [JoinAnswer, JoinAnswer]
    await sync(leader, {})
    for (let passed = 0; passed < 60_000; passed += 5_000) {
      heartbeat(leader)
      heartbeat(other)
      clock.advance(5_000)
    }
    expect(heartbeat(other)).toBe('UNKNOWN_MEMBER_ID')
    expect(heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS')
  })

  test('is begun by the leader that joins a stable group again, but not by a follower without news', async () => {
    const [leader, other] = (await stable(2)) as [JoinAnswer, JoinAnswer]
    expect(await join({ memberId: other.memberId })).toMatchObject({ errorCode: 0, generationId: 1 })
    expect(state()).toBe('Stable')
    void join({ memberId: leader.memberId })
    expect(state()).toBe('PreparingRebalance')
  })

  test('is begun by a follower with other metadata', async () => {
    const [, other] = (await stable(2)) as [JoinAnswer, JoinAnswer]
    void join({ memberId: other.memberId, metadata: 'other' })
    expect(state()).toBe('PreparingRebalance')
  })
})

describe('a session', () => {
  test('ends without heartbeats: the others are told, and an empty group stays', async () => {
    const [leader, other] = (await stable(2)) as [JoinAnswer, JoinAnswer]
    clock.advance(6_000)
    heartbeat(leader)
    clock.advance(5_000)
    expect(heartbeat(other)).toBe('UNKNOWN_MEMBER_ID')
    expect(heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS')
    clock.advance(10_001)
    expect(state()).toBe('Empty')
    expect(clock.pendingTimers).toBe(0)
  })

  test('is kept by commits', async () => {
    const [leader] = (await stable(1)) as [JoinAnswer]
    clock.advance(9_000)
    groups.checkCommit('g', 1, leader.memberId, null, 8)
    clock.advance(9_000)
    expect(heartbeat(leader)).toBe('NONE')
  })

  test('can be ended by hand', async () => {
    const [leader] = (await stable(2)) as [JoinAnswer]
    expect(groups.expireSession('g', leader.memberId)).toBe(true)
    expect(heartbeat(leader)).toBe('UNKNOWN_MEMBER_ID')
    expect(groups.expireSession('g', leader.memberId)).toBe(false)
  })
})

describe('a static member', () => {
  test('takes its place again without a rebalance, and fences whoever used its old member id', async () => {
    const [, other] = (await stable(2, [{ instance: 'i0' }, { instance: 'i1' }])) as [JoinAnswer, JoinAnswer]
    const again = await join({ instance: 'i1' })
    expect(again).toMatchObject({ errorCode: 0, generationId: 1 })
    expect(again.memberId).toMatch(/^i1-/)
    expect(state()).toBe('Stable')
    expect(Buffer.from((await sync(again, {}, 'i1')).assignment).toString()).toBe('a1')
    expect(codeOf(() => sync(other, {}, 'i1'))).toBe('FENCED_INSTANCE_ID')
    expect(heartbeat(other)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('as the leader is told from v9 on that it must not assign, and before that another leads', async () => {
    const [leader] = (await stable(2, [{ instance: 'i0' }])) as [JoinAnswer]
    const old = await join({ instance: 'i0', version: 8 })
    expect(old).toMatchObject({ leader: leader.memberId, members: [] })
    const again = await join({ instance: 'i0', version: 9 })
    expect(again).toMatchObject({ leader: again.memberId, skipAssignment: true })
    expect(again.members).toHaveLength(2)
  })

  test('that does not join in time stays until its session ends', async () => {
    const [, other] = (await stable(2, [{}, { instance: 'i1' }])) as [JoinAnswer, JoinAnswer]
    const [leader] = groups.find('g')!.members()
    void join({ memberId: leader!.memberId })
    for (let passed = 0; passed < 60_000; passed += 5_000) {
      heartbeat(other)
      clock.advance(5_000)
    }
    expect(groups.find('g')).toMatchObject({ state: 'CompletingRebalance', size: 2 })
  })

  test('is taken out by an administrator who knows only its instance id', async () => {
    await stable(2, [{ instance: 'i0' }, { instance: 'i1' }])
    const asked = [
      { memberId: '', groupInstanceId: 'i1' },
      { memberId: '', groupInstanceId: 'nobody' },
      { memberId: 'wrong', groupInstanceId: 'i0' },
    ]
    expect(groups.leave('g', asked)).toEqual([null, 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID'])
    expect(groups.find('g')!.size).toBe(1)
  })
})

test('members that leave begin a rebalance, and the last one empties the group', async () => {
  const [leader, other] = (await stable(2)) as [JoinAnswer, JoinAnswer]
  expect(groups.leave('g', [{ memberId: leader.memberId, groupInstanceId: null }])).toEqual([null])
  expect(state()).toBe('PreparingRebalance')
  expect(groups.leave('g', [{ memberId: other.memberId, groupInstanceId: null }])).toEqual([null])
  expect(groups.find('g')).toMatchObject({ state: 'Empty', generationId: 2, protocolName: null })
  expect(groups.leave('nobody', [{ memberId: 'm', groupInstanceId: null }])).toEqual(['UNKNOWN_MEMBER_ID'])
})

test('a group takes no more than its greatest size', async () => {
  makeCluster({ groupMaxSize: 2 })
  await stable(2)
  expect(errorOf(await join())).toBe('GROUP_MAX_SIZE_REACHED')
})

describe('committed offsets', () => {
  const offsetOf = () => groups.offsets.get('g', 'orders', 0)?.offset
  const commit = (offset: bigint, topic = 'orders') => ({ topic, partition: 0, offset, leaderEpoch: -1, metadata: '' })

  test('make a group of their own, until they have not been used for seven days', () => {
    groups.offsets.commit('g', [commit(5n)])
    expect(groups.list().map(({ groupId, state }) => [groupId, state])).toEqual([['g', 'Empty']])
    clock.advance(7 * 24 * 3_600_000 - 1)
    groups.list()
    expect(offsetOf()).toBe(5n)
    clock.advance(600_000)
    expect(groups.list()).toEqual([])
    expect(offsetOf()).toBeUndefined()
  })

  test('are taken from whoever may commit, and from nobody else', async () => {
    expect(codeOf(() => groups.checkCommit('g', -1, '', null, 8))).toBe('NONE')
    expect(codeOf(() => groups.checkCommit('g', 1, 'm', null, 8))).toBe('ILLEGAL_GENERATION')
    expect(codeOf(() => groups.checkCommit('g', 1, 'm', null, 9))).toBe('GROUP_ID_NOT_FOUND')
    const [leader] = (await stable(1)) as [JoinAnswer]
    expect(codeOf(() => groups.checkCommit('g', -1, '', null, 8))).toBe('UNKNOWN_MEMBER_ID')
    expect(codeOf(() => groups.checkCommit('g', 0, leader.memberId, null, 8))).toBe('ILLEGAL_GENERATION')
    expect(codeOf(() => groups.checkCommit('g', 1, leader.memberId, null, 8))).toBe('NONE')
    void join({ memberId: leader.memberId })
    expect(state()).toBe('CompletingRebalance')
    expect(codeOf(() => groups.checkCommit('g', 2, leader.memberId, null, 8))).toBe('REBALANCE_IN_PROGRESS')
    expect(codeOf(() => groups.validateTransactional('g', 2, leader.memberId, null))).toBe('NONE')
    expect(codeOf(() => groups.validateTransactional('g', 1, leader.memberId, null))).toBe('ILLEGAL_GENERATION')
    expect(codeOf(() => groups.validateTransactional('g', 2, 'm', null))).toBe('UNKNOWN_MEMBER_ID')
    expect(codeOf(() => groups.validateTransactional('g', -1, '', null))).toBe('NONE')
  })

  test('of a transaction count when it is committed, and an aborted one leaves none', () => {
    groups.offsets.pending('g', 7n, [commit(10n)], 0)
    expect([offsetOf(), groups.offsets.hasPending('g', 'orders', 0)]).toEqual([undefined, true])
    groups.offsets.endTransaction(7n, true)
    expect([offsetOf(), groups.offsets.hasPending('g', 'orders', 0)]).toEqual([10n, false])
    groups.offsets.pending('g', 7n, [commit(20n)], 0)
    groups.offsets.endTransaction(7n, false)
    expect(offsetOf()).toBe(10n)
  })

  test('that came after those of a transaction stay when it is committed', () => {
    groups.offsets.pending('g', 7n, [commit(10n)], 0)
    groups.offsets.commit('g', [commit(11n)])
    groups.offsets.endTransaction(7n, true)
    expect(offsetOf()).toBe(11n)
  })

  test('go with their topic', () => {
    cluster.createTopic('other', { partitions: 1 })
    groups.offsets.commit('g', [commit(1n), commit(2n, 'other')])
    cluster.deleteTopic(cluster.topic('orders')!)
    expect(groups.offsets.of('g').map(({ topic }) => topic)).toEqual(['other'])
  })
})

describe('what was written', () => {
  test('is read again: members, assignments, offsets, and transactions that have not ended', async () => {
    const [leader, other] = (await stable(2)) as [JoinAnswer, JoinAnswer]
    groups.offsets.commit('g', [{ topic: 'orders', partition: 1, offset: 9n, leaderEpoch: 3, metadata: 'note' }])
    groups.offsets.pending('g', 7n, [{ topic: 'orders', partition: 0, offset: 4n, leaderEpoch: -1, metadata: '' }], 0)
    groups.load()
    expect(groups.find('g')).toMatchObject({ state: 'Stable', generationId: 1, leaderId: leader.memberId })
    expect(heartbeat(other)).toBe('NONE')
    expect(Buffer.from((await sync(other)).assignment).toString()).toBe('a1')
    expect(groups.offsets.of('g')).toMatchObject([{ partition: 1, offset: 9n, leaderEpoch: 3, metadata: 'note' }])
    groups.offsets.endTransaction(7n, true)
    expect(groups.offsets.get('g', 'orders', 0)?.offset).toBe(4n)
    clock.advance(10_001)
    expect(state()).toBe('Empty')
  })

  test('of a deleted group is nothing', async () => {
    await stable(1)
    expect(codeOf(() => groups.delete('g'))).toBe('NON_EMPTY_GROUP')
    groups.expireSession('g')
    groups.offsets.commit('g', [{ topic: 'orders', partition: 1, offset: 9n, leaderEpoch: 3, metadata: '' }])
    groups.delete('g')
    groups.load()
    expect(groups.list()).toEqual([])
    expect(codeOf(() => groups.delete('g'))).toBe('GROUP_ID_NOT_FOUND')
  })

  test('goes to the next coordinator, and whoever waits is sent there', async () => {
    const [leader, other] = (await stable(2)) as [JoinAnswer, JoinAnswer]
    const waiting = join({ memberId: leader.memberId })
    cluster.addNode({ id: 2, host: 'h', port: 2, running: true })
    cluster.groupState.partitionOf('g').lead(2)
    expect(errorOf(await waiting)).toBe('NOT_COORDINATOR')
    expect(heartbeat(other)).toBe('NONE')
    cluster.groupState.partitionOf('g').lead(-1)
    expect(clock.pendingTimers).toBe(0)
    cluster.groupState.partitionOf('g').lead(1)
    expect(groups.find('g')).toMatchObject({ state: 'Stable', size: 2 })
  })
})
