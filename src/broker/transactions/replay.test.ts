import { beforeEach, expect, test } from 'vitest'
import { bareCluster } from '../../../test/broker/bare-cluster.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { encodeBatch, readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import type { Cluster } from '../cluster.ts'
import { ProducerState } from '../log/producer-state.ts'
import { TransactionCoordinator } from './coordinator.ts'

let cluster: Cluster
let clock: ManualClock

beforeEach(() => {
  clock = new ManualClock()
  cluster = bareCluster(clock)
  cluster.createTopic('orders')
})

const partition = () => cluster.topic('orders')!.partitions[0]!

/** A transaction with one batch in it. */
function begin() {
  const { transactions } = cluster
  const identity = transactions.initProducerId('tx', 60_000, null)
  if (identity.error !== null) throw new Error(identity.error)
  const { producerId, producerEpoch } = identity
  transactions.addPartitions('tx', producerId, producerEpoch, [{ topic: 'orders', partition: 0 }], 2)
  const { log, producers } = partition()
  const baseOffset = log.endOffset
  const options = { producerId, producerEpoch, baseSequence: 0, transactional: true, baseOffset }
  const bytes = encodeBatch([{ timestamp: clock.wallTime(), value: Buffer.from('a') }], options)
  log.append({ baseOffset, lastOffset: baseOffset, maxTimestamp: clock.wallTime(), leaderEpoch: 0, bytes })
  producers.remember(readBatchHeader(bytes, 0), baseOffset, clock.wallTime())
  return { producerId, producerEpoch }
}

/** Another coordinator, which knows only what is in the log. */
function restarted(): TransactionCoordinator {
  cluster.transactions.close()
  const coordinator = new TransactionCoordinator(cluster, 50)
  coordinator.load()
  return coordinator
}

test('what was prepared is completed after a start', () => {
  const identity = begin()
  cluster.transactions.end('tx', { ...identity, committed: true, clientVersion: 2 })
  const coordinator = restarted()
  clock.advance(49)
  expect(coordinator.get('tx')!.state).toBe('PrepareCommit')
  expect(partition().lastStableOffset).toBe(0n)
  clock.advance(1)
  expect(coordinator.get('tx')!).toMatchObject({ state: 'CompleteCommit', producerEpoch: 1, partitions: [] })
  expect(partition().lastStableOffset).toBe(2n)
})

test('what was under way goes on, and its time-out too', () => {
  const { producerId, producerEpoch } = begin()
  clock.advance(40_000)
  const coordinator = restarted()
  expect(coordinator.verify('tx', producerId, producerEpoch, { topic: 'orders', partition: 0 })).toBeNull()
  clock.advance(19_999)
  expect(coordinator.get('tx')!.state).toBe('Ongoing')
  clock.advance(1)
  expect(coordinator.get('tx')!.state).toBe('PrepareAbort')
  clock.advance(50)
  expect(coordinator.get('tx')!.state).toBe('CompleteAbort')
})

test('what was forgotten stays so, and no producer id is given out twice', () => {
  const first = begin()
  cluster.transactions.end('tx', { ...first, committed: false, clientVersion: 2 })
  clock.advance(50)
  expect(cluster.transactions.expire('tx')).toBe(true)
  const coordinator = restarted()
  expect(coordinator.all()).toEqual([])
  const again = coordinator.initProducerId('tx', 60_000, null)
  expect(again).toMatchObject({ error: null, producerEpoch: 0 })
  expect(again).not.toMatchObject({ producerId: first.producerId })
})

test('a partition learns from its log what was open, aborted and written by whom', () => {
  const first = begin()
  cluster.transactions.end('tx', { ...first, committed: false, clientVersion: 2 })
  clock.advance(50)
  begin()
  const { log, producers, lastStableOffset } = partition()
  const replayed = new ProducerState()
  for (const { bytes } of log.batches()) replayed.replay(bytes)
  expect(replayed.snapshot()).toEqual(producers.snapshot())
  expect(lastStableOffset).toBe(2n)
  expect(replayed.lastStableOffset(log.startOffset, log.highWatermark)).toBe(2n)
  expect(replayed.abortedBetween(0n, 10n)).toEqual([{ producerId: first.producerId, firstOffset: 0n, lastOffset: 1n }])
})

test.each([
  [true, 7n],
  [false, undefined],
])('offsets of a group count when the marker says so (committed: %s)', (committed, offset) => {
  const { producerId, producerEpoch } = begin()
  const statePartition = cluster.groupState.partitionOf('readers')
  const entry = { topic: '__consumer_offsets', partition: statePartition.index }
  cluster.transactions.addPartitions('tx', producerId, producerEpoch, [entry], 2)
  const commits = [{ topic: 'orders', partition: 0, offset: 7n, leaderEpoch: -1, metadata: '' }]
  cluster.groups.offsets.pending('readers', producerId, commits, producerEpoch)
  expect(statePartition.lastStableOffset).toBe(0n)
  cluster.transactions.end('tx', { producerId, producerEpoch, committed, clientVersion: 2 })
  expect(cluster.groups.offsets.hasPending('readers', 'orders', 0)).toBe(true)
  clock.advance(50)
  expect(cluster.groups.offsets.hasPending('readers', 'orders', 0)).toBe(false)
  expect(cluster.groups.offsets.get('readers', 'orders', 0)?.offset).toBe(offset)
  expect(statePartition.lastStableOffset).toBe(2n)
})
