import { beforeEach, describe, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { encodeBatch, readBatchHeader } from '../../src/wire/protocol/records/record-batch.ts'
import { batchOf, produce, produceBody, sequenced } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

let broker: Broker
let connection: RawConnection

beforeEach(async () => {
  broker = await startBroker({ topics: { orders: { partitions: 2 } } })
  connection = await RawConnection.open(broker)
  return async () => {
    await connection[Symbol.asyncDispose]()
    await broker.close()
  }
})

const values = (topic: string) => broker.records(topic).map(({ value }) => value?.toString())
const firstByte = (batch: Buffer, at: number, value: number) => {
  batch[at] = value
  return batch
}

describe('a batch that Kafka takes', () => {
  for (const version of [3, 5, 7, 8, 9, 10, 12])
    test(`is appended by Produce v${version} and can be read back`, async () => {
      const answer = await produce(connection, { version, records: batchOf(['a', 'b']) })
      expect(answer).toMatchObject({ errorCode: 0, baseOffset: 0n, logAppendTimeMs: -1n })
      expect((await produce(connection, { version, records: batchOf(['c']) })).baseOffset).toBe(2n)
      expect(values('orders')).toEqual(['a', 'b', 'c'])
      expect(broker.records('orders').map(({ offset }) => offset)).toEqual([0n, 1n, 2n])
    })

  test('goes by topic id from v13 on', async () => {
    const topicId = broker.topicId('orders')
    expect(await produce(connection, { version: 13, topic: '', topicId, records: batchOf(['a']) })).toMatchObject({
      errorCode: 0,
    })
    expect(values('orders')).toEqual(['a'])
  })

  test('is kept as received but for base offset and leader epoch, whatever leader epoch the client wrote', async () => {
    await produce(connection, { records: batchOf(['first']) })
    const sent = batchOf(['a', 'b'], { partitionLeaderEpoch: 4711 })
    await produce(connection, { records: sent })
    const stored = await fetchRaw(1n)
    expect(readBatchHeader(stored, 0)).toMatchObject({ baseOffset: 1n, partitionLeaderEpoch: 0 })
    expect(stored.subarray(16)).toEqual(sent.subarray(16))
  })

  test('keeps null and empty keys and values, and repeated headers, apart', async () => {
    const headers = [
      ['h', Buffer.from('1')],
      ['h', null],
      ['', Buffer.alloc(0)],
    ] as const
    const records = [
      { timestamp: 5, key: null, value: null, headers },
      { timestamp: 3, key: Buffer.alloc(0), value: Buffer.alloc(0) },
    ]
    await produce(connection, { records: encodeBatch(records) })
    expect(broker.records('orders')).toMatchObject([
      {
        key: null,
        value: null,
        timestamp: 5,
        headers: [
          ['h', Buffer.from('1')],
          ['h', null],
          ['', Buffer.alloc(0)],
        ],
      },
      { key: Buffer.alloc(0), value: Buffer.alloc(0), timestamp: 3, headers: [] },
    ])
  })

  test("gets the broker's time where the topic has it so", async () => {
    broker.createTopic('stamped', { config: { 'message.timestamp.type': 'LogAppendTime' } })
    const answer = await produce(connection, { topic: 'stamped', records: batchOf(['a', 'b'], { timestamp: 1 }) })
    expect(Number(answer.logAppendTimeMs)).toBeGreaterThan(Date.now() - 60_000)
    const stamps = broker.records('stamped').map(({ timestamp }) => BigInt(timestamp))
    expect(stamps).toEqual([answer.logAppendTimeMs, answer.logAppendTimeMs])
    expect(broker.batches('stamped', 0)[0]).toMatchObject({ timestampType: 'log-append-time' })
  })
})

test('append time set by the producer is taken back', async () => {
  const answer = await produce(connection, { records: batchOf(['a'], { timestampType: 'log-append-time' }) })
  expect(answer).toMatchObject({ errorCode: 0, logAppendTimeMs: -1n })
  expect(broker.batches('orders', 0)[0]).toMatchObject({ timestampType: 'create-time' })
  expect(values('orders')).toEqual(['a'])
})

describe('a batch that Kafka refuses', () => {
  const refused: [name: string, error: string, records: () => Buffer | null][] = [
    ['no bytes', 'INVALID_RECORD', () => Buffer.alloc(0)],
    ['null', 'INVALID_RECORD', () => null],
    ['two batches', 'INVALID_RECORD', () => Buffer.concat([batchOf(['a']), batchOf(['b'])])],
    ['a wrong CRC', 'CORRUPT_MESSAGE', () => firstByte(batchOf(['a']), 64, 0x55)],
    ['an old magic', 'INVALID_RECORD', () => firstByte(batchOf(['a']), 16, 1)],
    ['a batch cut off', 'CORRUPT_MESSAGE', () => batchOf(['abcdef']).subarray(0, 65)],
    ['a control batch', 'INVALID_RECORD', () => batchOf(['a'], { control: true })],
    ['a base offset of its own', 'INVALID_RECORD', () => batchOf(['a'], { baseOffset: 5n })],
    ['a producer id without sequence', 'INVALID_RECORD', () => batchOf(['a'], { producerId: 3n, producerEpoch: 0 })],
    [
      'an unknown codec',
      'UNSUPPORTED_COMPRESSION_TYPE',
      () => batchOf(['a'], { codec: { id: 6, compress: bytes => bytes } }),
    ],
    [
      'bytes that gzip did not write',
      'UNKNOWN_SERVER_ERROR',
      () => batchOf(['a'], { codec: { id: 1, compress: bytes => bytes } }),
    ],
    ['a time far ahead', 'INVALID_TIMESTAMP', () => batchOf(['a'], { timestamp: Date.now() + 7_200_000 })],
  ]

  for (const [name, error, records] of refused)
    test(`${name}: ${error}, nothing appended`, async () => {
      const answer = await produce(connection, { records: records() })
      expect(answer).toMatchObject({ errorCode: errorNumber(error), baseOffset: -1n })
      expect(answer.errorMessage).toMatch(/\w/)
      expect(broker.records('orders')).toEqual([])
      expect(await produce(connection, { records: batchOf(['next']) })).toMatchObject({ errorCode: 0, baseOffset: 0n })
    })

  test('zstd before Produce v7: UNSUPPORTED_COMPRESSION_TYPE', async () => {
    const records = batchOf(['a'], { codec: { id: 4, compress: bytes => bytes } })
    expect(await produce(connection, { version: 6, records })).toMatchObject({
      errorCode: errorNumber('UNSUPPORTED_COMPRESSION_TYPE'),
    })
  })

  test('larger than max.message.bytes: MESSAGE_TOO_LARGE', async () => {
    broker.createTopic('small', { config: { 'max.message.bytes': 200 } })
    const answer = await produce(connection, { topic: 'small', records: batchOf(['x'.repeat(200)]) })
    expect(answer.errorCode).toBe(errorNumber('MESSAGE_TOO_LARGE'))
    expect((await produce(connection, { topic: 'small', records: batchOf(['x']) })).errorCode).toBe(0)
  })

  test('without a key on a compacted topic: INVALID_RECORD that names the records', async () => {
    broker.createTopic('latest', { config: { 'cleanup.policy': 'compact' } })
    const records = encodeBatch([
      { timestamp: 1, key: Buffer.from('k'), value: null },
      { timestamp: 1, key: null, value: null },
    ])
    const answer = await produce(connection, { topic: 'latest', records })
    expect(answer).toMatchObject({ errorCode: errorNumber('INVALID_RECORD') })
    expect(answer.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1])
    expect((await produce(connection, { topic: 'latest', records: batchOf(['v'], { key: 'k' }) })).errorCode).toBe(0)
  })

  test('older than message.timestamp.before.max.ms: INVALID_TIMESTAMP that names the record', async () => {
    broker.createTopic('recent', { config: { 'message.timestamp.before.max.ms': 60_000 } })
    const records = encodeBatch([
      { timestamp: Date.now(), value: Buffer.from('a') },
      { timestamp: Date.now() - 120_000, value: Buffer.from('b') },
    ])
    const answer = await produce(connection, { topic: 'recent', records })
    expect(answer.errorCode).toBe(errorNumber('INVALID_TIMESTAMP'))
    expect(answer.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1])
  })
})

