import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { describeCluster, type TopicOptions } from '../../scripts/kafka/admin.mjs'
import { errorNumber } from '../../src/base/errors/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { computeBatchCrc, encodeBatch, readBatchHeader } from '../../src/wire/protocol/records/record-batch.ts'
import { batchOf, type ProduceCall, produce, produceBody, sequenced } from '../broker/produce-call.ts'
import { RawConnection } from '../broker/raw-connection.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'

// What the embedded broker answers to single requests must be what Kafka answers to the same bytes.

/** A new topic of one partition, and a connection to the broker that leads it. */
async function withTopic(
  kafka: BrokerUnderTest,
  body: (
    send: (records: Buffer | null, call?: Partial<ProduceCall>) => ReturnType<typeof produce>,
    connection: RawConnection,
    topic: string,
  ) => Promise<void>,
  config: NonNullable<TopicOptions['config']> = {},
): Promise<void> {
  const topic = await kafka.createTopic({ partitions: 1, config })
  const { brokers, partitions } = await describeCluster(kafka.bootstrapServers, topic)
  const leader = brokers.find(({ id }) => id === partitions[0]!.leader)!
  await using connection = await RawConnection.to(leader.host, leader.port)
  await body((records, call = {}) => produce(connection, { topic, records, ...call }), connection, topic)
}

