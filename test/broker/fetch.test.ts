import { beforeEach, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis, type Draft } from '../../src/wire/protocol/index.ts'
import { encodeBatch, readBatchHeader } from '../../src/wire/protocol/records/record-batch.ts'
import { batchOf, produce } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

let broker: Broker
let connection: RawConnection

beforeEach(async () => {
  broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 2 } } })
  connection = await RawConnection.open(broker)
  return async () => {
    await connection[Symbol.asyncDispose]()
    await broker.close()
  }
})

interface FetchCall {
  version?: number
  offset?: bigint
  topic?: string
  topicId?: string
  partition?: number
  epoch?: number
  request?: Partial<Draft<typeof apis.fetch.request>>
}

function fetchBody({
  version = 11,
  offset = 0n,
  topic = 'orders',
  topicId,
  partition = 0,
  epoch = -1,
  request = {},
}: FetchCall) {
  const partitions = [{ partition, fetchOffset: offset, partitionMaxBytes: 1_000_000, currentLeaderEpoch: epoch }]
  const named = version >= 13 ? { topicId: topicId ?? broker.topicId('orders') } : { topic }
  return { maxWaitMs: 0, minBytes: 1, topics: [{ ...named, partitions }], ...request }
}

async function fetch(call: FetchCall = {}) {
  const answer = await connection.call(apis.fetch, call.version ?? 11, fetchBody(call))
  return answer.responses[0]!.partitions[0]!
}

const offsetsOf = (records: Uint8Array | null) => {
  const bytes = records as Buffer
  const offsets: bigint[] = []
  for (let at = 0; at < bytes.length; ) {
    const { baseOffset, sizeInBytes } = readBatchHeader(bytes, at)
    offsets.push(baseOffset)
    at += sizeInBytes
  }
  return offsets
}

for (const version of [4, 5, 7, 9, 10, 11, 12, 13, 15, 16, 17, 18])
  test(`Fetch v${version} gives the batches from an offset on, and no session`, async () => {
    for (const values of [['a', 'b'], ['c'], ['d']]) await produce(connection, { records: batchOf(values) })
    const answer = await connection.call(apis.fetch, version, fetchBody({ version, offset: 1n }))
    const partition = answer.responses[0]!.partitions[0]!
    expect(partition).toMatchObject({ errorCode: 0, highWatermark: 4n, lastStableOffset: 4n })
    expect(offsetsOf(partition.records)).toEqual([0n, 2n, 3n])
    expect(answer.sessionId).toBe(0)
  })

test('an empty answer is an empty record set, never null', async () => {
  expect((await fetch()).records).toEqual(Buffer.alloc(0))
  expect((await fetch({ version: 12 })).records).toEqual(Buffer.alloc(0))
  expect((await fetch({ topic: 'nowhere' })).records).toEqual(Buffer.alloc(0))
})

test('limits hold for a partition and for the answer, but one batch is always given', async () => {
  for (const value of ['a', 'b', 'c']) await produce(connection, { records: batchOf([value.repeat(1000)]) })
  await produce(connection, { records: batchOf(['d']) })
  const body = fetchBody({ request: { maxBytes: 2500 } })
  const answer = await connection.call(apis.fetch, 11, body)
  expect(offsetsOf(answer.responses[0]!.partitions[0]!.records)).toEqual([0n, 1n])
  const tiny = await connection.call(apis.fetch, 11, { ...body, maxBytes: 1 })
  expect(offsetsOf(tiny.responses[0]!.partitions[0]!.records)).toEqual([0n])
})

test('a fetch at the end waits for a record', async () => {
  const arrived = broker.waitForRequest('Fetch')
  const id = connection.send(apis.fetch.request, 11, fetchBody({ request: { maxWaitMs: 600_000 } }))
  await arrived
  await using producer = await RawConnection.open(broker)
  await produce(producer, { records: batchOf(['a']) })
  const answer = await connection.answer(apis.fetch.response, 11, id)
  expect(offsetsOf(answer.responses[0]!.partitions[0]!.records)).toEqual([0n])
})

test('a fetch at the end is answered without records when its time is over', async () => {
  const started = performance.now()
  const answer = await connection.call(apis.fetch, 11, fetchBody({ request: { maxWaitMs: 30 } }))
  expect(performance.now() - started).toBeGreaterThanOrEqual(29)
  expect(answer.responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 0n })
})

test('a waiting fetch is answered at once when its leader moves away', async () => {
  const arrived = broker.waitForRequest('Fetch')
  const id = connection.send(apis.fetch.request, 16, fetchBody({ version: 16, request: { maxWaitMs: 600_000 } }))
  await arrived
  broker.moveLeader('orders', 0, 2)
  const answer = await connection.answer(apis.fetch.response, 16, id)
  expect(answer.responses[0]!.partitions[0]).toMatchObject({
    errorCode: errorNumber('NOT_LEADER_OR_FOLLOWER'),
    currentLeader: { leaderId: 2, leaderEpoch: 1 },
  })
  expect(answer.nodeEndpoints.map(({ nodeId }) => nodeId)).toEqual([2])
})

