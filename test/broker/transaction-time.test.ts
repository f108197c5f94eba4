import { beforeEach, describe, expect, test } from 'vitest'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { dataFolder } from './data-folder.ts'
import { batchOf, produce } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'
import { code, RawTransaction, stateOf } from './transaction-calls.ts'

let broker: Broker
let tx: RawTransaction
let clock: ManualClock

async function start(options: BrokerOptions = {}) {
  clock = new ManualClock()
  broker = await startBroker({ topics: { orders: { partitions: 2 } }, clock, ...options })
  tx = await RawTransaction.open(broker)
  tx.wallTime = () => clock.wallTime()
}

beforeEach(() => async () => {
  await tx[Symbol.asyncDispose]()
  await broker.close()
})

describe('a transaction that lasts too long', () => {
  test.each([1, 2] as const)('is aborted with a raised epoch (transaction.version %i)', async transactionVersion => {
    await start({ transactionVersion })
    await tx.init()
    await tx.add()
    await tx.produce(['a'])
    clock.advance(59_999)
    expect(stateOf(broker)).toBe('Ongoing')
    clock.advance(1)
    await expect.poll(() => stateOf(broker)).toBe('CompleteAbort')
    expect(broker.partition('orders', 0).lastStableOffset).toBe(2n)
    expect(broker.transactions()[0]!.producerEpoch).toBe(1)
    expect((await tx.produce(['b'])).errorCode).toBe(code('INVALID_PRODUCER_EPOCH'))
    expect(await tx.end(true)).toBe(code('PRODUCER_FENCED'))
    await tx.init()
    expect(tx.identity.producerEpoch).toBe(2)
  })

  test('is not aborted when it ends in time, and its timer is not that of the next', async () => {
    await start()
    await tx.init()
    await tx.add()
    clock.advance(40_000)
    await tx.endCompletely(broker, true)
    await tx.add()
    clock.advance(40_000)
    expect(stateOf(broker)).toBe('Ongoing')
    clock.advance(20_000)
    await expect.poll(() => stateOf(broker)).toBe('CompleteAbort')
  })

  test('is aborted by the test itself, and an id without one is forgotten', async () => {
    await start({ transactionMarkerDelayMs: 100 })
    await tx.init()
    await tx.add()
    broker.expireTransaction('tx')
    expect(stateOf(broker)).toBe('PrepareAbort')
    expect(() => broker.expireTransaction('tx')).toThrow(/not complete/)
    clock.advance(100)
    expect(stateOf(broker)).toBe('CompleteAbort')
    broker.expireTransaction('tx')
    expect(broker.transactions()).toEqual([])
    expect(() => broker.expireTransaction('tx')).toThrow(/no transactional id tx/)
    expect(await tx.add()).toEqual([code('INVALID_PRODUCER_ID_MAPPING')])
  })
})

describe('a transactional id that nobody has used for a week', () => {
  const week = 7 * 24 * 3_600_000
  const hour = 3_600_000

  test('is forgotten by the check that comes every hour, also after a restart, and a tombstone says so', async () => {
    using folder = dataFolder()
    await start({ dataDir: folder.path })
    await tx.init()
    await tx.add()
    await tx.endCompletely(broker, true)
    clock.advance(week / 2)
    await broker.close()
    broker = await startBroker({ dataDir: folder.path, clock })
    clock.advance(week / 2 - 1)
    expect(stateOf(broker)).toBe('CompleteCommit')

    clock.advance(hour)

    expect(broker.transactions()).toEqual([])
    expect(broker.records('__transaction_state').at(-1)).toMatchObject({ value: null })
    await broker.close()
    broker = await startBroker({ dataDir: folder.path, clock })
    expect(broker.transactions()).toEqual([])
  })

  test('stays while its transaction is not ended, or nobody leads its state', async () => {
    await start()
    await tx.init()
    await tx.add()
    broker.leaderless('orders', 0)
    await tx.end(true)
    clock.advance(week + hour)
    expect(stateOf(broker)).toBe('PrepareCommit')
    broker.moveLeader('orders', 0, 1)
    expect(stateOf(broker)).toBe('CompleteCommit')
    broker.moveCoordinator('transaction', 'tx', -1)
    clock.advance(week + hour)
    expect(stateOf(broker)).toBe('CompleteCommit')
    broker.moveCoordinator('transaction', 'tx', 1)
    clock.advance(hour)
    expect(broker.transactions()).toEqual([])
  })
})

describe('a producer id that has written nothing for a day', () => {
  test('is forgotten by the partition, unless its transaction is under way', async () => {
    await start()
    await tx.init()
    await tx.add()
    await tx.produce(['a'])
    const records = batchOf(['b'], { timestamp: clock.wallTime(), producerId: 77n, producerEpoch: 0, baseSequence: 0 })
    await produce(tx.connection, { records })
    const known = () => broker.partition('orders', 0).producers.map(({ producerId }) => producerId)
    clock.advance(50_000)
    // The time-out would end it.
    broker.moveCoordinator('transaction', 'tx', -1)
    clock.advance(86_400_000 - 50_000 - 1)
    expect(known()).toEqual([tx.identity.producerId, 77n])

    clock.advance(600_000)

    expect(known()).toEqual([tx.identity.producerId])
  })
})

