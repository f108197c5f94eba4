// Compiled, never run: what must compile, and, marked with @ts-expect-error, what must not. See producer.test.ts.
import pino from 'pino'
import {
  createProducer,
  type Future,
  fromProperties,
  type KafkaError,
  logSendResults,
  type Producer,
  type ProducerRecord,
  type RecordMetadata,
  type SendCallback,
  type SentRecord,
} from '../../src/index.ts'
import { MockProducer, type TransactionalProducer } from '../../src/testing/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Equal<A, B>) => {}

interface Order {
  id: number
}

const bootstrapServers = 'localhost:9092'
const anyTopic = createProducer({ bootstrapServers })
const typed = createProducer<{
  orders: { key: string; value: Order }
  clicks: { value: Uint8Array }
  raw: { key: number; value: string }
}>({ bootstrapServers, valueSerializer: 'json' })

export async function whatSendGives() {
  const future = anyTopic.send({ topic: 't', value: 'x' })
  same<typeof future, Future<RecordMetadata>>(true)
  const promise: Promise<RecordMetadata> = future
  const both = await Promise.all([future, anyTopic.sendAll([])])
  same<typeof both, [RecordMetadata, RecordMetadata[]]>(true)
  const metadata = await future
  same<typeof metadata, RecordMetadata>(true)
  same<typeof metadata.offset, bigint>(true)
  same<ReturnType<typeof future.get>, RecordMetadata>(true)
  const all: RecordMetadata[] = await anyTopic.sendAll([{ topic: 't', value: 'x' }])
  const nothing = await anyTopic.close({ timeoutMs: 5 })
  same<typeof nothing, void>(true)
  // @ts-expect-error offsets are bigints
  const offset: number = metadata.offset
  // @ts-expect-error metadata is read only
  metadata.partition = 5
  return [promise, both, all, nothing, offset]
}

export function whatARecordMayBe() {
  anyTopic.send({ topic: 't' })
  anyTopic.send({ topic: 't', value: null, key: null })
  anyTopic.send({ topic: 't', value: undefined, key: undefined, partition: undefined, timestamp: undefined })
  anyTopic.send({ topic: 't', value: Buffer.from('x'), key: new Uint8Array(1), timestamp: new Date() })
  anyTopic.send({ topic: 't', value: 'x', headers: { a: 'b', c: ['d', null], e: Buffer.alloc(0) } })
  anyTopic.send({ topic: 't', value: 'x', headers: [['a', 'b'] as const] })
  anyTopic.send(Object.freeze({ topic: 't', value: 'x' }))
  const record: ProducerRecord = { topic: 't', value: 'x' }
  anyTopic.send(record)
  // @ts-expect-error a record has a topic
  anyTopic.send({ value: 'x' })
  // @ts-expect-error a number is no value without a serializer
  anyTopic.send({ topic: 't', value: 5 })
  // @ts-expect-error nor is an object
  anyTopic.send({ topic: 't', value: { id: 1 } })
  // @ts-expect-error a DataView is not bytes
  anyTopic.send({ topic: 't', value: new DataView(new ArrayBuffer(1)) })
  // @ts-expect-error a number is no header value
  anyTopic.send({ topic: 't', headers: { a: 5 } })
  // @ts-expect-error a Map is no headers
  anyTopic.send({ topic: 't', headers: new Map([['a', 'b']]) })
  // @ts-expect-error a partition is a number
  anyTopic.send({ topic: 't', partition: '5' })
  // @ts-expect-error a timestamp is a number or a Date
  anyTopic.send({ topic: 't', timestamp: '2020-01-01' })
  // @ts-expect-error there is no such field
  anyTopic.send({ topic: 't', vlaue: 'x' })
  // @ts-expect-error nothing is no record
  anyTopic.send()
}

