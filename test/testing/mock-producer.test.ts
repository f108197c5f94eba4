import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import {
  BrokerError,
  ConfigError,
  createProducer,
  InvalidRecordError,
  KafkaError,
  MetadataTimeoutError,
  RecordTooLargeError,
  SendAllError,
  SerializationError,
  type Undelivered,
} from '../../src/index.ts'
import { ManualClock, MockProducer } from '../../src/testing/index.ts'

const record1 = { topic: 'topic', key: 'key1', value: 'value1' }
const record2 = { topic: 'topic', key: 'key2', value: 'value2' }
const refusal = () =>
  new BrokerError('NOT_ENOUGH_REPLICAS', 19, 'too few replicas', { retriable: true, outcome: 'not-written' })
const manual = () => new MockProducer({ autoComplete: false })
const microtasks = () => new Promise<void>(resolve => setImmediate(resolve))

function thrownBy(call: () => unknown): KafkaError {
  try {
    call()
  } catch (error) {
    return error as KafkaError
  }
  throw new Error('nothing was thrown')
}

describe('with autoComplete', () => {
  test('a send is acknowledged when the call returns, and the record is in the history', async () => {
    const producer = new MockProducer()

    const future = producer.send(record1)

    expect(future.settled).toBe(true)
    expect(future.get()).toMatchObject({ topic: 'topic', partition: 0, offset: 0n, hasOffset: true })
    expect(await future).toBe(future.get())
    expect(producer.history()).toEqual([record1])
    producer.clear()
    expect(producer.history()).toEqual([])
  })

  test('offsets count from 0 in each partition', async () => {
    const producer = new MockProducer({ topics: { topic: 2, other: 1 } })
    const sent = [
      { topic: 'topic', partition: 0, value: 'a' },
      { topic: 'topic', partition: 1, value: 'b' },
      { topic: 'topic', partition: 0, value: 'c' },
      { topic: 'other', value: 'd' },
    ]
    const all = await producer.sendAll(sent)
    expect(all.map(({ topic, partition, offset }) => `${topic}-${partition}:${offset}`)).toEqual([
      'topic-0:0',
      'topic-1:0',
      'topic-0:1',
      'other-0:0',
    ])
    expect(producer.sendAll([record1]).get()[0]).toMatchObject({ serializedKeySize: 4, serializedValueSize: 6 })
  })

  test('metadata say what was sent: sizes, and the time of the clock or of the record', () => {
    const clock = new ManualClock({ wallTime: 5_000 })
    const producer = new MockProducer({ clock })
    const metadata = producer.send({ topic: 't', key: 'ключ', value: null }).get()
    expect(metadata).toMatchObject({ serializedKeySize: 8, serializedValueSize: -1, timestamp: 5_000 })
    expect(producer.send({ topic: 't', timestamp: new Date(77) }).get().timestamp).toBe(77)
    expect(JSON.parse(JSON.stringify(metadata))).toMatchObject({ offset: '0' })
  })

  test('callbacks are called once the call has returned, in the order of the sends, before promises', async () => {
    const producer = new MockProducer()
    const seen: string[] = []
    producer.send(record1, (error, metadata) => seen.push(`first ${error} ${metadata!.offset}`))
    void producer.send(record2).then(({ offset }) => seen.push(`promise ${offset}`))
    producer.send(record2, {}, (_, metadata) => seen.push(`second ${metadata!.offset}`))
    expect(seen).toEqual([])
    await microtasks()
    expect(seen).toEqual(['first null 0', 'second 2', 'promise 1'])
  })

  test('with acks 0 no offset is told, as by a broker that does not answer', () => {
    const producer = new MockProducer({ acks: 0, enableIdempotence: false })
    expect(producer.send(record1).get()).toMatchObject({ offset: -1n, hasOffset: false })
    expect(producer.records()[0]!.offset).toBe(0n)
  })
})

