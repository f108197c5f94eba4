import { copyFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { PartitionLog } from '../../src/broker/log/partition-log.ts'
import { storedBatchOf } from '../../src/broker/log/stored-batch.ts'
import { ManualClock } from '../../src/testing/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { bareCluster } from './bare-cluster.ts'
import { dataFolder, fetchAll } from './data-folder.ts'
import { batchOf, produce } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const values = (broker: Broker, topic: string) => broker.records(topic).map(({ value }) => value?.toString())
const segments = (folder: string, partition = 'orders-0') =>
  readdirSync(join(folder, partition)).filter(name => name.endsWith('.log'))
/** Each batch of one record of about this size has a segment of its own. */
const ownSegments = { 'segment.bytes': 150 }
const text = (index: number) => `${index}`.padEnd(100, '.')

async function fill(
  broker: Broker,
  count: number,
  clock?: ManualClock,
  topic = 'orders',
  everyMs = 1_000,
): Promise<void> {
  await using connection = await RawConnection.open(broker)
  for (let index = 0; index < count; index++) {
    const records = batchOf([text(index)], { key: `${index % 3}`, timestamp: clock?.wallTime() ?? Date.now() })
    const { errorCode } = await produce(connection, { topic, records })
    if (errorCode !== 0) throw new Error(`error ${errorCode}`)
    clock?.advance(everyMs)
  }
}

test.each([
  ['in memory', false],
  ['on disk', true],
])('retention.ms, %s: what is older goes when it is looked at, every five minutes', async (_, onDisk) => {
  using folder = dataFolder()
  const clock = new ManualClock()
  await using broker = await startBroker({
    ...(onDisk && { dataDir: folder.path }),
    clock,
    topics: { orders: { partitions: 1, config: { ...ownSegments, 'retention.ms': 302_000 } } },
  })
  await fill(broker, 5, clock)

  broker.applyRetention()
  expect(values(broker, 'orders').length).toBe(5)
  clock.advance(300_000) // the records are 301 to 305 s old; the check ran when the oldest were 300
  expect(values(broker, 'orders').length).toBe(5)
  broker.applyRetention()
  expect(values(broker, 'orders')).toEqual([3, 4].map(text))
  clock.advance(300_000)
  expect(values(broker, 'orders')).toEqual([])
  expect(broker.partition('orders', 0)).toMatchObject({ startOffset: 5n, endOffset: 5n })
  await fill(broker, 1, clock)
  expect(broker.records('orders')).toMatchObject([{ offset: 5n }])
})

test('retention.bytes on disk: whole segments go when a new one begins, and stay gone after a start', async () => {
  using folder = dataFolder()
  const config = { ...ownSegments, 'retention.bytes': 600 }
  const before = await startBroker({ dataDir: folder.path, topics: { orders: { partitions: 1, config } } })
  await fill(before, 20)
  const { startOffset } = before.partition('orders', 0)
  expect(startOffset).toBeGreaterThan(12n)
  expect(segments(folder.path).length).toBeLessThan(6)
  await before.close()

  await using after = await startBroker({ dataDir: folder.path })
  expect(after.partition('orders', 0)).toMatchObject({ startOffset, endOffset: 20n })
})

test('records that were deleted stay deleted after a start, also in the middle of a batch', async () => {
  using folder = dataFolder()
  const before = await startBroker({ dataDir: folder.path, topics: { orders: { partitions: 1 } } })
  {
    await using connection = await RawConnection.open(before)
    await produce(connection, { records: batchOf(['a', 'b', 'c']) })
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: 2n }] }]
    await connection.call(apis.deleteRecords, 2, { topics, timeoutMs: 1_000 })
  }
  await before.close()

  await using after = await startBroker({ dataDir: folder.path })
  expect(after.partition('orders', 0)).toMatchObject({ startOffset: 2n, endOffset: 3n })
})

test('in memory there is a bound for all logs together: the oldest of the largest go, and one warning tells it', async () => {
  const told: string[] = []
  vi.spyOn(process, 'emitWarning').mockImplementation(warning => void told.push(String(warning)))
  await using broker = await startBroker({
    maxMemoryBytes: 100_000,
    topics: { orders: { partitions: 1 }, few: { partitions: 1 } },
  })
  await fill(broker, 3, undefined, 'few')
  await fill(broker, 1_000)

  const { startOffset, endOffset } = broker.partition('orders', 0)
  expect(endOffset).toBe(1_000n)
  expect(startOffset).toBeGreaterThan(700n)
  expect(values(broker, 'orders')).toEqual(
    Array.from({ length: 1_000 - Number(startOffset) }, (_, index) => text(index + Number(startOffset))),
  )
  expect(values(broker, 'few').length).toBe(3)
  expect(told).toEqual([expect.stringMatching(/maxMemoryBytes \(100000\): the oldest of orders are dropped/)])
})

