import { beforeEach, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { code, RawTransaction, stateOf } from './transaction-calls.ts'

let broker: Broker
let tx: RawTransaction

beforeEach(async () => {
  broker = await startBroker({ topics: { orders: { partitions: 2 } } })
  tx = await RawTransaction.open(broker)
  return async () => {
    await tx[Symbol.asyncDispose]()
    await broker.close()
  }
})

/** What a reader of committed records gets: values of the batches told, and the transactions it has to skip. */
async function readCommitted(offset = 0n, isolationLevel = 1) {
  const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1_000_000 }]
  const body = { maxWaitMs: 0, minBytes: 1, isolationLevel, topics: [{ topic: 'orders', partitions }] }
  const answer = await tx.connection.call(apis.fetch, 11, body)
  return answer.responses[0]!.partitions[0]!
}

async function latest(isolationLevel: number): Promise<bigint> {
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1n }] }]
  const answer = await tx.connection.call(apis.listOffsets, 6, { replicaId: -1, isolationLevel, topics })
  return answer.topics[0]!.partitions[0]!.offset
}

describe('a transaction', () => {
  test('is seen by readers of committed records when its marker is there, and not before', async () => {
    await tx.init()
    expect(await tx.add()).toEqual([0])
    expect(await tx.produce(['a', 'b'])).toMatchObject({ errorCode: 0, baseOffset: 0n })
    const open = await readCommitted()
    expect(open).toMatchObject({ highWatermark: 2n, lastStableOffset: 0n, abortedTransactions: [] })
    expect(open.records).toHaveLength(0)
    expect([await latest(0), await latest(1)]).toEqual([2n, 0n])

    await tx.endCompletely(broker, true)

    const committed = await readCommitted()
    expect(committed).toMatchObject({ highWatermark: 3n, lastStableOffset: 3n, abortedTransactions: [] })
    expect(committed.records!.length).toBeGreaterThan(0)
    expect(await latest(1)).toBe(3n)
    expect(stateOf(broker)).toBe('CompleteCommit')
  })

  test('that is aborted is named to readers of committed records, from its first offset on', async () => {
    await tx.init()
    await tx.add()
    await tx.produce(['a'])
    await tx.produce(['b'])
    await tx.endCompletely(broker, false)
    const { producerId } = tx.identity
    expect(await readCommitted()).toMatchObject({
      lastStableOffset: 3n,
      abortedTransactions: [{ producerId, firstOffset: 0n }],
    })
    expect((await readCommitted(3n)).abortedTransactions).toEqual([])
    expect((await readCommitted(0n, 0)).abortedTransactions).toBeNull()
  })

  test('holds back what others write behind it', async () => {
    await tx.init()
    await tx.add()
    await tx.produce(['a'])
    await using other = await RawTransaction.open(broker, 'other')
    await other.init()
    await other.add()
    await other.produce(['b'])
    await other.endCompletely(broker, true)
    expect(broker.partition('orders', 0)).toMatchObject({ highWatermark: 3n, lastStableOffset: 0n })
    await tx.endCompletely(broker, false)
    expect(broker.partition('orders', 0)).toMatchObject({ highWatermark: 4n, lastStableOffset: 4n })
  })

  test('wakes a long poll of committed records by its marker, not by its records', async () => {
    await tx.init()
    await tx.add()
    await using reader = await RawTransaction.open(broker, 'reader')
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }]
    const body = { maxWaitMs: 20_000, minBytes: 1, isolationLevel: 1, topics: [{ topic: 'orders', partitions }] }
    const polled = reader.connection.call(apis.fetch, 11, body)
    await tx.produce(['a'])
    await tx.produce(['b'])
    expect(reader.connection.hasFrame).toBe(false)
    await tx.endCompletely(broker, true)
    expect((await polled).responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, lastStableOffset: 3n })
  })
})