describe('completed by hand', () => {
  test('each record waits for its turn', async () => {
    const producer = manual()
    const first = producer.send(record1)
    const second = producer.send(record2)
    expect([first.settled, second.settled, producer.flushed]).toEqual([false, false, false])

    expect(producer.completeNext()).toBe(true)
    expect([first.settled, second.settled]).toEqual([true, false])
    expect((await first).offset).toBe(0n)

    const error = refusal()
    expect(producer.errorNext(error)).toBe(true)
    expect(thrownBy(() => second.get())).toBe(error)
    expect(await second.catch(reason => reason)).toBe(error)
    expect(producer.completeNext()).toBe(false)

    const third = producer.send(record1)
    const fourth = producer.send(record2)
    expect(third.settled || fourth.settled).toBe(false)
    producer.flush().get()
    expect([third.settled, fourth.settled, producer.flushed]).toEqual([true, true, true])
    expect(fourth.get().offset).toBe(2n) // what failed took none
  })

  test('a callback is called before completeNext or errorNext returns', () => {
    const producer = manual()
    const seen: unknown[] = []
    producer.send(record1, (error, metadata) => seen.push([error, metadata?.offset]))
    producer.send(record2, error => seen.push(error))
    const error = refusal()
    producer.completeNext()
    producer.errorNext(error)
    expect(seen).toEqual([[null, 0n], error])
  })

  test('what failed stays in the history, and is not among the records that a consumer would read', () => {
    const producer = manual()
    void producer.send(record1).catch(() => {})
    producer.send(record2)
    producer.errorNext(refusal())
    expect(producer.records()).toEqual([])
    producer.completeNext()
    expect(producer.history()).toEqual([record1, record2])
    expect(producer.records('topic').map(({ value }) => String(value))).toEqual(['value2'])
  })

  test('nobody could complete it while the thread is blocked: get() says so instead of waiting', async () => {
    const producer = manual()
    const future = producer.send(record1)
    const both = producer.sendAll([record1, record2])
    expect(thrownBy(() => future.get()).code).toBe('BLOCKING_REFUSED')
    expect(thrownBy(() => both.get()).code).toBe('BLOCKING_REFUSED')
    producer.flush().get()
    expect(both.get()).toHaveLength(2)
  })

  test('sendAll tells the result of each', async () => {
    const producer = manual()
    const all = producer.sendAll([record1, record2])
    producer.completeNext()
    producer.errorNext(refusal())
    const error = (await all.catch(reason => reason)) as SendAllError
    expect(error).toBeInstanceOf(SendAllError)
    expect(error.results.map(result => result.error?.code ?? result.metadata!.offset)).toEqual([
      0n,
      'NOT_ENOUGH_REPLICAS',
    ])
  })

  test('autoComplete may be switched on, and callbacks that send do not run inside one another', () => {
    const producer = manual()
    const seen: string[] = []
    producer.send(record1, () => {
      seen.push('outer begins')
      producer.autoComplete = true
      producer.send(record2, () => seen.push('inner'))
      seen.push('outer ends')
    })
    producer.completeNext()
    expect(seen).toEqual(['outer begins', 'outer ends', 'inner'])
  })

  test('clear forgets what is open, and tells whoever waits for it', async () => {
    const producer = manual()
    const future = producer.send(record1)
    producer.clear()
    expect(await future.catch(error => error)).toMatchObject({ code: 'CLOSED', outcome: 'unknown' })
    expect([producer.completeNext(), producer.flushed, producer.history()]).toEqual([false, true, []])
  })
})