test('compaction on disk: what it left is the same after a start, and what a crash left of it is put right', async () => {
  using folder = dataFolder()
  using elsewhere = dataFolder()
  const config = { 'cleanup.policy': 'compact', 'segment.bytes': 400 }
  const before = await startBroker({ dataDir: folder.path, topics: { orders: { partitions: 1, config } } })
  await fill(before, 30)
  const path = join(folder.path, 'orders-0')
  const kept = join(elsewhere.path, 'kept')
  const first = '00000000000000000000.log'
  copyFileSync(join(path, first), kept)
  const { bytesBefore, bytesAfter } = before.compact('orders')
  expect(bytesAfter).toBeLessThan(bytesBefore / 3)
  expect(values(before, 'orders')).toEqual([27, 28, 29].map(text))
  await fill(before, 2)
  const batches = (await fetchAll(before, 'orders')).map(({ baseOffset }) => baseOffset)
  await before.close()

  // Between the renaming to .swap and the last one: the old segment may be there or not.
  for (const oldIsThere of [false, true]) {
    renameSync(join(path, first), join(path, `${first}.swap`))
    if (oldIsThere) copyFileSync(kept, join(path, first))
    writeFileSync(join(path, '00000000000000000009.log.cleaned'), 'half')
    const again = await startBroker({ dataDir: folder.path })
    expect((await fetchAll(again, 'orders')).map(({ baseOffset }) => baseOffset)).toEqual(batches)
    await again.close()
    expect(readdirSync(path).filter(name => /cleaned|swap/.test(name))).toEqual([])
  }
})

test('a topic that is not compacted is refused', async () => {
  await using broker = await startBroker({ topics: ['orders'] })
  expect(() => broker.compact('orders')).toThrow('orders is not compacted: its cleanup.policy is delete')
})

test('an internal topic is compacted by itself when enough was written', async () => {
  const clock = new ManualClock()
  const cluster = bareCluster(clock)
  const key = Buffer.from('the same key')
  const value = Buffer.alloc(10_000)
  for (let index = 0; index < 300; index++) {
    cluster.groupState.append('group', [{ key, value }])
    if (index % 20 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  await new Promise(resolve => setImmediate(resolve))

  const { log } = cluster.groupState.partitionOf('group')
  expect(log.endOffset).toBe(300n)
  expect(log.sizeInBytes).toBeLessThan(1_300_000)
})

test('flush.messages flushes after so many records, flush.ms after that time', async () => {
  using folder = dataFolder()
  const clock = new ManualClock()
  const flushed = vi.spyOn(PartitionLog.prototype, 'flush')
  await using broker = await startBroker({
    dataDir: folder.path,
    clock,
    topics: {
      orders: { partitions: 1, config: { 'flush.messages': 3 } },
      timed: { partitions: 1, config: { 'flush.ms': 700 } },
      never: { partitions: 1 },
    },
  })
  await fill(broker, 7, clock, 'orders', 0)
  expect(flushed).toHaveBeenCalledTimes(2)
  await fill(broker, 7, clock, 'never', 0)
  await fill(broker, 2, clock, 'timed', 0)
  clock.advance(699)
  expect(flushed).toHaveBeenCalledTimes(2)
  clock.advance(1)
  expect(flushed).toHaveBeenCalledTimes(3)
})

test('a high watermark that is held hides what is behind it, and lets it be read when it moves', () => {
  const log = new PartitionLog()
  const append = () => log.append(storedBatchOf(batchOf(['x'], { baseOffset: log.endOffset })))
  append()
  log.holdHighWatermark()
  append()
  append()
  expect([log.endOffset, log.highWatermark, log.read(0n, 9_999, true).length, log.availableBytes(1n, 9_999)]).toEqual([
    3n,
    1n,
    1,
    0,
  ])

  log.setHighWatermark(2n)
  expect(log.read(0n, 9_999, true).length).toBe(2)
  log.truncateTo(1n)
  expect([log.endOffset, log.highWatermark]).toEqual([1n, 1n])
  append()
  log.releaseHighWatermark()
  expect(log.highWatermark).toBe(2n)
})