const changed = (batch: Buffer, at: number, value: number) => {
  batch[at] = value
  return batch
}
/** Other numbers of records and offsets than the batch has, and a CRC that says they are right. */
const recounted = (batch: Buffer, recordCount: number, lastOffsetDelta: number) => {
  const bytes = Buffer.from(batch)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt32BE(lastOffsetDelta, 23)
  bytes.writeInt32BE(recordCount, 57)
  bytes.writeUInt32BE(computeBatchCrc(bytes, 0), 17)
  return bytes
}
const noRecords = Buffer.from([0x20, 0, 0, 0, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
const asIs = (bytes: Uint8Array) => bytes

const refused: [name: string, error: string, records: () => Buffer | null][] = [
  ['no bytes', 'INVALID_RECORD', () => Buffer.alloc(0)],
  ['two batches', 'INVALID_RECORD', () => Buffer.concat([batchOf(['a']), batchOf(['b'])])],
  ['a wrong CRC', 'CORRUPT_MESSAGE', () => changed(batchOf(['a']), 64, 0x55)],
  ['an old magic', 'INVALID_RECORD', () => changed(batchOf(['a']), 16, 1)],
  ['a control batch', 'INVALID_RECORD', () => batchOf(['a'], { control: true })],
  ['a base offset of its own', 'INVALID_RECORD', () => batchOf(['a'], { baseOffset: 5n })],
  ['a producer id without sequence', 'INVALID_RECORD', () => batchOf(['a'], { producerId: 3n, producerEpoch: 0 })],
  ['bytes that gzip did not write', 'UNKNOWN_SERVER_ERROR', () => batchOf(['a'], { codec: { id: 1, compress: asIs } })],
  [
    'records that are none, compressed',
    'INVALID_RECORD',
    () => batchOf(['a'], { codec: { id: 1, compress: () => gzipSync(noRecords) } }),
  ],
  ['records that are none', 'INVALID_RECORD', () => batchOf(['a'], { codec: { id: 0, compress: () => noRecords } })],
  ['fewer records than said', 'INVALID_RECORD', () => recounted(batchOf(['a', 'b']), 3, 2)],
  ['a last offset beside the number of records', 'INVALID_RECORD', () => recounted(batchOf(['a', 'b']), 2, 5)],
  ['no records', 'INVALID_RECORD', () => recounted(batchOf(['a']).subarray(0, 61), 0, 0)],
  ['a time far ahead', 'INVALID_TIMESTAMP', () => batchOf(['a'], { timestamp: Date.now() + 7_200_000 })],
]

describeOnEachBroker('What a broker answers', ({ kafka }) => {
  for (const [name, error, records] of refused)
    test(`${name}: ${error}`, () =>
      withTopic(kafka, async send => {
        expect(await send(records())).toMatchObject({ errorCode: errorNumber(error), baseOffset: -1n })
        expect(await send(batchOf(['next']))).toMatchObject({ errorCode: 0, baseOffset: 0n })
      }))

  test('a batch that is taken, in every version', () =>
    withTopic(kafka, async send => {
      for (const [turn, version] of [3, 5, 7, 8, 9, 10, 11, 12].entries())
        expect(await send(batchOf(['a', 'b'], { partitionLeaderEpoch: 99 }), { version })).toMatchObject({
          ...{ errorCode: 0, baseOffset: BigInt(2 * turn), logAppendTimeMs: -1n, recordErrors: [], errorMessage: null },
        })
    }))

  test('append time set by the producer is taken back', () =>
    withTopic(kafka, async (send, connection, topic) => {
      const sent = batchOf(['a'], { timestampType: 'log-append-time' })
      expect(await send(sent)).toMatchObject({ errorCode: 0, logAppendTimeMs: -1n })
      const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 100_000 }]
      const answer = await connection.call(apis.fetch, 11, {
        maxWaitMs: 10,
        minBytes: 1,
        topics: [{ topic, partitions }],
      })
      const stored = answer.responses[0]!.partitions[0]!.records as Buffer
      expect(readBatchHeader(stored, 0).attributes.timestampType).toBe('create-time')
    }))

  test('unknown topic, partition and topic id', () =>
    withTopic(kafka, async send => {
      const code = async (call: Partial<ProduceCall>) => (await send(batchOf(['a']), call)).errorCode
      expect(await code({ topic: `none-${randomUUID()}` })).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
      expect(await code({ partition: 7 })).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
      expect(await code({ version: 13, topic: '', topicId: 'BBBBBBBBBBBBBBBBBBBBBA' })).toBe(
        errorNumber('UNKNOWN_TOPIC_ID'),
      )
      expect(await code({ acks: 2 })).toBe(errorNumber('INVALID_REQUIRED_ACKS'))
    }))

  test('zstd before v7', () =>
    withTopic(kafka, async send => {
      const answer = await send(batchOf(['a'], { codec: { id: 4, compress: asIs } }), { version: 6 })
      expect(answer.errorCode).toBe(errorNumber('UNSUPPORTED_COMPRESSION_TYPE'))
    }))

  test('a duplicate gets the offset and the time of the original', () =>
    withTopic(kafka, async send => {
      const timestamp = Date.now() - 5000
      const records = () => batchOf(['a', 'b'], { timestamp, producerId: 4711n, producerEpoch: 0, baseSequence: 0 })
      await send(batchOf(['before']))
      expect(await send(records())).toMatchObject({ errorCode: 0, baseOffset: 1n, logAppendTimeMs: -1n })
      expect(await send(records())).toMatchObject({ errorCode: 0, baseOffset: 1n, logAppendTimeMs: BigInt(timestamp) })
      expect(await send(batchOf(['after']))).toMatchObject({ baseOffset: 3n })
    }))

  test('sequences and epochs', () =>
    withTopic(kafka, async send => {
      const code = async (sequence: number, count = 1, epoch = 0) =>
        (await send(sequenced(sequence, count, 4712n, epoch))).errorCode
      expect(await code(100, 5)).toBe(0) // an unknown producer begins where it likes
      expect(await code(106)).toBe(errorNumber('OUT_OF_ORDER_SEQUENCE_NUMBER'))
      expect(await code(104)).toBe(errorNumber('OUT_OF_ORDER_SEQUENCE_NUMBER'))
      for (let sequence = 105; sequence < 110; sequence++) expect(await code(sequence)).toBe(0)
      expect(await code(105)).toBe(0) // the oldest of the five that are remembered
      expect(await code(100, 5)).toBe(errorNumber('OUT_OF_ORDER_SEQUENCE_NUMBER'))
      expect(await code(5, 1, 1)).toBe(errorNumber('OUT_OF_ORDER_SEQUENCE_NUMBER'))
      expect(await code(0, 1, 1)).toBe(0)
      expect(await code(110)).toBe(errorNumber('INVALID_PRODUCER_EPOCH'))
      expect(await code(109)).toBe(errorNumber('INVALID_PRODUCER_EPOCH'))
    }))

  test('sequences wrap from 2^31 − 1 to 0', () =>
    withTopic(kafka, async send => {
      const last = 2 ** 31 - 1
      expect((await send(sequenced(last - 1, 4, 4713n))).errorCode).toBe(0)
      expect(await send(sequenced(last - 1, 4, 4713n))).toMatchObject({ errorCode: 0, baseOffset: 0n })
      expect(await send(sequenced(2, 1, 4713n))).toMatchObject({ errorCode: 0, baseOffset: 4n })
    }))

  test('a compacted topic wants keys', () =>
    withTopic(
      kafka,
      async send => {
        const records = encodeBatch([
          { timestamp: Date.now(), key: Buffer.from('k'), value: null },
          { timestamp: Date.now(), key: null, value: null },
        ])
        const answer = await send(records)
        expect(answer.errorCode).toBe(errorNumber('INVALID_RECORD'))
        expect(answer.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1])
      },
      { 'cleanup.policy': 'compact' },
    ))

  test('a batch larger than max.message.bytes', () =>
    withTopic(
      kafka,
      async send => {
        expect((await send(batchOf(['x'.repeat(200)]))).errorCode).toBe(errorNumber('MESSAGE_TOO_LARGE'))
        expect((await send(batchOf(['x']))).errorCode).toBe(0)
      },
      { 'max.message.bytes': 200 },
    ))

  test('append time', () =>
    withTopic(
      kafka,
      async send => {
        const answer = await send(batchOf(['a'], { timestamp: 1 }))
        expect(answer.errorCode).toBe(0)
        expect(Number(answer.logAppendTimeMs)).toBeGreaterThan(Date.now() - 3_600_000)
      },
      { 'message.timestamp.type': 'LogAppendTime' },
    ))

  test('acks=0: no answer, and an error closes the connection', () =>
    withTopic(kafka, async (send, connection, topic) => {
      connection.send(apis.produce.request, 9, produceBody({ topic, acks: 0, records: batchOf(['a']) }))
      expect(await send(batchOf(['b']))).toMatchObject({ errorCode: 0, baseOffset: 1n })
      connection.send(apis.produce.request, 9, produceBody({ topic, partition: 7, acks: 0, records: batchOf(['a']) }))
      await connection.closed
    }))

  test('ApiVersions of a version nobody knows is answered in version 0', () =>
    withTopic(kafka, async (_send, connection) => {
      connection.socket.write(Buffer.from([0, 0, 0, 14, 0, 18, 0, 99, 0, 0, 0, 5, 0, 1, 0x78, 0, 0, 0]))
      const answer = apis.apiVersions.response.decode((await connection.frame()).subarray(4), 0)
      expect(answer.errorCode).toBe(errorNumber('UNSUPPORTED_VERSION'))
      expect(answer.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
      const known = await connection.call(apis.apiVersions, 0, {})
      const range = known.apiKeys.find(({ apiKey }) => apiKey === apis.produce.request.key)
      expect(range).toMatchObject({ minVersion: 0, maxVersion: 13 })
    }))

  test('offsets by time', () =>
    withTopic(kafka, async (send, connection, topic) => {
      const now = Date.now()
      await send(encodeBatch([100, 50, 300].map(delta => ({ timestamp: now - 1000 + delta }))))
      await send(encodeBatch([400, 200].map(delta => ({ timestamp: now - 1000 + delta }))))
      const at = async (timestamp: bigint) => {
        const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }]
        const { offset, timestamp: found } = (await connection.call(apis.listOffsets, 7, { replicaId: -1, topics }))
          .topics[0]!.partitions[0]!
        return [offset, found]
      }
      const time = (delta: number) => BigInt(now - 1000 + delta)
      expect(await at(-1n)).toEqual([5n, -1n])
      expect(await at(-2n)).toEqual([0n, -1n])
      expect(await at(-3n)).toEqual([3n, time(400)])
      expect(await at(time(60))).toEqual([0n, time(100)])
      expect(await at(time(101))).toEqual([2n, time(300)])
      expect(await at(time(401))).toEqual([-1n, -1n])
    }))

  test('a fetch past the end, and one at the end', () =>
    withTopic(kafka, async (send, connection, topic) => {
      await send(batchOf(['a', 'b']))
      const fetch = async (fetchOffset: bigint) => {
        const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 100_000 }]
        const body = { maxWaitMs: 10, minBytes: 1, topics: [{ topic, partitions }] }
        return (await connection.call(apis.fetch, 11, body)).responses[0]!.partitions[0]!
      }
      expect(await fetch(3n)).toMatchObject({ errorCode: errorNumber('OFFSET_OUT_OF_RANGE') })
      expect(await fetch(2n)).toMatchObject({ errorCode: 0, records: Buffer.alloc(0) })
      expect((await fetch(1n)).records!.length).toBeGreaterThan(61)
    }))
})