describe('records go where the real producer would put them', () => {
  test.each([
    ['a key, by murmur2', { key: 'key', value: 'value' }, 1],
    ['a given partition', { partition: 0, key: 'key' }, 0],
  ])('%s', (_, record, partition) => {
    const producer = new MockProducer({ topics: { topic: 2 } })
    expect(producer.send({ topic: 'topic', ...record }).get().partition).toBe(partition)
  })

  test('a function of the user, by name, or without a key sticking to one partition for a batch', async () => {
    const own = new MockProducer({ topics: { topic: 5 }, partitioner: ({ partitionCount }) => partitionCount - 1 })
    expect(own.send(record1).get().partition).toBe(4)
    const turns = new MockProducer({ topics: { topic: 3 }, partitioner: 'roundRobin' })
    expect([1, 2, 3, 4].map(() => turns.send(record1).get().partition)).toEqual([0, 1, 2, 0])
    const sticky = new MockProducer({ topics: { topic: 10 }, batchSize: 1_000 })
    const value = 'x'.repeat(100)
    const chosen = Array.from({ length: 100 }, () => sticky.send({ topic: 'topic', value }).get().partition)
    expect(new Set(chosen.slice(0, 8)).size).toBe(1)
    expect(new Set(chosen).size).toBeGreaterThan(3)
  })

  test('a partition that the topic does not have is the error that maxBlockMs ends in', async () => {
    const producer = new MockProducer({ topics: { topic: 2 } })
    const error = await producer.send({ topic: 'topic', partition: 2 }).catch(reason => reason)
    expect(error).toBeInstanceOf(MetadataTimeoutError)
    expect(producer.history()).toEqual([])
    expect(producer.send({ topic: 'unnamed', partition: 7 }).get().partition).toBe(7)
  })

  test('partitionsFor tells the partitions', async () => {
    const producer = new MockProducer({ topics: { topic: 2 } })
    expect((await producer.partitionsFor('topic')).map(({ partition }) => partition)).toEqual([0, 1])
    expect(producer.partitionsFor('unnamed').get()).toHaveLength(1)
    expect(thrownBy(() => producer.partitionsFor('no/topic').get()).code).toBe('INVALID_TOPIC')
  })

  test('a partitioner that throws, or names none, fails its record', async () => {
    const producer = new MockProducer({ partitioner: () => 9 })
    expect(await producer.send(record1).catch(error => error)).toMatchObject({ code: 'PARTITIONER' })
    expect(producer.history()).toEqual([])
  })
})

