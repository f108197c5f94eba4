import { beforeEach, describe, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { apis, type Draft } from '../../src/wire/protocol/index.ts'
import { readBatchHeader } from '../../src/wire/protocol/records/record-batch.ts'
import { dataFolder } from './data-folder.ts'
import { produce, sequenced } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'
import { broker, clock, codeOf, leader, orders, start, startForEach } from './replicated-orders.ts'

startForEach()

function fetchBody(offset: bigint, request: Partial<Draft<typeof apis.fetch.request>> = {}) {
  const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1_000_000 }]
  return { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 'orders', partitions }], ...request }
}

async function fetch(offset: bigint, request: Partial<Draft<typeof apis.fetch.request>> = {}) {
  const answer = await leader.call(apis.fetch, 11, fetchBody(offset, request))
  const { errorCode, highWatermark, lastStableOffset, records } = answer.responses[0]!.partitions[0]!
  return { errorCode, highWatermark, lastStableOffset, bytes: records!.length }
}

async function offsetAt(timestamp: bigint, version = 7, connection = leader) {
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp }] }]
  const answer = await connection.call(apis.listOffsets, version, { replicaId: -1, topics })
  return answer.topics[0]!.partitions[0]!
}

describe('consumers', () => {
  beforeEach(async () => {
    await produce(leader, { records: orders.batch('a') })
    broker.pauseReplication('orders')
    clock.advance(10)
    await produce(leader, { acks: 1, records: orders.batch('b', 'c') })
  })

  test('see as far as the high watermark', async () => {
    const { sizeInBytes } = broker.batches('orders', 0)[0]!
    expect(await fetch(0n)).toEqual({ errorCode: 0, highWatermark: 1n, lastStableOffset: 1n, bytes: sizeInBytes })
    expect(await fetch(1n)).toMatchObject({ errorCode: 0, bytes: 0 })
    // In the log, but not to be seen, is not out of range.
    expect(await fetch(2n)).toMatchObject({ errorCode: 0, bytes: 0 })
    expect((await fetch(4n)).errorCode).toBe(errorNumber('OFFSET_OUT_OF_RANGE'))
    broker.resumeReplication()
    expect((await fetch(0n)).bytes).toBeGreaterThan(sizeInBytes)
  })

  test('are told offsets as far as the high watermark, by time too', async () => {
    const second = BigInt(clock.wallTime())
    expect((await offsetAt(-1n)).offset).toBe(1n)
    expect((await offsetAt(second - 10n)).offset).toBe(0n)
    expect((await offsetAt(second)).offset).toBe(-1n)
    expect((await offsetAt(-3n)).offset).toBe(-1n)
    broker.resumeReplication()
    expect([(await offsetAt(-1n)).offset, (await offsetAt(second)).offset, (await offsetAt(-3n)).offset]).toEqual([
      3n,
      1n,
      1n,
    ])
  })

  test('wait for the high watermark, not for the append', async () => {
    const arrived = broker.waitForRequest('Fetch')
    const id = leader.send(apis.fetch.request, 11, fetchBody(1n, { maxWaitMs: 600_000 }))
    await arrived
    await using other = await RawConnection.open(broker)
    await produce(other, { acks: 1, records: orders.batch('d') })
    expect(leader.hasFrame).toBe(false)
    broker.resumeReplication()
    const { records, highWatermark } = (await leader.answer(apis.fetch.response, 11, id)).responses[0]!.partitions[0]!
    expect([highWatermark, readBatchHeader(records as Buffer, 0).baseOffset]).toEqual([4n, 1n])
  })

  test('of a new leader are not told where the end is until its high watermark has reached its first offset', async () => {
    broker.moveLeader('orders', 0, 2)
    await using next = await RawConnection.open(broker, 2)
    const errorAt = async (timestamp: bigint, version?: number) => (await offsetAt(timestamp, version, next)).errorCode
    expect(await errorAt(-1n)).toBe(errorNumber('OFFSET_NOT_AVAILABLE'))
    expect(await errorAt(-1n, 4)).toBe(errorNumber('LEADER_NOT_AVAILABLE'))
    expect(await errorAt(BigInt(clock.wallTime()))).toBe(errorNumber('OFFSET_NOT_AVAILABLE'))
    expect([await errorAt(-2n), await errorAt(0n)]).toEqual([0, 0])
    broker.resumeReplication()
    expect(await offsetAt(-1n, 7, next)).toMatchObject({ errorCode: 0, offset: 3n })
  })
})

