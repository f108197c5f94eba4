import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { dataFolder, fetchAll } from './data-folder.ts'
import { batchOf, produce, sequenced } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Catches what the broker warns of. */
function warnings(): string[] {
  const caught: string[] = []
  vi.spyOn(process, 'emitWarning').mockImplementation(warning => void caught.push(String(warning)))
  return caught
}

const values = (broker: Broker, topic: string) => broker.records(topic).map(({ value }) => value?.toString())

async function newProducerId(broker: Broker): Promise<bigint> {
  await using connection = await RawConnection.open(broker)
  const body = { transactionalId: null, transactionTimeoutMs: 60_000 }
  return (await connection.call(apis.initProducerId, 4, body)).producerId
}

test('records, topics, configuration and ids outlive the broker; its epochs go on', async () => {
  using folder = dataFolder()
  const before = await startBroker({
    dataDir: folder.path,
    topics: { orders: { partitions: 2, config: { 'retention.ms': 77 } } },
  })
  const { clusterId } = before
  const id = before.topicId('orders')
  const producerId = await newProducerId(before)
  {
    await using connection = await RawConnection.open(before)
    await produce(connection, { records: batchOf(['a', 'b']) })
    await produce(connection, { records: batchOf(['c']), partition: 1 })
    await connection.call(apis.createTopics, 5, {
      topics: [{ name: 'made', numPartitions: 1, replicationFactor: 1 }],
      timeoutMs: 1,
    })
  }
  await before.close()

  await using after = await startBroker({ dataDir: folder.path, topics: ['orders'] })

  expect(after.topics.sort()).toEqual(['made', 'orders'])
  expect(after.clusterId).toBe(clusterId)
  expect(after.topicId('orders')).toBe(id)
  expect(values(after, 'orders')).toEqual(['a', 'b', 'c'])
  expect(after.partition('orders', 0)).toMatchObject({ endOffset: 2n, highWatermark: 2n, leader: 1, leaderEpoch: 1 })
  expect(await newProducerId(after)).toBeGreaterThan(producerId)
  await using connection = await RawConnection.open(after)
  const resource = { resourceType: 2, resourceName: 'orders', configurationKeys: ['retention.ms'] }
  const { results } = await connection.call(apis.describeConfigs, 1, { resources: [resource] })
  expect(results[0]!.configs[0]).toMatchObject({ value: '77' })
})

test('a batch that was written before a restart is recognised after it', async () => {
  using folder = dataFolder()
  const before = await startBroker({ dataDir: folder.path, topics: ['orders'] })
  {
    await using connection = await RawConnection.open(before)
    for (const sequence of [0, 1, 2]) await produce(connection, { records: sequenced(sequence) })
  }
  await before.close()

  await using after = await startBroker({ dataDir: folder.path })
  await using connection = await RawConnection.open(after)
  const again = await produce(connection, { records: sequenced(1) })
  const beyond = await produce(connection, { records: sequenced(7) })
  const next = await produce(connection, { records: sequenced(3) })

  expect(again).toMatchObject({ errorCode: 0, baseOffset: 1n })
  expect(beyond.errorCode).toBe(errorNumber('OUT_OF_ORDER_SEQUENCE_NUMBER'))
  expect(next).toMatchObject({ errorCode: 0, baseOffset: 3n })
})

test('three brokers keep one folder, and each leads again what it prefers', async () => {
  using folder = dataFolder()
  const before = await startBroker({ dataDir: folder.path, brokers: 3, topics: { orders: { partitions: 3 } } })
  await before.close()

  await using after = await startBroker({ dataDir: folder.path, brokers: 3 })
  expect([0, 1, 2].map(index => after.partition('orders', index))).toMatchObject([
    { leader: 1, isr: [1, 2, 3] },
    { leader: 2, isr: [2, 3, 1] },
    { leader: 3, isr: [3, 1, 2] },
  ])
  await after.close()

  await using one = await startBroker({ dataDir: folder.path, brokers: 1 })
  expect([0, 1, 2].map(index => one.partition('orders', index).leader)).toEqual([1, 1, 1])
})

test('a deleted topic stays deleted, and one of the same name begins empty', async () => {
  using folder = dataFolder()
  const before = await startBroker({ dataDir: folder.path, topics: ['orders', 'users'] })
  {
    await using connection = await RawConnection.open(before)
    await produce(connection, { records: batchOf(['old']) })
  }
  before.deleteTopic('users')
  before.recreateTopic('orders')
  await before.close()
  expect(readdirSync(folder.path).filter(name => name.includes('delete'))).toEqual([])

  await using after = await startBroker({ dataDir: folder.path })
  expect(after.topics).toEqual(['orders'])
  expect(values(after, 'orders')).toEqual([])
})

test('what a crash left of a deleted topic is swept up at the next start', async () => {
  using folder = dataFolder()
  await (await startBroker({ dataDir: folder.path, topics: ['orders', 'users'] })).close()
  const path = join(folder.path, 'meta.json')
  const meta = JSON.parse(readFileSync(path, 'utf8'))
  const [{ name, id }] = meta.topics.splice(1, 1)
  writeFileSync(path, JSON.stringify({ ...meta, deleting: [{ name, id }] }))
  mkdirSync(join(folder.path, `old-0.${id}-delete`))

  await using after = await startBroker({ dataDir: folder.path })

  expect(after.topics).toEqual(['orders'])
  expect(readdirSync(folder.path).filter(entry => entry.startsWith('users') || entry.startsWith('old'))).toEqual([])
})