describe('what the real producer does with a record is done', () => {
  test('serializers run, with topic and headers, and what they give can be read', () => {
    const producer = new MockProducer<{ orders: { key: number; value: { id: number } } }>({
      keySerializer: 'int32',
      valueSerializer: {
        serialize(value: { id: number }, { headers }) {
          headers.push(['encoding', 'json'])
          return JSON.stringify(value)
        },
      },
    })
    producer.send({ topic: 'orders', key: 258, value: { id: 1 }, headers: { a: ['b', null] } })
    expect(producer.history()).toEqual([{ topic: 'orders', key: 258, value: { id: 1 }, headers: { a: ['b', null] } }])
    expect(producer.records('orders', 0)).toEqual([
      {
        topic: 'orders',
        partition: 0,
        offset: 0n,
        timestamp: expect.any(Number),
        key: Buffer.from([0, 0, 1, 2]),
        value: Buffer.from('{"id":1}'),
        headers: [
          ['a', Buffer.from('b')],
          ['a', null],
          ['encoding', Buffer.from('json')],
        ],
      },
    ])
    expect([producer.records('orders', 1), producer.records()]).toEqual([[], expect.any(Array)])
  })

  test('a serializer that refuses its value fails the record', async () => {
    const producer = new MockProducer({ keySerializer: 'int32' })
    const error = await producer.send(record1).catch(reason => reason)
    expect(error).toBeInstanceOf(SerializationError)
    expect(error).toMatchObject({ outcome: 'not-written' })
    expect(producer.history()).toEqual([])
  })

  test('asynchronous serializers: the order of the calls is kept in a topic, and other topics do not wait', async () => {
    const answers: (() => void)[] = []
    const producer = new MockProducer({
      valueSerializer: (value: string) =>
        value === 'slow' ? new Promise<string>(resolve => answers.push(() => resolve(value))) : value,
    })
    const slow = producer.send({ topic: 't', value: 'slow' })
    const behind = producer.send({ topic: 't', value: 'quick' })
    const elsewhere = producer.send({ topic: 'u', value: 'quick' })
    const flushed = producer.flush()
    expect([slow.settled, behind.settled, elsewhere.settled, flushed.settled]).toEqual([false, false, true, false])
    expect(thrownBy(() => slow.get()).code).toBe('BLOCKING_REFUSED')
    answers[0]!()
    await flushed
    expect([(await slow).offset, (await behind).offset]).toEqual([0n, 1n])
    expect(producer.history().map(({ topic, value }) => `${topic} ${value}`)).toEqual(['u quick', 't slow', 't quick'])
  })

  test('a serializer that rejects fails its record, not those behind it; its flush ends at its deadline before that', async () => {
    let refuse!: (error: Error) => void
    const clock = new ManualClock()
    const producer = new MockProducer({
      clock,
      valueSerializer: (value: string) =>
        value === 'bad' ? new Promise<never>((_, reject) => (refuse = reject)) : value,
    })
    const bad = producer.send({ topic: 't', value: 'bad' })
    const good = producer.send({ topic: 't', value: 'good' })
    const flushed = producer.flush({ timeoutMs: 100 })
    clock.advance(100)
    expect(await flushed.catch(error => error)).toMatchObject({ code: 'TIMEOUT' })
    refuse(new Error('no schema'))
    expect(await bad.catch(error => error)).toBeInstanceOf(SerializationError)
    expect((await good).offset).toBe(0n)
  })

  test('interceptors see the record on its way, and its result', async () => {
    const seen: unknown[] = []
    const producer = new MockProducer({
      autoComplete: false,
      interceptors: [
        {
          onSend: record => ({ ...record, value: `${record.value}!` }),
          onAcknowledgement: (error, metadata) => seen.push(error?.code ?? metadata!.offset),
        },
      ],
    })
    producer.send(record1, () => seen.push('callback'))
    void producer.send(record2).catch(() => {})
    producer.completeNext()
    producer.errorNext(refusal())
    expect(seen).toEqual([0n, 'callback', 'NOT_ENOUGH_REPLICAS'])
    expect(String(producer.records()[0]!.value)).toBe('value1!')
  })

  test.each([
    ['no topic', { topic: '', value: 'x' }, InvalidRecordError],
    ['no record', null, InvalidRecordError],
    ['a wrong header', { topic: 't', headers: { a: 5 } }, InvalidRecordError],
    ['a value that is no bytes', { topic: 't', value: 5 }, SerializationError],
    ['too large', { topic: 't', value: 'x'.repeat(2_000) }, RecordTooLargeError],
  ])('what the real one refuses is refused: %s', async (_, record, kind) => {
    const producer = new MockProducer({ maxRequestSize: 1_000 })
    const future = producer.send(record as never)
    expect(future.settled).toBe(true)
    const error = await future.catch(reason => reason)
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ outcome: 'not-written' })
    expect(producer.history()).toEqual([])
    const real = createProducer({ bootstrapServers: '127.0.0.1:1', maxRequestSize: 1_000, maxBlockMs: 1 })
    expect((await real.send(record as never).catch(reason => reason)).code).toBe(error.code)
    await real.close()
  })

  test('the history keeps records as they were: the caller may use record and buffers again', () => {
    const producer = new MockProducer()
    const value = Buffer.from('first')
    const record = { topic: 't', value }
    producer.send(record)
    value.write('later')
    record.topic = 'u'
    expect(producer.history()).toEqual([{ topic: 't', value: Buffer.from('first') }])
    expect(String(producer.records('t')[0]!.value)).toBe('first')
    expect(Buffer.isBuffer(producer.history()[0]!.value)).toBe(true)
  })

  test('a signal takes a record back, or ends the wait for one that was sent', async () => {
    const producer = manual()
    const before = AbortSignal.abort(new Error('changed my mind'))
    expect(await producer.send(record1, { signal: before }).catch(error => error)).toMatchObject({
      code: 'ABORTED',
      outcome: 'not-written',
    })
    const controller = new AbortController()
    const sent = producer.send(record1, { signal: controller.signal })
    const other = producer.send(record2)
    controller.abort()
    expect(await sent.catch(error => error)).toMatchObject({ code: 'ABORTED', outcome: 'unknown' })
    expect(producer.completeNext()).toBe(true)
    expect(other.settled).toBe(true)
  })
})