test('wrong offsets, epochs, partitions, topics and leaders have their own errors', async () => {
  await produce(connection, { records: batchOf(['a']) })
  const code = async (call: FetchCall) => (await fetch(call)).errorCode
  expect(await code({ offset: 2n })).toBe(errorNumber('OFFSET_OUT_OF_RANGE'))
  expect(await code({ offset: -1n })).toBe(errorNumber('OFFSET_OUT_OF_RANGE'))
  expect(await code({ epoch: 1 })).toBe(errorNumber('UNKNOWN_LEADER_EPOCH'))
  expect(await code({ partition: 9 })).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
  expect(await code({ topic: 'nowhere' })).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
  expect(await code({ version: 13, topicId: 'BBBBBBBBBBBBBBBBBBBBBA' })).toBe(errorNumber('UNKNOWN_TOPIC_ID'))
  broker.moveLeader('orders', 0, 2)
  expect(await code({})).toBe(errorNumber('NOT_LEADER_OR_FOLLOWER'))
  expect(await code({ epoch: 0 })).toBe(errorNumber('FENCED_LEADER_EPOCH'))
})

test('a session that the broker never gave is not found', async () => {
  const answer = await connection.call(apis.fetch, 11, {
    maxWaitMs: 0,
    minBytes: 0,
    sessionId: 5,
    sessionEpoch: 3,
    topics: [],
  })
  expect(answer.errorCode).toBe(errorNumber('FETCH_SESSION_ID_NOT_FOUND'))
})

test('what retention.bytes dropped is out of range, and the log begins later', async () => {
  broker.createTopic('short', { partitions: 1, config: { 'retention.bytes': 2500 } })
  for (const value of ['a', 'b', 'c', 'd'])
    await produce(connection, { topic: 'short', records: batchOf([value.repeat(1000)]) })
  expect(broker.partition('short', 0)).toMatchObject({ startOffset: 2n, endOffset: 4n })
  const gone = await fetch({ topic: 'short' })
  expect(gone.errorCode).toBe(errorNumber('OFFSET_OUT_OF_RANGE'))
  expect(offsetsOf((await fetch({ topic: 'short', offset: 2n })).records)).toEqual([2n, 3n])
  expect(await listOffset(-2n, { topic: 'short' })).toMatchObject({ offset: 2n })
})

async function listOffset(
  timestamp: bigint,
  { topic = 'orders', version = 7, partitionIndex = 0, currentLeaderEpoch = -1 } = {},
) {
  const topics = [{ name: topic, partitions: [{ partitionIndex, timestamp, currentLeaderEpoch }] }]
  const answer = await connection.call(apis.listOffsets, version, { replicaId: -1, topics })
  return answer.topics[0]!.partitions[0]!
}

for (const version of [1, 2, 4, 5, 6, 7, 8, 9, 10, 11])
  test(`ListOffsets v${version} finds the ends, and offsets by time`, async () => {
    const now = Date.now()
    await produce(connection, {
      records: encodeBatch([100, 50, 300].map(timestamp => ({ timestamp: now + timestamp }))),
    })
    await produce(connection, { records: encodeBatch([400, 200].map(timestamp => ({ timestamp: now + timestamp }))) })
    const at = async (timestamp: bigint) => (await listOffset(timestamp, { version })).offset
    const time = (delta: number) => BigInt(now + delta)
    expect(await at(-2n)).toBe(0n)
    expect(await at(-1n)).toBe(5n)
    expect(await listOffset(time(60), { version })).toMatchObject({ offset: 0n, timestamp: time(100) })
    expect(await listOffset(time(101), { version })).toMatchObject({ offset: 2n, timestamp: time(300) })
    expect(await at(time(301))).toBe(3n)
    expect(await listOffset(time(401), { version })).toMatchObject({ offset: -1n, timestamp: -1n, errorCode: 0 })
    if (version >= 7) expect(await listOffset(-3n, { version })).toMatchObject({ offset: 3n, timestamp: time(400) })
  })

test('ListOffsets: errors as Fetch has them', async () => {
  expect((await listOffset(-1n, { topic: 'nowhere' })).errorCode).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
  expect((await listOffset(-1n, { partitionIndex: 1 })).errorCode).toBe(errorNumber('NOT_LEADER_OR_FOLLOWER'))
  expect((await listOffset(-1n, { currentLeaderEpoch: 5 })).errorCode).toBe(errorNumber('UNKNOWN_LEADER_EPOCH'))
})