test('two brokers do not share a folder, and the lock of a dead process is taken over', async () => {
  using folder = dataFolder()
  const first = await startBroker({ dataDir: folder.path })
  const second = startBroker({ dataDir: folder.path })
  await expect(second).rejects.toMatchObject({
    code: 'DATA_DIR_IN_USE',
    message: expect.stringContaining(`${folder.path} is in use by another broker, in process ${process.pid}`),
  })
  await first.close()
  expect(existsSync(join(folder.path, '.lock'))).toBe(false)

  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  for (const lock of [JSON.stringify({ pid: child.pid, started: null }), 'not a lock', '']) {
    writeFileSync(join(folder.path, '.lock'), lock)
    await (await startBroker({ dataDir: folder.path })).close()
  }
})

test('the lock is free again after a start that failed', async () => {
  using folder = dataFolder()
  await using other = await startBroker()
  const port = other.ports.get(1)!
  await expect(startBroker({ dataDir: folder.path, port })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  await (await startBroker({ dataDir: folder.path })).close()
})

test('a folder of a newer release is refused, in a sentence', async () => {
  using folder = dataFolder()
  writeFileSync(join(folder.path, 'meta.json'), '{"format": 2}')
  await expect(startBroker({ dataDir: folder.path })).rejects.toMatchObject({
    code: 'DATA_DIR_FORMAT',
    message: expect.stringContaining('has format 2, this release knows 1 at most'),
  })
})

test.each([
  ['missing', (path: string) => rmSync(path)],
  ['damaged', (path: string) => writeFileSync(path, '{"format": 1, "clusterId": 7')],
  ['of another shape', (path: string) => writeFileSync(path, '{"format": 1, "clusterId": 7, "topics": {}}')],
])('where meta.json is %s, topics and producer ids are taken from what is there', async (_, damage) => {
  using folder = dataFolder()
  const before = await startBroker({ dataDir: folder.path, topics: { orders: { partitions: 2 } } })
  const id = before.topicId('orders')
  {
    await using connection = await RawConnection.open(before)
    await produce(connection, { records: sequenced(0, 1, 4_321n), partition: 1 })
  }
  await before.close()
  damage(join(folder.path, 'meta.json'))
  const told = warnings()

  await using after = await startBroker({ dataDir: folder.path })

  expect(told.join()).toContain('topics are taken from their folders')
  expect(after.topicId('orders')).toBe(id)
  expect(values(after, 'orders')).toEqual(['s0'])
  expect(after.partition('orders', 0).leader).toBe(1)
  expect(await newProducerId(after)).toBe(5_000n)
})

test('stray files and folders are told and left alone', async () => {
  using folder = dataFolder()
  await (await startBroker({ dataDir: folder.path, topics: { orders: { partitions: 1 } } })).close()
  for (const path of ['notes.txt', 'orders-0/notes.txt']) writeFileSync(join(folder.path, path), 'mine')
  mkdirSync(join(folder.path, 'photos-7'))
  const told = warnings()

  await (await startBroker({ dataDir: folder.path })).close()

  expect(told.length).toBe(3)
  expect(readFileSync(join(folder.path, 'orders-0/notes.txt'), 'utf8')).toBe('mine')
  expect(existsSync(join(folder.path, 'photos-7'))).toBe(true)
})

test('a topic does not take over a folder that is not its own', async () => {
  using folder = dataFolder()
  mkdirSync(join(folder.path, 'orders-0'))
  writeFileSync(join(folder.path, 'orders-0', 'partition.metadata'), 'version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ')
  writeFileSync(join(folder.path, 'orders-0', '00000000000000000000.log'), 'x')
  writeFileSync(
    join(folder.path, 'meta.json'),
    '{"format":1,"clusterId":"c","nextProducerId":"0","topics":[],"deleting":[]}',
  )
  const told = warnings()

  await using broker = await startBroker({ dataDir: folder.path, topics: { orders: { partitions: 1 } } })

  expect(values(broker, 'orders')).toEqual([])
  expect(readFileSync(join(folder.path, 'orders-0.stray', '00000000000000000000.log'), 'utf8')).toBe('x')
  expect(told.join()).toContain('is in the way')
})

test('with hundreds of segments, all is read and few files are open', async () => {
  using folder = dataFolder()
  await using broker = await startBroker({
    dataDir: folder.path,
    topics: { orders: { partitions: 1, config: { 'segment.bytes': 100 } } },
  })
  await using connection = await RawConnection.open(broker)
  for (let index = 0; index < 400; index++)
    await produce(connection, { records: batchOf([`value ${index}`.repeat(9)]) })

  const batches = await fetchAll(broker, 'orders')

  expect(batches.map(({ baseOffset }) => baseOffset)).toEqual(Array.from({ length: 400 }, (_, index) => BigInt(index)))
  const logs = readdirSync(join(folder.path, 'orders-0')).filter(name => name.endsWith('.log'))
  expect(logs.length).toBe(400)
  if (process.platform !== 'linux') return
  expect(readdirSync('/proc/self/fd').length).toBeLessThan(300)
})