describe('what nobody watches', () => {
  test('is an undelivered event with the bytes; what is watched is not', async () => {
    const producer = manual()
    const reports: Undelivered[] = []
    producer.on('undelivered', report => reports.push(report))
    producer.send({ topic: 't', key: 'k', value: 'v', headers: { h: 'x' }, timestamp: 5 })
    const watched = producer.send(record1)
    watched.catch(() => {})
    producer.send(record2, () => {})
    producer.send({ topic: 'no/topic', value: 'v' })
    const error = refusal()
    for (let n = 0; n < 3; n++) producer.errorNext(error)
    await microtasks()
    expect(reports).toEqual([
      expect.objectContaining({ error: expect.objectContaining({ code: 'INVALID_TOPIC' }), partition: -1 }),
      {
        error,
        topic: 't',
        partition: 0,
        key: Buffer.from('k'),
        value: Buffer.from('v'),
        headers: [['h', Buffer.from('x')]],
        timestamp: 5,
      },
    ])
    expect(producer.metrics()).toMatchObject({ 'record-error-total': 4, 'record-undelivered-total': 2 })
  })

  test('harms nobody: nobody listens, a listener or a callback throws or rejects', async () => {
    const producer = new MockProducer()
    producer.sendException = refusal()
    producer.send(record1)
    await microtasks()
    const errors: KafkaError[] = []
    producer.on('error', error => errors.push(error))
    producer.on('undelivered', () => {
      throw new Error('a listener')
    })
    producer.send(record1)
    producer.send(record1, () => {
      throw new Error('a callback')
    })
    producer.send(record1, async () => {
      throw new Error('an async callback')
    })
    await microtasks()
    await microtasks()
    expect(errors.map(({ code, cause }) => `${code}: ${(cause as Error).message}`).sort()).toEqual([
      'CALLBACK_FAILED: a callback',
      'CALLBACK_FAILED: a listener',
      'CALLBACK_FAILED: an async callback',
    ])
  })
})

describe('made to fail', () => {
  const planned = new KafkaError('PLANNED', 'as the test wants it')

  test.each([
    ['sendException', (producer: MockProducer) => producer.send(record1)],
    ['flushException', (producer: MockProducer) => producer.flush()],
    ['partitionsForException', (producer: MockProducer) => producer.partitionsFor('t')],
    ['connectException', (producer: MockProducer) => producer.connect()],
    ['closeException', (producer: MockProducer) => producer.close()],
    ['initTransactionException', (producer: MockProducer) => producer.initTransactions()],
  ] as const)('%s', async (name, call) => {
    const producer = new MockProducer()
    producer[name] = planned
    expect(await call(producer).catch(error => error)).toBe(planned)
    expect([producer.history(), producer.state, producer.transactionInitialized]).toEqual([[], 'open', false])
    producer[name] = undefined
    await call(producer)
  })

  test.each([
    [
      'sendOffsetsToTransactionException',
      (producer: MockProducer) => producer.sendOffsetsToTransaction([], { groupId: 'g' }),
    ],
    ['commitTransactionException', (producer: MockProducer) => producer.commitTransaction()],
    ['abortTransactionException', (producer: MockProducer) => producer.abortTransaction()],
  ] as const)('%s, and the transaction stays open', async (name, call) => {
    const producer = new MockProducer()
    await producer.initTransactions()
    producer.beginTransaction()
    producer.send(record1)
    producer[name] = planned
    expect(await call(producer).catch(error => error)).toBe(planned)
    expect([producer.transactionInFlight, producer.uncommittedRecords()]).toEqual([true, [record1]])
    producer[name] = undefined
    await call(producer)
  })

  test('beginTransactionException is thrown', () => {
    const producer = new MockProducer()
    producer.initTransactions().get()
    producer.beginTransactionException = planned
    expect(thrownBy(() => producer.beginTransaction())).toBe(planned)
    expect(producer.transactionInFlight).toBe(false)
  })
})

