import { mkdirSync, rmdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { apis, type Draft } from '../../src/wire/protocol/index.ts'
import { dataFolder } from './data-folder.ts'
import { failingDisk } from './failing-disk.ts'
import type { RawConnection } from './raw-connection.ts'
import { code, RawTransaction, stateOf } from './transaction-calls.ts'

// What Kafka makes of a log that cannot be appended to: NOT_COORDINATOR where a coordinator writes its state, and the state
// stays what it was. Source: TransactionStateManager, GroupMetadataManager.appendGroupMetadataErrorToResponseError.

const groups = /__consumer_offsets/
const transactions = /__transaction_state/
const none = Buffer.alloc(0)

let folder: ReturnType<typeof dataFolder>
let broker: Broker
let tx: RawTransaction
let connection: RawConnection
let clock: ManualClock

const start = (options: BrokerOptions = {}) =>
  startBroker({
    ...{ dataDir: folder.path, clock, topics: { orders: { partitions: 2 } }, groupInitialRebalanceDelayMs: 0 },
    ...options,
  })

beforeEach(async () => {
  folder = dataFolder()
  clock = new ManualClock()
  broker = await start()
  await connect()
})

async function connect() {
  tx = await RawTransaction.open(broker)
  tx.wallTime = () => clock.wallTime()
  connection = tx.connection
}

afterEach(async () => {
  await tx[Symbol.asyncDispose]()
  await broker.close()
  folder[Symbol.dispose]()
})

/** What a broker knows that has only the log. */
async function afterRestart(options?: BrokerOptions): Promise<void> {
  await broker.close()
  broker = await start(options)
}

describe('groups', () => {
  const join = (given: Partial<Draft<typeof apis.joinGroup.request>> = {}) =>
    connection.call(apis.joinGroup, 5, {
      ...{ groupId: 'g', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: '', protocolType: 'consumer' },
      protocols: [{ name: 'range', metadata: none }],
      ...given,
    })
  const sync = async (memberId: string, generationId: number) => {
    const assignments = [{ memberId, assignment: Buffer.from('a') }]
    return connection.call(apis.syncGroup, 3, { groupId: 'g', generationId, memberId, assignments })
  }
  const commit = async (offset: bigint) => {
    const partitions = [0, 9].map(partitionIndex => ({
      partitionIndex,
      committedOffset: offset,
      committedMetadata: '',
    }))
    const { topics } = await connection.call(apis.offsetCommit, 8, {
      ...{ groupId: 'g', generationIdOrMemberEpoch: -1, memberId: '' },
      topics: [{ name: 'orders', partitions }],
    })
    return topics[0]!.partitions.map(({ errorCode }) => errorCode)
  }
  const committed = () => broker.groups().flatMap(({ offsets }) => offsets.map(({ offset }) => offset))
  const generations = () => broker.groups().map(({ state, generationId }) => [state, generationId])

  test('an offset that could not be written is not committed', async () => {
    expect(await commit(5n)).toEqual([0, 0])
    const disk = failingDisk(groups)
    expect(await commit(6n)).toEqual([code('NOT_COORDINATOR'), code('NOT_COORDINATOR')])
    expect(committed()).toEqual([5n, 5n])
    disk.mend()
    expect(await commit(7n)).toEqual([0, 0])
    await afterRestart()
    expect(committed()).toEqual([7n, 7n])
  })

  test('offsets that could not be deleted are still there', async () => {
    await commit(5n)
    using _ = failingDisk(groups)
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }]
    const answer = await connection.call(apis.offsetDelete, 0, { groupId: 'g', topics })
    expect(answer).toMatchObject({ errorCode: code('NOT_COORDINATOR'), topics: [] })
    const { results } = await connection.call(apis.deleteGroups, 2, { groupsNames: ['g'] })
    expect(results).toMatchObject([{ errorCode: code('NOT_COORDINATOR') }])
    // A topic goes all the same.
    broker.deleteTopic('orders')
    expect(committed()).toEqual([5n, 5n])
  })

  test('a new group is not founded', async () => {
    await connection.call(apis.findCoordinator, 2, { key: 'g', keyType: 0 })
    const disk = failingDisk(groups)
    expect(await join()).toMatchObject({ errorCode: code('NOT_COORDINATOR') })
    expect(broker.groups()).toEqual([])
    disk.mend()
    expect(await join()).toMatchObject({ errorCode: code('MEMBER_ID_REQUIRED') })
  })

  test('assignments that could not be written are given to nobody, and the group comes together again', async () => {
    const { memberId } = await join()
    const joined = join({ memberId })
    await expect.poll(() => broker.requestCount('JoinGroup')).toBe(2)
    clock.advance(0)
    expect(await joined).toMatchObject({ errorCode: 0, generationId: 1 })
    const disk = failingDisk(groups)
    expect(await sync(memberId, 1)).toMatchObject({ errorCode: code('NOT_COORDINATOR'), assignment: none })
    expect(generations()).toEqual([['PreparingRebalance', 1]])
    disk.mend()
    expect(await join({ memberId })).toMatchObject({ errorCode: 0, generationId: 2 })
    expect(await sync(memberId, 2)).toMatchObject({ errorCode: 0, assignment: Buffer.from('a') })
    await afterRestart()
    expect(generations()).toEqual([['Stable', 2]])
  })

  test('a static member that comes again does not take over; the old one stays', async () => {
    const groupInstanceId = 'i'
    const joining = join({ groupInstanceId })
    await expect.poll(() => broker.requestCount('JoinGroup')).toBe(1)
    clock.advance(0)
    const { memberId } = await joining
    await sync(memberId, 1)
    const disk = failingDisk(groups)
    expect(await join({ groupInstanceId })).toMatchObject({ errorCode: code('NOT_COORDINATOR') })
    expect(broker.groups()[0]!.members.map(member => member.memberId)).toEqual([memberId])
    const beat = { groupId: 'g', generationId: 1, memberId, groupInstanceId }
    expect((await connection.call(apis.heartbeat, 3, beat)).errorCode).toBe(0)
    disk.mend()
    const again = await join({ groupInstanceId })
    expect(again).toMatchObject({ errorCode: 0, generationId: 1 })
    expect((await connection.call(apis.heartbeat, 3, beat)).errorCode).toBe(code('FENCED_INSTANCE_ID'))
  })
})