export function callbacks() {
  const record = { topic: 't', value: 'x' }
  anyTopic.send(record, (error, metadata) => {
    same<typeof error, KafkaError | null>(true)
    same<typeof metadata, RecordMetadata | undefined>(true)
    if (error !== null) same<typeof error.outcome, 'not-written' | 'unknown' | undefined>(true)
  })
  anyTopic.send({ topic: 't', value: 'x' }, error => {
    same<typeof error, KafkaError | null>(true)
  })
  anyTopic.send(record, () => {})
  anyTopic.send(record, async error => {
    if (error) throw error
  })
  anyTopic.send(record, { signal: AbortSignal.timeout(5) }, (error, metadata) => {
    same<typeof error, KafkaError | null>(true)
    same<typeof metadata, RecordMetadata | undefined>(true)
  })
  const callback: SendCallback = (error, metadata) => [error?.code, metadata?.offset]
  anyTopic.send(record, callback)
  const none = anyTopic.send(record, callback)
  same<typeof none, void>(true)
  // @ts-expect-error with a callback no future is made
  anyTopic.send(record, callback).then(() => {})
  // @ts-expect-error an error is a KafkaError, not text
  anyTopic.send(record, (error: string) => error)
  // @ts-expect-error a callback takes no third
  anyTopic.send(record, (_error, _metadata, _third) => {})
  // @ts-expect-error a controller is no signal
  anyTopic.send(record, { signal: new AbortController() })
}

export function topicsWithTypes() {
  typed.send({ topic: 'orders', key: 'k', value: { id: 1 } })
  typed.send({ topic: 'orders', value: { id: 1 } })
  typed.send({ topic: 'clicks', value: new Uint8Array(1) })
  typed.send({ topic: 'raw', key: 5, value: 'x' }, error => {
    same<typeof error, KafkaError | null>(true)
  })
  typed.sendAll([
    { topic: 'orders', key: 'k', value: { id: 1 } },
    { topic: 'raw', key: 1, value: 'x' },
  ])
  typed.partitionsFor('orders')
  typed.writable({ topic: 'clicks' })
  // @ts-expect-error there is no such topic
  typed.send({ topic: 'order', value: { id: 1 } })
  // @ts-expect-error the value of another topic
  typed.send({ topic: 'orders', key: 'k', value: 'x' })
  // @ts-expect-error the key of another topic
  typed.send({ topic: 'orders', key: 5, value: { id: 1 } })
  // @ts-expect-error a field of the value is wrong
  typed.send({ topic: 'orders', value: { id: 'one' } })
  // @ts-expect-error one record of many is wrong
  typed.sendAll([
    { topic: 'orders', value: { id: 1 } },
    { topic: 'raw', value: 5 },
  ])
  // @ts-expect-error there is no such topic
  typed.partitionsFor('order')
  // @ts-expect-error there is no such topic
  typed.writable({ topic: 'order' })
}

export function tombstonesOfTypedTopics() {
  const withTombstones = createProducer<{ orders: { key: string; value: Order | null } }>({ bootstrapServers })
  withTombstones.send({ topic: 'orders', key: 'k', value: null })
  withTombstones.send({ topic: 'orders', key: 'k' })
}

export function options() {
  createProducer({ bootstrapServers: ['a:1', 'b:2'], acks: 'all', compressionType: 'zstd', partitioner: () => 0 })
  createProducer({ bootstrapServers, partitioner: ({ key, partitionCount }) => (key?.length ?? 0) % partitionCount })
  createProducer({ bootstrapServers, interceptors: [{ onSend: record => record }] })
  createProducer({
    bootstrapServers,
    interceptors: [
      {
        onSend: (record, sent) => {
          same<typeof sent, SentRecord>(true)
          return record
        },
        onAcknowledgement: (error, metadata, { topic, partition, elapsedMs }) => [
          error?.code,
          metadata?.offset,
          topic.length,
          (partition ?? -1) + elapsedMs,
        ],
        close: () => {},
      },
      { onAcknowledgement: error => void error?.outcome },
    ],
  })
  createProducer(fromProperties('bootstrap.servers=a:1'))
  // @ts-expect-error a producer needs servers
  createProducer({})
  // @ts-expect-error there is no such option
  createProducer({ bootstrapServers, lingerMS: 5 })
  // @ts-expect-error there is no such codec
  createProducer({ bootstrapServers, compressionType: 'brotli' })
  // @ts-expect-error there is no such acks
  createProducer({ bootstrapServers, acks: 2 })
  // @ts-expect-error a partitioner answers at once
  createProducer({ bootstrapServers, partitioner: async () => 0 })
  // @ts-expect-error undefined is no value of an option
  createProducer({ bootstrapServers, lingerMs: undefined })
}