describe('flush, close and the rest', () => {
  test('with nothing open it is flushed', () => {
    expect(new MockProducer().flushed).toBe(true)
    const automatic = new MockProducer()
    automatic.send(record1)
    expect(automatic.flushed).toBe(true)
  })

  test('close completes what is open, and refuses what comes then', async () => {
    const producer = manual()
    const future = producer.send(record1)
    producer.close().get()
    expect([future.settled, producer.closed, producer.state]).toEqual([true, true, 'closed'])
    expect((await future).offset).toBe(0n)
    expect(await producer.send(record2).catch(error => error)).toMatchObject({ code: 'CLOSED', outcome: 'not-written' })
    for (const call of [
      () => producer.partitionsFor('t').get(),
      () => producer.connect().get(),
      () => producer.initTransactions().get(),
      () => producer.beginTransaction(),
      () => producer.sendOffsetsToTransaction([], { groupId: 'g' }).get(),
      () => producer.commitTransaction().get(),
      () => producer.abortTransaction().get(),
      () => producer.fenceProducer(),
    ])
      expect(thrownBy(call).code).toBe('CLOSED')
    await expect(producer.room()).rejects.toMatchObject({ code: 'CLOSED' })
    await producer.flush() // there is nothing to be flushed
    await producer.close()
  })

  test('at its deadline close fails what a serializer has not answered for', async () => {
    const clock = new ManualClock()
    const producer = new MockProducer({ clock, valueSerializer: () => new Promise<string>(() => {}) })
    const future = producer.send(record1)
    const closing = producer.close({ timeoutMs: 50 })
    expect([producer.state, closing.settled]).toEqual(['closing', false])
    clock.advance(50)
    await closing
    expect(await future.catch(error => error)).toMatchObject({ code: 'CLOSED', outcome: 'not-written' })
  })

  test('await using closes', async () => {
    const outer = new MockProducer()
    {
      await using producer = outer
      producer.send(record1)
    }
    expect(outer.closed).toBe(true)
  })

  test('room is there until the test takes it away', async () => {
    const producer = new MockProducer()
    expect(producer.hasRoom).toBe(true)
    producer.setRoom(false)
    expect(producer.hasRoom).toBe(false)
    let isThere = false
    const room = producer.room().then(() => {
      isThere = true
    })
    await microtasks()
    expect(isThere).toBe(false)
    producer.setRoom(true)
    await room
    producer.setRoom(false)
    const controller = new AbortController()
    const aborted = producer.room({ signal: controller.signal })
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
  })

  test('a stream ends in it', async () => {
    const producer = new MockProducer()
    await pipeline(Readable.from(['a', 'b', 'c']), producer.writable({ topic: 'lines' }))
    expect(producer.history().map(({ value }) => value)).toEqual(['a', 'b', 'c'])
    const failing = manual()
    const stream = failing.writable({ topic: 'lines' })
    stream.write('a')
    const failed = once(stream, 'error')
    failing.errorNext(refusal())
    expect((await failed)[0]).toMatchObject({ code: 'NOT_ENOUGH_REPLICAS' })
  })

  test('metrics have the names of the real ones, counted as far as there is something to count, and those that the test sets', async () => {
    const producer = new MockProducer()
    const real = createProducer({ bootstrapServers: '127.0.0.1:1' })
    expect(Object.keys(producer.metrics())).toEqual(Object.keys(real.metrics()))
    await real.close()
    await producer.sendAll([record1, record2])
    producer.setMetric('requests-in-flight', 5)
    expect(producer.metrics()).toMatchObject({
      'record-send-total': 2,
      'record-acknowledged-total': 2,
      'requests-in-flight': 5,
    })
  })

  test('it has the id for telemetry that a test gives it, and none before', async () => {
    const producer = new MockProducer()
    await expect(producer.clientInstanceId()).rejects.toMatchObject({ code: 'TELEMETRY_DISABLED' })

    producer.setClientInstanceId('tBQ1rjOcQ2K0yJzYvbGzQA')

    expect(await producer.clientInstanceId()).toBe('tBQ1rjOcQ2K0yJzYvbGzQA')
    expect(producer.clientInstanceId().get()).toBe('tBQ1rjOcQ2K0yJzYvbGzQA')
    await producer.close()
    await expect(producer.clientInstanceId()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('wrong options are told together, those of the real producer included', () => {
    const error = thrownBy(
      () =>
        new MockProducer({
          autoComplete: 'yes',
          topics: { a: 0 },
          clock: 5,
          seed: Number.NaN,
          transactionalId: '',
          lingerMS: 5,
          acks: 7,
        } as never),
    ) as ConfigError
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.problems.map(({ option }) => option).sort()).toEqual(
      ['acks', 'autoComplete', 'clock', 'lingerMS', 'seed', 'topics.a', 'transactionalId'].sort(),
    )
  })
})