describe('where a batch goes', () => {
  test('unknown topics, partitions and topic ids are told apart', async () => {
    const records = batchOf(['a'])
    const code = async (call: object) => (await produce(connection, { records, ...call })).errorCode
    expect(await code({ topic: 'nowhere' })).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
    expect(await code({ partition: 2 })).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
    const byId = { version: 13, topic: '', topicId: 'BBBBBBBBBBBBBBBBBBBBBA' }
    expect(await code(byId)).toBe(errorNumber('UNKNOWN_TOPIC_ID'))
    expect(broker.topics).toEqual(['orders'])
  })

  test('the id of a topic that was created again is not known any more', async () => {
    const topicId = broker.topicId('orders')
    await produce(connection, { records: batchOf(['a']) })
    broker.recreateTopic('orders')
    expect(broker.topicId('orders')).not.toBe(topicId)
    expect(broker.records('orders')).toEqual([])
    const answer = await produce(connection, { version: 13, topic: '', topicId, records: batchOf(['b']) })
    expect(answer.errorCode).toBe(errorNumber('UNKNOWN_TOPIC_ID'))
  })

  test('acks other than −1, 0 and 1 are refused', async () => {
    const answer = await produce(connection, { acks: 2, records: batchOf(['a']) })
    expect(answer.errorCode).toBe(errorNumber('INVALID_REQUIRED_ACKS'))
    expect(broker.records('orders')).toEqual([])
  })

  test('acks=all needs min.insync.replicas, acks=1 does not', async () => {
    await using cluster = await startBroker({
      brokers: 3,
      topics: { safe: { partitions: 1, config: { 'min.insync.replicas': 2 } } },
    })
    await using leader = await RawConnection.open(cluster, 1)
    cluster.setIsr('safe', 0, [1])
    const code = async (acks: number) =>
      (await produce(leader, { topic: 'safe', acks, records: batchOf(['a']) })).errorCode
    expect(await code(-1)).toBe(errorNumber('NOT_ENOUGH_REPLICAS'))
    expect(await code(1)).toBe(0)
    cluster.setIsr('safe', 0, [1, 3])
    expect(await code(-1)).toBe(0)
  })
})