describe('EndTxn', () => {
  test('is answered before the markers are written, and what is asked meanwhile is CONCURRENT_TRANSACTIONS', async () => {
    await using slow = await startBroker({ topics: ['orders'], transactionMarkerDelayMs: 60 })
    await using one = await RawTransaction.open(slow)
    await one.init()
    await one.add()
    await one.produce(['a'])
    expect(await one.end(true)).toBe(0)
    expect(stateOf(slow)).toBe('PrepareCommit')
    expect(await one.add()).toEqual([code('CONCURRENT_TRANSACTIONS')])
    expect(await one.end(true)).toBe(code('CONCURRENT_TRANSACTIONS'))
    expect(await one.end(false)).toBe(code('INVALID_TXN_STATE'))
    expect((await one.tryInit()).errorCode).toBe(code('CONCURRENT_TRANSACTIONS'))
    await expect.poll(() => stateOf(slow)).toBe('CompleteCommit')
    expect(await one.add()).toEqual([0])
  })

  test('may be repeated, but not turned into its opposite', async () => {
    await tx.init()
    await tx.add()
    await tx.endCompletely(broker, true)
    expect(await tx.end(true)).toBe(0)
    expect(await tx.end(false)).toBe(code('INVALID_TXN_STATE'))
  })

  test('without a transaction is INVALID_TXN_STATE before v5, and aborts to be sure from v5 on', async () => {
    await tx.init()
    expect(await tx.end(false, 4)).toBe(code('INVALID_TXN_STATE'))
    expect(await tx.end(true, 5)).toBe(code('INVALID_TXN_STATE'))
    expect(await tx.end(false, 5)).toBe(0)
    expect(tx.identity.producerEpoch).toBe(1)
    await expect.poll(() => stateOf(broker)).toBe('CompleteAbort')
  })

  test('of v5 raises the epoch, tells a repeat from the end of the next one, and fences late copies', async () => {
    await tx.init()
    const first = tx.identity
    await tx.produce(['a'], { version: 12 })
    await tx.endCompletely(broker, true, 5)
    const second = tx.identity
    expect(second).toEqual({ producerId: first.producerId, producerEpoch: first.producerEpoch + 1 })
    expect(await tx.end(true, 5, first)).toBe(0)
    expect(tx.identity).toEqual(second)
    expect(await tx.end(true, 5)).toBe(code('INVALID_TXN_STATE'))
    expect(await tx.end(true, 5, { ...first, producerEpoch: 9 })).toBe(code('PRODUCER_FENCED'))
    // A late copy of a batch of the first transaction does not begin another one.
    expect((await tx.produce(['late'], { version: 12, identity: first })).errorCode).toBe(
      code('INVALID_PRODUCER_EPOCH'),
    )
    expect(broker.partition('orders', 0).lastStableOffset).toBe(2n)
  })

  test('of v5 gives a new producer id when the epochs are used up', async () => {
    await tx.init()
    const { producerId } = tx.identity
    await tx.raiseTo(32_766)
    const last = tx.identity
    expect(last).toEqual({ producerId, producerEpoch: 32_766 })
    await tx.produce(['a'], { version: 12 })
    await tx.endCompletely(broker, true, 5)
    expect(tx.identity.producerEpoch).toBe(0)
    expect(tx.identity.producerId).not.toBe(producerId)
    const renewed = tx.identity
    expect(await tx.end(true, 5, last)).toBe(0)
    expect(tx.identity).toEqual(renewed)
    expect((await tx.produce(['b'], { version: 12 })).errorCode).toBe(0)
  })

  test.each([
    [1, 'INVALID_PRODUCER_EPOCH'],
    [2, 'PRODUCER_FENCED'],
  ])('of v%i answers a fenced producer %s', async (version, error) => {
    await tx.init()
    const old = tx.identity
    await tx.add()
    await tx.init()
    expect(await tx.end(true, version, old)).toBe(code(error))
  })

  test('knows whose transaction it is', async () => {
    expect(await tx.end(true)).toBe(code('INVALID_PRODUCER_ID_MAPPING'))
    await tx.init()
    const stranger = { producerId: 999n, producerEpoch: 0 }
    expect(await tx.end(true, 4, stranger)).toBe(code('INVALID_PRODUCER_ID_MAPPING'))
    expect(await tx.end(true, 5, stranger)).toBe(code('INVALID_PRODUCER_ID_MAPPING'))
  })
})