describe('transactions', () => {
  test('no step is taken that could not be written', async () => {
    await connection.call(apis.findCoordinator, 2, { key: 'tx', keyType: 1 })
    const disk = failingDisk(transactions)
    expect((await tx.tryInit()).errorCode).toBe(code('NOT_COORDINATOR'))
    expect(broker.transactions()).toEqual([])
    disk.mend()
    await tx.init()

    using again = failingDisk(transactions)
    expect(await tx.add()).toEqual([code('NOT_COORDINATOR')])
    expect((await tx.produce(['a'], { version: 12 })).errorCode).toBe(code('NOT_ENOUGH_REPLICAS'))
    expect(stateOf(broker)).toBe('Empty')
    again.mend()
    await tx.add()
    await tx.produce(['a'])

    using third = failingDisk(transactions)
    expect(await tx.end(true)).toBe(code('NOT_COORDINATOR'))
    expect((await tx.tryInit()).errorCode).toBe(code('NOT_COORDINATOR'))
    expect(broker.transactions()).toMatchObject([{ state: 'Ongoing', producerEpoch: 0 }])
    expect(() => broker.expireTransaction('tx')).toThrow(expect.objectContaining({ code: 'NOT_COORDINATOR' }))
    third.mend()
    await tx.endCompletely(broker, true)
    expect(broker.partition('orders', 0).lastStableOffset).toBe(2n)
    await afterRestart()
    expect(stateOf(broker)).toBe('CompleteCommit')
  })

  test('offsets in a transaction that could not be written are not pending', async () => {
    await tx.init()
    const group = { transactionalId: 'tx', ...tx.identity, groupId: 'g' }
    expect((await connection.call(apis.addOffsetsToTxn, 3, group)).errorCode).toBe(0)
    const disk = failingDisk(groups)
    const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedMetadata: '' }]
    const commit = async () => {
      const topics = [{ name: 'orders', partitions }]
      const { topics: answered } = await connection.call(apis.txnOffsetCommit, 3, { ...group, topics })
      return answered[0]!.partitions[0]!.errorCode
    }
    expect(await commit()).toBe(code('NOT_COORDINATOR'))
    expect(broker.groups()).toEqual([])
    disk.mend()
    expect(await commit()).toBe(0)
    await tx.endCompletely(broker, true)
    expect(broker.groups()[0]!.offsets).toMatchObject([{ offset: 5n }])
  })

  test('a transaction whose time is over is aborted when its end can be written', async () => {
    await tx.init()
    await tx.add()
    const disk = failingDisk(transactions)
    clock.advance(60_000)
    clock.advance(25_000)
    expect(stateOf(broker)).toBe('Ongoing')
    disk.mend()
    clock.advance(10_000)
    await expect.poll(() => stateOf(broker)).toBe('CompleteAbort')
  })

  test.each([
    ['a marker', /orders-1/],
    ['the last step', transactions],
  ])('a commit is completed when %s can be written, and every marker stands there once', async (_, path) => {
    await afterRestart({ transactionMarkerDelayMs: 100 })
    await connect()
    await tx.init()
    await tx.add('orders', [0, 1])
    await tx.produce(['a'])
    expect(await tx.end(true)).toBe(0)
    using disk = failingDisk(path)
    clock.advance(100)
    for (let second = 0; second < 3; second++) clock.advance(1_000)
    expect(stateOf(broker)).toBe('PrepareCommit')
    disk.mend()
    clock.advance(1_000)
    expect(stateOf(broker)).toBe('CompleteCommit')
    expect([0, 1].map(partition => broker.partition('orders', partition).endOffset)).toEqual([2n, 1n])
  })

  test('WriteTxnMarkers tells of the disk', async () => {
    await tx.init()
    await tx.add()
    await tx.produce(['a'])
    using _ = failingDisk(/orders/)
    const topics = [{ name: 'orders', partitionIndexes: [0] }]
    const { markers } = await connection.call(apis.writeTxnMarkers, 1, {
      markers: [{ ...tx.identity, transactionResult: false, coordinatorEpoch: 0, topics }],
    })
    expect(markers[0]!.topics[0]!.partitions[0]!.errorCode).toBe(code('KAFKA_STORAGE_ERROR'))
    expect(broker.partition('orders', 0)).toMatchObject({ endOffset: 1n, lastStableOffset: 0n })
  })
})

test('producer ids are given out when they can be written down', async () => {
  // Where the file is written that takes the place of meta.json.
  const inTheWay = `${folder.path}/meta.json.tmp`
  mkdirSync(inTheWay)
  const body = { transactionalId: null, transactionTimeoutMs: 60_000 }
  const first = await connection.call(apis.initProducerId, 4, body)
  rmdirSync(inTheWay)
  expect(first).toMatchObject({ errorCode: code('COORDINATOR_LOAD_IN_PROGRESS'), producerId: -1n })
  const second = await connection.call(apis.initProducerId, 4, body)
  expect(second).toMatchObject({ errorCode: 0, producerId: 1_000n })
})