export function loggers() {
  const { log } = console
  createProducer({ bootstrapServers, logger: console, logLevel: 'debug' })
  createProducer({ bootstrapServers, logger: pino(), logLevel: 'silent' })
  createProducer({ bootstrapServers, logger: pino().child({ part: 'billing' }) })
  createProducer({ bootstrapServers, logger: { log: (level, message, fields) => log(level, message, fields.event) } })
  createProducer({ bootstrapServers, logger: { debug() {}, info() {}, warn() {}, error() {} } })
  createProducer({ bootstrapServers, logger: { async log() {} } })
  createProducer({
    bootstrapServers,
    interceptors: [logSendResults({ logger: console, sample: 0.1, describe: ({ key }) => ({ key }) })],
  })
  createProducer<{ orders: { value: Order } }>({
    ...{ bootstrapServers, valueSerializer: 'json' },
    interceptors: [
      logSendResults<{ orders: { value: Order } }>({ logger: console, describe: ({ value }) => ({ id: value?.id }) }),
    ],
  })
  // @ts-expect-error a logger has all four methods, or log
  createProducer({ bootstrapServers, logger: { info() {}, error() {} } })
  // @ts-expect-error there is no such level
  createProducer({ bootstrapServers, logger: console, logLevel: 'trace' })
  // @ts-expect-error results are logged somewhere
  logSendResults({ level: 'info' })
}

export function events(producer: Producer) {
  producer.on('undelivered', ({ error, topic, value }) => {
    same<typeof error, KafkaError>(true)
    same<typeof topic, string>(true)
    same<typeof value, Uint8Array | null>(true)
  })
  producer.once('error', error => {
    same<typeof error, KafkaError>(true)
  })
  // @ts-expect-error there is no such event
  producer.on('delivered', () => {})
  // @ts-expect-error the state is read only
  producer.state = 'open'
}

export async function disposal() {
  await using producer = createProducer({ bootstrapServers })
  // @ts-expect-error only asynchronously
  using wrong = createProducer({ bootstrapServers })
  return [producer.state, wrong]
}

interface MyTopics {
  orders: { key: string; value: Order }
}

export function mocks() {
  const mock = new MockProducer()
  const asProducer: Producer = mock
  const typedMock = new MockProducer<MyTopics>({ valueSerializer: 'json', topics: { orders: 3 }, autoComplete: false })
  const application = (producer: Producer<MyTopics>) => producer.send({ topic: 'orders', key: 'k', value: { id: 1 } })
  application(typedMock)
  const transactional: TransactionalProducer<MyTopics> = typedMock
  const [first] = typedMock.history()
  same<typeof first, ProducerRecord<string, Order, 'orders'> | undefined>(true)
  const future = mock.send({ topic: 't', value: 'x' })
  same<typeof future, Future<RecordMetadata>>(true)
  mock.send({ topic: 't' }, (error, metadata) => {
    same<typeof error, KafkaError | null>(true)
    same<typeof metadata, RecordMetadata | undefined>(true)
  })
  typedMock.transaction(async transaction => {
    transaction.send({ topic: 'orders', value: { id: 1 } })
    // @ts-expect-error a field of the value is wrong
    transaction.send({ topic: 'orders', value: { id: 'one' } })
  })
  // @ts-expect-error there is no such topic
  typedMock.send({ topic: 'order', value: { id: 1 } })
  // @ts-expect-error there is no such topic
  typedMock.records('order')
  // @ts-expect-error a mock of any topics is no producer of these
  application(mock)
  // @ts-expect-error there is no such option
  new MockProducer({ autocomplete: true })
  // @ts-expect-error a producer's errors have a code
  mock.errorNext(new Error('x'))
  return [asProducer, transactional]
}

// With a transactional id the producer has transactions, and only then.
const transactional = createProducer<{ orders: { key: string; value: string } }>({
  bootstrapServers,
  transactionalId: 'a',
})
same<typeof transactional, TransactionalProducer<{ orders: { key: string; value: string } }>>(true)
same<ReturnType<typeof transactional.commitTransaction>, Future<void>>(true)
const given: Promise<bigint> = transactional.transaction(async tx => {
  await tx.sendOffsets([{ topic: 'in', partition: 0, offset: '7' }], { groupId: 'g', generationId: 1, memberId: 'm' })
  // @ts-expect-error: no topic of this producer
  tx.send({ topic: 'order', value: 'x' })
  return (await tx.send({ topic: 'orders', value: 'x' })).offset
})
void given
// @ts-expect-error: no transactional id, no transactions
createProducer({ bootstrapServers }).beginTransaction()
const plain: Producer = createProducer({ bootstrapServers })
void plain