describe('a new leader that lacks what was not replicated', () => {
  test('has what was acknowledged with acks=all, and no more; producers are known as the rest of the log knows them', async () => {
    expect(await codeOf(produce(leader, { records: sequenced(0, 2) }))).toBe(0)
    broker.pauseReplication('orders')
    expect(await codeOf(produce(leader, { acks: 1, records: sequenced(2, 3) }))).toBe(0)
    const waiting = await orders.sent({ records: sequenced(5, 1) })
    expect(orders.state).toMatchObject({ endOffset: 6n, highWatermark: 2n })

    broker.moveLeader('orders', 0, 2, { truncate: true })

    expect(await codeOf(waiting.answer())).toBe(errorNumber('NOT_LEADER_OR_FOLLOWER'))
    expect(orders.values()).toEqual(['s0', 's1'])
    expect(orders.state).toMatchObject({ leader: 2, leaderEpoch: 1, endOffset: 2n, highWatermark: 2n })
    expect(orders.state.producers).toMatchObject([{ producerId: 7n, batches: [{ baseSequence: 0, lastSequence: 1 }] }])
    broker.resumeReplication()
    await using next = await RawConnection.open(broker, 2)
    // The retry of what was lost is no duplicate, and what comes behind a lost batch is out of order.
    expect(await codeOf(produce(next, { records: sequenced(5, 1) }))).toBe(errorNumber('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    expect(await produce(next, { records: sequenced(0, 2) })).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(await produce(next, { records: sequenced(2, 3) })).toMatchObject({ errorCode: 0, baseOffset: 2n })
    expect(await produce(next, { records: sequenced(5, 1) })).toMatchObject({ errorCode: 0, baseOffset: 5n })
    expect(orders.values()).toEqual(['s0', 's1', 's2', 's3', 's4', 's5'])
    expect(broker.batches('orders', 0).map(({ leaderEpoch }) => leaderEpoch)).toEqual([0, 1, 1])
  })

  test('tells consumers where the old epoch ended, and that what they had seen is all there', async () => {
    await produce(leader, { records: orders.batch('a') })
    broker.pauseReplication('orders')
    await produce(leader, { acks: 1, records: orders.batch('b') })
    broker.moveLeader('orders', 0, 2, { truncate: true })
    await using next = await RawConnection.open(broker, 2)
    const partitions = [{ partition: 0, leaderEpoch: 0 }]
    const answer = await next.call(apis.offsetForLeaderEpoch, 3, { topics: [{ topic: 'orders', partitions }] })
    expect(answer.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, endOffset: 1n })
    expect(await offsetAt(-1n, 7, next)).toMatchObject({ errorCode: 0, offset: 1n })
  })

  test('loses nothing where everything is replicated', async () => {
    await produce(leader, { acks: 1, records: orders.batch('a') })
    broker.moveLeader('orders', 0, 2, { truncate: true })
    expect(orders.values()).toEqual(['a'])
  })

  test('what was on its way is forgotten with the rest, and what comes next is replicated', async () => {
    await start({ replicationDelayMs: 50 })
    await produce(leader, { acks: 1, records: orders.batch('a') })
    clock.advance(40)
    broker.moveLeader('orders', 0, 2, { truncate: true })
    await using next = await RawConnection.open(broker, 2)
    const waiting = await orders.sent({ records: orders.batch('b') }, next)
    clock.advance(10)
    expect(orders.state).toMatchObject({ endOffset: 1n, highWatermark: 0n })
    clock.advance(40)
    expect(await waiting.answer()).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(orders.values()).toEqual(['b'])
  })
})

test('on disk, what a new leader lacks is gone after a start as well', async () => {
  using folder = dataFolder()
  await start({ dataDir: folder.path })
  await produce(leader, { records: orders.batch('a') })
  broker.pauseReplication('orders')
  await produce(leader, { acks: 1, records: orders.batch('b') })
  broker.moveLeader('orders', 0, 2, { truncate: true })
  await start({ dataDir: folder.path })
  expect(orders.values()).toEqual(['a'])
  expect(orders.state).toMatchObject({ endOffset: 1n, highWatermark: 1n })
})
