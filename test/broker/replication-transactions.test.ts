import { beforeEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, produce } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'
import { code, leaderOf, RawTransaction, stateOf } from './transaction-calls.ts'

let broker: Broker
let tx: RawTransaction

beforeEach(async () => {
  broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 1 } } })
  tx = await RawTransaction.find(broker.bootstrapServers, 'tx', 'orders')
  return async () => {
    await tx[Symbol.asyncDispose]()
    await broker.close()
  }
})

const state = () => broker.partition('orders', 0)
/** Markers are written at the end of a turn. */
const turn = () => new Promise(resolve => setImmediate(resolve))

async function begin(): Promise<void> {
  await tx.init()
  expect(await tx.add()).toEqual([0])
  expect(await tx.produce(['a', 'b'])).toMatchObject({ errorCode: 0, baseOffset: 0n })
}

/** What a reader of committed records is given: how many bytes, and up to where it could be. */
async function readCommitted() {
  await using leader = await leaderOf(broker.bootstrapServers, 'orders')
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }]
  const body = { maxWaitMs: 0, minBytes: 1, isolationLevel: 1, topics: [{ topic: 'orders', partitions }] }
  const { records, lastStableOffset } = (await leader.call(apis.fetch, 11, body)).responses[0]!.partitions[0]!
  return { bytes: records!.length, lastStableOffset }
}

test('the last stable offset is no further than the high watermark', async () => {
  await begin()
  await tx.endCompletely(broker, true)
  broker.pauseReplication('orders')
  await produce(tx.leader, { acks: 1, records: batchOf(['c']) })
  expect(state()).toMatchObject({ endOffset: 4n, highWatermark: 3n, lastStableOffset: 3n })
  broker.resumeReplication('orders')
  expect(state()).toMatchObject({ highWatermark: 4n, lastStableOffset: 4n })
})

test('a transaction is complete when its marker is replicated; until then its records are not seen, and the next cannot begin', async () => {
  await begin()
  broker.pauseReplication('orders')
  expect(await tx.end(true)).toBe(0)
  while (state().endOffset < 3n) await turn()
  expect(state()).toMatchObject({ highWatermark: 2n, lastStableOffset: 0n })
  expect(stateOf(broker)).toBe('PrepareCommit')
  expect(await tx.add()).toEqual([code('CONCURRENT_TRANSACTIONS')])
  expect(await readCommitted()).toEqual({ bytes: 0, lastStableOffset: 0n })

  broker.resumeReplication('orders')

  expect(stateOf(broker)).toBe('CompleteCommit')
  expect(await readCommitted()).toMatchObject({ lastStableOffset: 3n })
  expect(await tx.add()).toEqual([0])
})

test('a marker that a new leader lacks is written again, in its epoch, and no transaction is left hanging', async () => {
  await begin()
  await using other = await RawTransaction.find(broker.bootstrapServers, 'other', 'orders')
  await other.init()
  await other.add()
  await other.produce(['c'])
  broker.pauseReplication('orders')
  await tx.end(true)
  await other.end(false)
  while (state().endOffset < 5n) await turn()

  broker.moveLeader('orders', 0, state().leader === 2 ? 3 : 2, { truncate: true })

  expect(state()).toMatchObject({ endOffset: 5n, highWatermark: 3n })
  expect([stateOf(broker), stateOf(broker, 'other')]).toEqual(['PrepareCommit', 'PrepareAbort'])
  broker.resumeReplication('orders')
  expect([stateOf(broker), stateOf(broker, 'other')]).toEqual(['CompleteCommit', 'CompleteAbort'])
  expect(state()).toMatchObject({ endOffset: 5n, lastStableOffset: 5n })
  expect(broker.batches('orders', 0).map(({ leaderEpoch }) => leaderEpoch)).toEqual([0, 0, 1, 1])
})

test('a marker that a new leader has is not written twice', async () => {
  await begin()
  broker.pauseReplication('orders')
  await tx.end(true)
  while (state().endOffset < 3n) await turn()
  broker.moveLeader('orders', 0, state().leader === 2 ? 3 : 2)
  broker.resumeReplication('orders')
  expect(stateOf(broker)).toBe('CompleteCommit')
  expect(state().endOffset).toBe(3n)
})

test('an administrator who ends a hanging transaction waits for the marker as well', async () => {
  await begin()
  broker.pauseReplication('orders')
  const { producerId, producerEpoch } = tx.identity
  const topics = [{ name: 'orders', partitionIndexes: [0] }]
  const markers = [{ producerId, producerEpoch, transactionResult: false, topics, coordinatorEpoch: 9 }]
  const ask = () => tx.leader.send(apis.writeTxnMarkers.request, 1, { markers })
  const answer = async (id: number) => {
    const { markers } = await tx.leader.answer(apis.writeTxnMarkers.response, 1, id)
    return markers[0]!.topics[0]!.partitions[0]!.errorCode
  }
  const first = ask()
  while (state().endOffset < 3n) await turn()
  broker.resumeReplication()
  expect(await answer(first)).toBe(0)

  broker.pauseReplication()
  const second = ask()
  while (state().endOffset < 4n) await turn()
  broker.moveLeader('orders', 0, state().leader === 2 ? 3 : 2)
  expect(await answer(second)).toBe(code('NOT_LEADER_OR_FOLLOWER'))
})

test('coordinators write at once, whatever is paused', async () => {
  broker.pauseReplication()
  await tx.init()
  await using connection = await RawConnection.open(broker)
  await connection.call(apis.findCoordinator, 2, { key: 'group', keyType: 0 })
  for (let partition = 0; partition < broker.partitionCount('__transaction_state'); partition++) {
    const { endOffset, highWatermark } = broker.partition('__transaction_state', partition)
    expect(highWatermark).toBe(endOffset)
  }
})