describe('another cluster in the place of this one knows nothing of', () => {
  test('a transaction that was under way: its time-out writes nothing', async () => {
    await start()
    await tx.init()
    await tx.add()
    broker.replaceCluster()
    clock.advance(60_000)
    expect(broker.transactions()).toEqual([])
    expect(() => broker.partition('__transaction_state', 0)).toThrow('no topic')
  })

  test('a transaction that was to be completed: no marker is written', async () => {
    await start({ transactionMarkerDelayMs: 100 })
    await tx.init()
    await tx.add()
    await tx.end(true)
    broker.replaceCluster()
    clock.advance(100)
    expect(broker.transactions()).toEqual([])
    expect(() => broker.partition('__transaction_state', 0)).toThrow('no topic')
  })
})

describe('Produce v12 while the last transaction is being completed', () => {
  test('waits a moment', async () => {
    await start({ transactionMarkerDelayMs: 50 })
    await tx.init()
    await tx.produce(['a'], { version: 12 })
    await tx.end(true, 5)
    const early = tx.produce(['b'], { version: 12 })
    await expect.poll(() => broker.requestCount('Produce')).toBe(2)
    for (let step = 0; step < 4; step++) clock.advance(20)
    expect((await early).errorCode).toBe(0)
  })

  test('is answered CONCURRENT_TRANSACTIONS after it, and older versions NOT_ENOUGH_REPLICAS at once', async () => {
    await start({ transactionMarkerDelayMs: 5_000 })
    await tx.init()
    await tx.produce(['a'], { version: 12 })
    await tx.end(true, 5)
    const early = tx.produce(['b'], { version: 12 })
    await expect.poll(() => broker.requestCount('Produce')).toBe(2)
    for (let step = 0; step < 6; step++) clock.advance(20)
    expect((await early).errorCode).toBe(code('CONCURRENT_TRANSACTIONS'))
    expect((await tx.produce(['b'], { version: 11 })).errorCode).toBe(code('NOT_ENOUGH_REPLICAS'))
  })
})