describe('acks=0', () => {
  test('is appended without an answer, and later requests on the connection are answered', async () => {
    connection.send(apis.produce.request, 9, produceBody({ acks: 0, records: batchOf(['a']) }))
    expect(await produce(connection, { records: batchOf(['b']) })).toMatchObject({ errorCode: 0, baseOffset: 1n })
    expect(values('orders')).toEqual(['a', 'b'])
  })

  test('an error closes the connection, for there is no other way to tell', async () => {
    connection.send(apis.produce.request, 9, produceBody({ acks: 0, topic: 'nowhere', records: batchOf(['a']) }))
    await connection.closed
  })
})

describe('idempotence', () => {
  test('a batch sent twice is there once, and both are answered with its offset and time', async () => {
    await produce(connection, { records: batchOf(['x']) })
    const first = await produce(connection, { records: sequenced(0, 3) })
    const { maxTimestamp } = broker.batches('orders', 0).at(-1)!
    const second = await produce(connection, { records: sequenced(0, 3) })
    expect(first).toMatchObject({ errorCode: 0, baseOffset: 1n, logAppendTimeMs: -1n })
    expect(second).toMatchObject({ errorCode: 0, baseOffset: 1n, logAppendTimeMs: BigInt(maxTimestamp) })
    expect(values('orders')).toEqual(['x', 's0', 's1', 's2'])
  })

  test('sequences are counted per partition', async () => {
    expect((await produce(connection, { partition: 0, records: sequenced(0) })).errorCode).toBe(0)
    expect((await produce(connection, { partition: 1, records: sequenced(0) })).errorCode).toBe(0)
    expect(broker.records('orders').map(({ partition, sequence }) => [partition, sequence])).toEqual([
      [0, 0],
      [1, 0],
    ])
  })

  test('a gap, an old epoch and a forgotten producer', async () => {
    const code = async (records: Buffer) => (await produce(connection, { records })).errorCode
    expect(await code(sequenced(0, 5))).toBe(0)
    expect(await code(sequenced(6))).toBe(errorNumber('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    expect(await code(sequenced(0, 1, 7n, 1))).toBe(0)
    expect(await code(sequenced(5))).toBe(errorNumber('INVALID_PRODUCER_EPOCH'))
    broker.forgetProducers()
    expect(await code(sequenced(100))).toBe(0)
    broker.bumpEpochs()
    expect(await code(sequenced(101))).toBe(errorNumber('INVALID_PRODUCER_EPOCH'))
  })

  test('deleting a topic forgets its producers', async () => {
    await produce(connection, { records: sequenced(0, 5) })
    broker.recreateTopic('orders')
    expect((await produce(connection, { records: sequenced(77) })).errorCode).toBe(0)
    expect(broker.partition('orders', 0).producers).toMatchObject([{ producerId: 7n, batches: [{ baseSequence: 77 }] }])
  })

  test('each InitProducerId gives another id, with epoch 0', async () => {
    const body = { transactionalId: null, transactionTimeoutMs: 0 }
    for (const version of [0, 1, 2, 3, 4, 5]) {
      const answer = await connection.call(apis.initProducerId, version, body)
      expect(answer).toMatchObject({ errorCode: 0, producerId: BigInt(version), producerEpoch: 0 })
    }
  })
})

/** The bytes of the batch at an offset of orders-0, as a consumer gets them. */
async function fetchRaw(fetchOffset: bigint): Promise<Buffer> {
  const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }]
  const answer = await connection.call(apis.fetch, 11, {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topic: 'orders', partitions }],
  })
  return answer.responses[0]!.partitions[0]!.records as Buffer
}