describe('releases', () => {
  test('before 3.6 let a partition be written to that was not added', async () => {
    await start({ asVersion: '2.8' })
    await tx.init(4)
    expect((await tx.produce(['a'], { version: 9 })).errorCode).toBe(0)
    expect(broker.partition('orders', 0)).toMatchObject({ endOffset: 1n, lastStableOffset: 0n })
    // Nobody ends it: a hanging transaction, as KIP-890 describes it.
    expect(await tx.end(true, 3)).toBe(code('INVALID_TXN_STATE'))
  })

  test('show their features, and what is finalized may be changed', async () => {
    await start({ asVersion: '4.3' })
    const versions = () =>
      tx.connection.call(apis.apiVersions, 4, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' })
    expect(await versions()).toMatchObject({
      finalizedFeaturesEpoch: 1n,
      supportedFeatures: [
        { name: 'metadata.version', minVersion: 7, maxVersion: 30 },
        { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
      ],
      finalizedFeatures: [
        { name: 'metadata.version', maxVersionLevel: 30, minVersionLevel: 30 },
        { name: 'transaction.version', maxVersionLevel: 2, minVersionLevel: 2 },
      ],
    })
    broker.setTransactionVersion(0)
    const { finalizedFeaturesEpoch, finalizedFeatures } = await versions()
    expect([finalizedFeaturesEpoch, finalizedFeatures.map(({ name }) => name)]).toEqual([2n, ['metadata.version']])
    const update = async (level: number, upgradeType: number, feature = 'transaction.version') => {
      const featureUpdates = [{ feature, maxVersionLevel: level, upgradeType }]
      return (await tx.connection.call(apis.updateFeatures, 2, { featureUpdates })).errorCode
    }
    expect(await update(3, 1)).toBe(code('INVALID_UPDATE_VERSION'))
    expect(await update(1, 1, 'no.such.feature')).toBe(code('INVALID_UPDATE_VERSION'))
    expect(await update(2, 1)).toBe(0)
    expect(await update(1, 1)).toBe(code('INVALID_UPDATE_VERSION'))
    expect(await update(1, 2)).toBe(0)
    expect((await versions()).finalizedFeatures[1]).toMatchObject({ name: 'transaction.version', maxVersionLevel: 1 })
  })

  test('without the feature show none', async () => {
    await start({ asVersion: '2.8' })
    const body = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }
    expect(await tx.connection.call(apis.apiVersions, 3, body)).toMatchObject({
      ...{ finalizedFeaturesEpoch: -1n, supportedFeatures: [], finalizedFeatures: [] },
    })
  })
})

describe('coordinators', () => {
  test('move: the old one answers NOT_COORDINATOR, and the new one goes on', async () => {
    await start({ brokers: 3 })
    broker.moveCoordinator('transaction', 'tx', 1)
    await tx.init()
    await tx.add()
    broker.moveCoordinator('transaction', 'tx', 2)
    expect(await tx.add()).toEqual([code('NOT_COORDINATOR')])
    expect(await tx.end(true)).toBe(code('NOT_COORDINATOR'))
    expect((await tx.tryInit()).errorCode).toBe(code('NOT_COORDINATOR'))
    await using second = await RawConnection.open(broker, 2)
    const body = { transactionalId: 'tx', ...tx.identity, committed: true }
    expect((await second.call(apis.endTxn, 4, body)).errorCode).toBe(0)
    const list = async (connection: RawConnection) =>
      (await connection.call(apis.listTransactions, 1, { stateFilters: [], producerIdFilters: [] })).transactionStates
    expect([await list(tx.connection), (await list(second)).map(one => one.transactionalId)]).toEqual([[], ['tx']])
  })

  test('are awaited: without a leader markers are written when there is one again', async () => {
    await start({ brokers: 3 })
    broker.moveCoordinator('transaction', 'tx', 1)
    broker.moveLeader('orders', 0, 1)
    await tx.init()
    await tx.add()
    await tx.produce(['a'])
    broker.moveLeader('orders', 0, -1)
    expect(await tx.end(true)).toBe(0)
    await new Promise(resolve => setImmediate(resolve))
    expect(stateOf(broker)).toBe('PrepareCommit')
    broker.moveLeader('orders', 0, 2)
    expect(stateOf(broker)).toBe('CompleteCommit')
    expect(broker.partition('orders', 0).lastStableOffset).toBe(2n)
  })
})

describe('what administrators see', () => {
  test('transactions by state, producer id, duration and pattern', async () => {
    await start()
    await tx.init()
    await tx.add()
    await using other = await RawTransaction.open(broker, 'other-1')
    await other.init()
    clock.advance(1_000)
    const list = async (filter: object, version = 2) => {
      const body = { stateFilters: [], producerIdFilters: [], ...filter }
      const answer = await tx.connection.call(apis.listTransactions, version, body)
      return answer.errorCode || answer.transactionStates.map(one => one.transactionalId)
    }
    expect(await list({})).toEqual(['tx', 'other-1'])
    expect(await list({ stateFilters: ['Ongoing'] })).toEqual(['tx'])
    expect(await list({ producerIdFilters: [other.identity.producerId] })).toEqual(['other-1'])
    expect(await list({ durationFilter: 999n })).toEqual(['tx'])
    expect(await list({ durationFilter: 1_000n })).toEqual([])
    expect(await list({ transactionalIdPattern: 'oth.*' })).toEqual(['other-1'])
    expect(await list({ transactionalIdPattern: 'oth' })).toEqual([])
    expect(await list({ transactionalIdPattern: '(' })).toBe(code('INVALID_REGULAR_EXPRESSION'))
    const body = { stateFilters: ['Ongoing', 'Asleep'], producerIdFilters: [] }
    const { unknownStateFilters } = await tx.connection.call(apis.listTransactions, 0, body)
    expect(unknownStateFilters).toEqual(['Asleep'])
  })

  test('an id that is not known, and one that is empty', async () => {
    await start()
    const answer = await tx.connection.call(apis.describeTransactions, 0, { transactionalIds: ['nobody', ''] })
    expect(answer.transactionStates.map(({ errorCode }) => errorCode)).toEqual([
      code('TRANSACTIONAL_ID_NOT_FOUND'),
      code('INVALID_REQUEST'),
    ])
  })

  test('a hanging transaction, which WriteTxnMarkers ends', async () => {
    await start({ asVersion: '2.8' })
    await tx.init(4)
    await tx.produce(['a'], { version: 9 })
    const producers = async () => {
      const topics = [{ name: 'orders', partitionIndexes: [0] }]
      const answer = await tx.connection.call(apis.describeProducers, 0, { topics })
      return answer.topics[0]!.partitions[0]!.activeProducers
    }
    const { producerId, producerEpoch } = tx.identity
    expect(await producers()).toMatchObject([
      { producerId, producerEpoch, lastSequence: 0, coordinatorEpoch: -1, currentTxnStartOffset: 0n },
    ])
    const mark = async (epoch: number, coordinatorEpoch: number) => {
      const topics = [{ name: 'orders', partitionIndexes: [0] }]
      const marker = { producerId, producerEpoch: epoch, transactionResult: false, coordinatorEpoch, topics }
      const answer = await tx.connection.call(apis.writeTxnMarkers, 1, { markers: [marker] })
      return answer.markers[0]!.topics[0]!.partitions[0]!.errorCode
    }
    expect(await mark(producerEpoch - 1, 3)).toBe(code('INVALID_PRODUCER_EPOCH'))
    expect(await mark(producerEpoch, 3)).toBe(0)
    expect(await mark(producerEpoch, 2)).toBe(code('TRANSACTION_COORDINATOR_FENCED'))
    expect(await producers()).toMatchObject([{ coordinatorEpoch: 3, currentTxnStartOffset: -1n }])
    expect(broker.partition('orders', 0).lastStableOffset).toBe(2n)
  })
})
