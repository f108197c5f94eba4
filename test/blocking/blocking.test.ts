import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import {
  BrokerError,
  createProducer,
  DeliveryTimeoutError,
  type Future,
  InvalidRecordError,
  type KafkaError,
  MetadataTimeoutError,
  type Producer,
  type ProducerOptions,
  SendAllError,
  TimeoutError,
} from '../../src/index.ts'
import type { BrokerInThread } from '../../src/testing/index.ts'
import { asText, setFault, startBrokerThread } from './broker-thread.ts'

let broker: BrokerInThread
let topics = 0
const open: Producer[] = []

beforeAll(async () => {
  broker = await startBrokerThread({ brokers: 3 })
})
afterAll(() => broker.close())
afterEach(async () => {
  await broker.faults.clear()
  for (const producer of open.splice(0)) await producer.close({ timeoutMs: 2_000 })
})

function producerOf(options: Partial<ProducerOptions> = {}): Producer {
  // A blocked thread cannot be ended by the test runner: its waits end by themselves.
  const quick = {
    requestTimeoutMs: 5_000,
    deliveryTimeoutMs: 15_000,
    retryBackoffMs: 1,
    retryBackoffMaxMs: 5,
    reconnectBackoffMs: 1,
    reconnectBackoffMaxMs: 5,
  }
  const producer = createProducer({ bootstrapServers: broker.bootstrapServers, ...quick, ...options })
  open.push(producer)
  return producer
}

async function newTopic(options: object = { partitions: 1 }): Promise<string> {
  const topic = `blocking-${++topics}`
  await broker.createTopic(topic, options)
  return topic
}

const valuesOf = async (topic: string, partition?: number) =>
  asText(await broker.records(topic, partition)).map(({ value }) => value)

/** What a call throws. */
function thrownBy(call: () => unknown): KafkaError {
  try {
    call()
  } catch (error) {
    return error as KafkaError
  }
  throw new Error('nothing was thrown')
}

describe('what get() gives', () => {
  test('the metadata, and a promise of the same afterwards', async () => {
    const topic = await newTopic()
    const producer = producerOf()
    const future = producer.send({ topic, key: 'k', value: 'one', timestamp: 5 })
    expect(future.settled).toBe(false)

    const metadata = future.get()

    expect(metadata).toMatchObject({
      topic,
      partition: 0,
      offset: 0n,
      timestamp: 5,
      serializedKeySize: 1,
      serializedValueSize: 3,
    })
    expect(future.settled).toBe(true)
    expect(future.get()).toEqual(metadata)
    expect(await future).toEqual(metadata)
    expect(producer.send({ topic, value: 'two' }).get().offset).toBe(1n)
    expect((await producer.send({ topic, value: 'three' })).offset).toBe(2n)
    expect(await valuesOf(topic)).toEqual(['one', 'two', 'three'])
  })

  test('a topic that is not there yet is created and written to, in one call', async () => {
    const producer = producerOf()
    expect(producer.send({ topic: 'created-by-blocking', value: 'first' }).get().offset).toBe(0n)
    expect(await valuesOf('created-by-blocking')).toEqual(['first'])
  })

  test('what cannot be sent is thrown at once, as the class that the promise would reject with', async () => {
    const producer = producerOf()
    const future = producer.send({ topic: 'no/topic', value: 'x' })
    expect(future.settled).toBe(true)
    const error = thrownBy(() => future.get())
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error).toMatchObject({ code: 'INVALID_TOPIC', outcome: 'not-written', retriable: false })
    expect(await future.catch(reason => reason)).toBe(error)
  })

  test.each([
    ['before', 'INVALID_RECORD', 'not-written'],
    ['after', 'UNKNOWN_SERVER_ERROR', 'unknown'],
  ] as const)(
    "a broker's refusal %s the append: class, code, number, outcome and cause",
    async (when, code, outcome) => {
      const topic = await newTopic()
      await setFault(broker, when === 'before' ? 'failBefore' : 'failAfter', 'Produce', code, { topic })
      const producer = producerOf()
      const error = thrownBy(() => producer.send({ topic, value: 'x' }).get())
      expect(error).toBeInstanceOf(BrokerError)
      expect(error).toMatchObject({ code, outcome, retriable: false, fatal: false })
      expect((error as BrokerError).errorCode).toEqual(expect.any(Number))
      expect(error.cause).toBeInstanceOf(BrokerError)
      expect(producer.send({ topic, value: 'y' }).get().hasOffset).toBe(true)
    },
  )

  test('everything that takes time can be blocked on', async () => {
    const topic = await newTopic({ partitions: 3 })
    const producer = producerOf()
    producer.connect().get()
    expect(
      producer
        .partitionsFor(topic)
        .get()
        .map(({ partition }) => partition),
    ).toEqual([0, 1, 2])
    const metadata = producer
      .sendAll(Array.from({ length: 500 }, (_, n) => ({ topic, partition: n % 3, value: String(n) })))
      .get()
    expect(metadata.map(({ partition, offset }) => `${partition}:${offset}`)).toEqual(
      Array.from({ length: 500 }, (_, n) => `${n % 3}:${Math.floor(n / 3)}`),
    )
    const futures = Array.from({ length: 100 }, (_, n) => producer.send({ topic, partition: 0, value: `f${n}` }))
    producer.flush().get()
    expect(futures.every(({ settled }) => settled)).toBe(true)
    producer.send({ topic, partition: 1, value: 'last' })
    producer.close().get()
    expect(producer.state).toBe('closed')
    expect((await valuesOf(topic, 1)).at(-1)).toBe('last')
    expect(thrownBy(() => producer.send({ topic, value: 'late' }).get())).toMatchObject({
      code: 'CLOSED',
      outcome: 'not-written',
    })
    producer.close().get() // again: the same future
  })

  test('sendAll tells the result of each', async () => {
    const topic = await newTopic()
    const producer = producerOf()
    const error = thrownBy(() =>
      producer
        .sendAll([
          { topic, value: 'good' },
          { topic: '', value: 'bad' },
        ])
        .get(),
    )
    expect(error).toBeInstanceOf(SendAllError)
    expect((error as SendAllError).results.map(result => result.error?.code ?? result.metadata?.offset)).toEqual([
      0n,
      'INVALID_TOPIC',
    ])
  })

  test('what cannot be reached or found is an error of its class', async () => {
    const producer = producerOf({ maxBlockMs: 400 })
    const unknown = thrownBy(() => producer.partitionsFor('not..allowed?').get())
    expect(unknown.code).toBe('INVALID_TOPIC')
    await broker.faults.failBefore('Metadata', 'TOPIC_AUTHORIZATION_FAILED', { topic: 'forbidden', times: 100 })
    expect(thrownBy(() => producer.partitionsFor('forbidden').get())).toMatchObject({
      code: 'TOPIC_AUTHORIZATION_FAILED',
    })
    expect(thrownBy(() => producer.send({ topic: 'forbidden', value: '' }).get())).toMatchObject({
      code: 'TOPIC_AUTHORIZATION_FAILED',
      outcome: 'not-written',
    })
    await broker.faults.failBefore('Metadata', 'LEADER_NOT_AVAILABLE', { topic: 'never', times: 1000 })
    const late = thrownBy(() => producer.partitionsFor('never').get())
    expect(late).toBeInstanceOf(MetadataTimeoutError)
    expect(late.message).toContain('LEADER_NOT_AVAILABLE')
    expect(thrownBy(() => producer.send({ topic: 'never', value: '' }).get())).toBeInstanceOf(MetadataTimeoutError)
  })
})

describe('while the thread is blocked', () => {
  test('no callback, promise or timer runs; afterwards they do, callbacks first and in order', async () => {
    const topic = await newTopic()
    const producer = producerOf()
    await producer.send({ topic, value: 'warm' })
    await broker.faults.delay('Produce', 30, { topic, times: 10 })
    const seen: string[] = []
    for (const n of [1, 2, 3]) producer.send({ topic, value: `c${n}` }, error => seen.push(`callback ${n} ${error}`))
    const future = producer.send({ topic, value: 'future' })
    void future.then(() => seen.push('future'))
    await new Promise(setImmediate) // those are on the wire now
    const late = setTimeout(() => seen.push('timer'), 1)
    void Promise.resolve().then(() => seen.push('promise'))

    producer.send({ topic, value: 'blocking' }).get()
    expect(future.settled).toBe(true)
    expect(seen).toEqual([])

    await new Promise(setImmediate)
    expect(seen.filter(what => what !== 'timer')).toEqual([
      'promise',
      'callback 1 null',
      'callback 2 null',
      'callback 3 null',
      'future',
    ])
    clearTimeout(late)
    expect(await valuesOf(topic)).toEqual(['warm', 'c1', 'c2', 'c3', 'future', 'blocking'])
  })

  test('interceptors and events of the producer wait as well', async () => {
    const topic = await newTopic()
    const seen: string[] = []
    const producer = producerOf({
      interceptors: [{ onAcknowledgement: (_, metadata) => void seen.push(`acknowledged ${metadata?.offset}`) }],
    })
    producer.on('error', error => seen.push(error.code))
    await broker.faults.closeBefore('Produce', { topic })
    producer.send({ topic, value: 'x' }).get()
    expect(seen).toEqual([])
    await new Promise(setImmediate)
    expect(seen).toContain('acknowledged 0')
  })

  test('a callback may block: on records of its own batch, and on further ones', async () => {
    const topic = await newTopic()
    const producer = producerOf()
    const seen: unknown[] = []
    let last: Future<unknown> | undefined
    await new Promise<void>(done => {
      producer.send({ topic, value: '0' }, () => {
        seen.push((last!.get() as { offset: bigint }).offset)
        seen.push(producer.send({ topic, value: '2' }).get().offset)
      })
      last = producer.send({ topic, value: '1' })
      producer.send({ topic, value: '1b' }, () => {
        seen.push('second callback')
        done()
      })
    })
    expect(seen).toEqual([1n, 3n, 'second callback'])
    expect(await valuesOf(topic)).toEqual(['0', '1', '1b', '2'])
  })

  test('it works in promise callbacks and timers', async () => {
    const topic = await newTopic()
    const producer = producerOf()
    const offsets: bigint[] = []
    await Promise.resolve().then(() => offsets.push(producer.send({ topic, value: 'a' }).get().offset))
    await new Promise<void>(done =>
      setTimeout(() => {
        offsets.push(producer.send({ topic, value: 'b' }).get().offset)
        setImmediate(() => {
          offsets.push(producer.send({ topic, value: 'c' }).get().offset)
          queueMicrotask(() => {
            offsets.push(producer.send({ topic, value: 'd' }).get().offset)
            done()
          })
        })
      }, 1),
    )
    expect(offsets).toEqual([0n, 1n, 2n, 3n])
  })
})

describe('one order', () => {
  test('sends that are ignored, awaited, called back and blocked on lie in the log as they were called, once each', async () => {
    const topic = await newTopic({ partitions: 2 })
    const producer = producerOf({ batchSize: 300 })
    const told: (bigint | undefined)[] = []
    const expected: string[][] = [[], []]
    const futures: Promise<unknown>[] = []
    for (let n = 0; n < 2_000; n++) {
      const partition = n % 2
      const record = { topic, partition, value: String(n) }
      expected[partition]!.push(record.value)
      const note = (offset: bigint | undefined) => {
        told[n] = offset
      }
      if (n % 97 === 0) note(producer.send(record).get().offset)
      else if (n % 5 === 0) producer.send(record, (_, metadata) => note(metadata?.offset))
      else if (n % 5 === 1) producer.send(record)
      else futures.push(producer.send(record).then(({ offset }) => note(offset)))
      if (n % 131 === 0) await new Promise(setImmediate)
      if (n % 611 === 0) await futures.at(-1)
    }
    await producer.flush()
    await Promise.all(futures)
    for (const partition of [0, 1]) {
      const records = asText(await broker.records(topic, partition))
      expect(records.map(({ value }) => value)).toEqual(expected[partition])
      for (const { value, offset } of records)
        if (Number(value) % 5 !== 1 || Number(value) % 97 === 0) expect(told[Number(value)]).toBe(offset)
    }
  })

  test('five batches on the wire without an answer are taken over; their own answers are dropped when they come', async () => {
    const topic = await newTopic()
    const producer = producerOf({ batchSize: 1 })
    await producer.send({ topic, value: 'warm' })
    const late = await broker.faults.delay('Produce', 300, { topic, phase: 'after' })
    const futures = ['0', '1', '2', '3', '4'].map(value => producer.send({ topic, value }))
    await expect.poll(() => late.fired()).toBe(1) // one is in the log and nobody was told; four wait behind it

    expect(producer.send({ topic, value: '5' }).get().offset).toBe(6n)
    expect(futures.map(future => future.get().offset)).toEqual([1n, 2n, 3n, 4n, 5n])
    // Only now are the five answers read that came by the first way.
    await new Promise(resolve => setTimeout(resolve, 400))
    expect((await producer.send({ topic, value: '6' })).offset).toBe(7n)
    expect(await valuesOf(topic)).toEqual(['warm', '0', '1', '2', '3', '4', '5', '6'])
    expect(producer.metrics()['requests-in-flight']).toBe(0)
  })
})

describe('what the asynchronous side honours', () => {
  test.each([
    ['failBefore', 'NOT_ENOUGH_REPLICAS'],
    ['failAfter', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'],
    ['failBefore', 'NOT_LEADER_OR_FOLLOWER'],
  ] as const)('retries: %s %s, three times', async (method, error) => {
    const topic = await newTopic()
    const fault = await setFault(broker, method, 'Produce', error, { topic, times: 3 })
    const producer = producerOf()
    expect(producer.send({ topic, value: 'x' }).get().offset).toBe(0n)
    expect(await fault.fired()).toBe(3)
    expect(await valuesOf(topic)).toEqual(['x'])
  })

  test.each([
    ['loseAnswerAfterAppend', []],
    ['closeBefore', []],
    ['garbage', []],
    ['omitPartition', []],
  ] as const)('a broken connection: %s', async (method, more) => {
    const topic = await newTopic()
    const producer = producerOf()
    producer.send({ topic, value: '0' }).get()
    const fault = await setFault(broker, method, 'Produce', ...more, { topic })
    producer.send({ topic, value: '1' })
    expect(producer.send({ topic, value: '2' }).get().offset).toBe(2n)
    expect(await fault.fired()).toBe(1)
    expect(await valuesOf(topic)).toEqual(['0', '1', '2'])
  })

  test('a leader that moves meanwhile, and one that is gone', async () => {
    const topic = await newTopic({ partitions: 1, replicationFactor: 3 })
    const producer = producerOf()
    producer.send({ topic, value: '0' }).get()
    const leader = producer.partitionsFor(topic).get()[0]!.leader
    await broker.moveLeader(topic, 0, (leader % 3) + 1)
    expect(producer.send({ topic, value: '1' }).get().offset).toBe(1n)
    await broker.stop((leader % 3) + 1)
    try {
      expect(producer.send({ topic, value: '2' }).get().offset).toBe(2n)
    } finally {
      await broker.start((leader % 3) + 1)
    }
    expect((await producer.send({ topic, value: '3' })).offset).toBe(3n)
    expect(await valuesOf(topic)).toEqual(['0', '1', '2', '3'])
  })

  test('throttling by the broker', async () => {
    const topic = await newTopic()
    const producer = producerOf()
    producer.send({ topic, value: '0' }).get()
    await broker.faults.throttle('Produce', 80, { topic })
    producer.send({ topic, value: '1' }).get()
    const startedAt = performance.now()
    producer.send({ topic, value: '2' }).get()
    expect(performance.now() - startedAt).toBeGreaterThan(60)
    expect(producer.metrics()['produce-throttle-time-max']).toBe(80)
  })

  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'compression: %s, with batches that the pool is still compressing',
    async compressionType => {
      const topic = await newTopic()
      const producer = producerOf({ compressionType, batchSize: 60_000 })
      await producer.send({ topic, value: 'warm' })
      const expected = ['warm']
      for (let n = 0; n < 2_000; n++) {
        const value = `${n}:${'abc'.repeat(30)}`
        expected.push(value)
        producer.send({ topic, value })
      }
      expect(producer.send({ topic, value: 'last' }).get().offset).toBe(2_001n)
      producer.flush().get()
      await new Promise(resolve => setTimeout(resolve, 20)) // the pool's own results come too late to count
      expect((await producer.send({ topic, value: 'after' })).offset).toBe(2_002n)
      expect(await valuesOf(topic)).toEqual([...expected, 'last', 'after'])
    },
  )

  test('batches that the broker finds too large are split', async () => {
    const topic = await newTopic({ partitions: 1, config: { 'max.message.bytes': '400' } })
    const producer = producerOf()
    const futures = Array.from({ length: 30 }, (_, n) => producer.send({ topic, value: `${n}:${'x'.repeat(50)}` }))
    expect(futures[29]!.get().offset).toBe(29n)
    expect(futures.map(future => future.get().offset)).toEqual(futures.map((_, n) => BigInt(n)))
    expect((await valuesOf(topic)).map(value => Number.parseInt(value!, 10))).toEqual(futures.map((_, n) => n))
  })

  test('a full buffer is drained: the record that waits for memory gets its turn', async () => {
    const topic = await newTopic({ partitions: 3 })
    const producer = producerOf({ bufferMemory: 64 * 1024, batchSize: 4096 })
    await producer.send({ topic, value: 'warm' })
    const futures: Future<unknown>[] = []
    for (let n = 0; n < 400; n++)
      futures.push(producer.send({ topic, partition: n % 3, value: `${n}:${'x'.repeat(150)}` }))
    expect(producer.hasRoom).toBe(false)
    futures.at(-1)!.get()
    producer.flush().get()
    expect(futures.every(({ settled }) => settled)).toBe(true)
    for (const future of futures) future.get()
    for (const partition of [0, 1, 2]) {
      const numbers = (await valuesOf(topic, partition))
        .filter(value => value !== 'warm')
        .map(value => Number.parseInt(value!, 10))
      expect(numbers).toEqual(Array.from({ length: Math.ceil((400 - partition) / 3) }, (_, n) => partition + 3 * n))
    }
    expect(producer.metrics()['waiting-records']).toBe(0)
  })

  test('synchronous serializers, partitioners and interceptors', async () => {
    const topic = await newTopic({ partitions: 3 })
    const producer = createProducer<{ [t: string]: { key: number; value: object } }>({
      bootstrapServers: broker.bootstrapServers,
      keySerializer: 'int32',
      valueSerializer: 'json',
      partitioner: ({ key }) => (key?.at(-1) ?? 0) % 3,
      interceptors: [{ onSend: record => ({ ...record, headers: { seen: 'yes' } }) }],
    })
    for (let n = 0; n < 6; n++) expect(producer.send({ topic, key: n, value: { n } }).get().partition).toBe(n % 3)
    producer.close().get()
    expect(await valuesOf(topic, 1)).toEqual(['{"n":1}', '{"n":4}'])
  })
})

describe('time', () => {
  test('get() ends at its time-out; the record goes on, and its future with it', async () => {
    const topic = await newTopic()
    const producer = producerOf()
    producer.send({ topic, value: 'warm' }).get()
    const held = await broker.faults.hold('Produce', { topic, phase: 'before', times: 20 })
    const future = producer.send({ topic, value: 'slow' })
    const startedAt = performance.now()
    const error = thrownBy(() => future.get({ timeoutMs: 200 }))
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' })
    expect(future.settled).toBe(false)
    setTimeout(() => void held.release(), 10)
    expect((await future).offset).toBe(1n)
    expect(producer.send({ topic, value: 'next' }).get().offset).toBe(2n)
    expect(await valuesOf(topic)).toEqual(['warm', 'slow', 'next'])
  })

  test('deliveryTimeoutMs ends a record in a blocked thread too, with a true outcome', async () => {
    const topic = await newTopic()
    // Longer than a busy machine takes for a round trip: else it is the time of the machine that is measured.
    const short = { deliveryTimeoutMs: 1_500, requestTimeoutMs: 1_000, lingerMs: 0 }
    // The time is over while the record waits for its next attempt, and never while one is on its way.
    const patient = producerOf({ ...short, retryBackoffMs: 10_000, retryBackoffMaxMs: 10_000 })
    patient.connect().get() // starts the thread that works for a blocked one
    patient.send({ topic, value: 'warm' }).get()
    await broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { topic, times: 10_000 })
    const refused = thrownBy(() => patient.send({ topic, value: 'never' }).get())
    expect(refused).toBeInstanceOf(DeliveryTimeoutError)
    expect(refused.outcome).toBe('not-written')
    expect((refused.cause as KafkaError).code).toBe('NOT_ENOUGH_REPLICAS')
    await broker.faults.clear()

    const producer = producerOf(short)
    producer.connect().get()
    producer.send({ topic, value: 'warm' }).get()
    await broker.faults.swallowAnswer('Produce', { topic, times: 10_000 })
    const silent = thrownBy(() => producer.send({ topic, value: 'silent' }).get())
    expect(silent).toBeInstanceOf(DeliveryTimeoutError)
    expect(silent.outcome).toBe('unknown')
    await broker.faults.clear()
    expect(producer.send({ topic, value: 'after' }).get().hasOffset).toBe(true)
    expect((await valuesOf(topic)).filter(value => value !== 'silent')).toEqual(['warm', 'warm', 'after'])
  })

  test('a timer that was set before does not fire twice', async () => {
    const topic = await newTopic()
    const producer = producerOf()
    const held = await broker.faults.hold('Produce', { topic, phase: 'before' })
    const flush = producer.flush({ timeoutMs: 5 }) // nothing to flush: settled
    expect(flush.settled).toBe(true)
    producer.send({ topic, value: 'x' })
    const late = producer.flush({ timeoutMs: 30 })
    expect(thrownBy(() => late.get())).toBeInstanceOf(TimeoutError)
    await expect(late).rejects.toBeInstanceOf(TimeoutError)
    await held.release()
    await producer.flush()
    expect(await valuesOf(topic)).toEqual(['x'])
  })

  test.each([-1, Number.NaN, '5' as never])('a time-out of %s is refused', async timeoutMs => {
    const topic = await newTopic()
    const producer = producerOf()
    const future = producer.send({ topic, value: 'x' })
    expect(thrownBy(() => future.get({ timeoutMs })).code).toBe('INVALID_TIMEOUT')
    expect((await future).offset).toBe(0n)
  })

  test('a signal that is aborted already ends the wait at once', async () => {
    const topic = await newTopic()
    const producer = producerOf()
    const future = producer.send({ topic, value: 'x' })
    const reason = new Error('enough')
    const error = thrownBy(() => future.get({ signal: AbortSignal.abort(reason) }))
    expect(error).toMatchObject({ code: 'ABORTED', outcome: 'unknown', cause: reason })
    expect((await future).offset).toBe(0n)
  })
})

describe('what cannot be blocked on is refused', () => {
  test('an asynchronous serializer that has not answered, and whoever stands behind it', async () => {
    const topic = await newTopic()
    const other = await newTopic()
    const producer = producerOf({
      valueSerializer: (value, context) =>
        context.topic === other || value === 'now' ? String(value) : Promise.resolve(String(value)),
    })
    producer.connect().get()
    const slow = producer.send({ topic, value: 'slow' })
    const behind = producer.send({ topic, value: 'now' })
    for (const call of [() => slow.get(), () => behind.get(), () => producer.flush().get()]) {
      const error = thrownBy(call)
      expect(error).toMatchObject({ code: 'BLOCKING_REFUSED', outcome: 'unknown' })
      expect(error.message).toContain('asynchronous serializer')
    }
    expect(producer.send({ topic: other, value: 'elsewhere' }).get().offset).toBe(0n)
    expect((await slow).offset).toBe(0n)
    expect(behind.get().offset).toBe(1n)
  })

  test('from within a serializer, an interceptor or a partitioner', async () => {
    const topic = await newTopic()
    const errors: KafkaError[] = []
    const other = producerOf()
    let producer: Producer | undefined
    const tryToBlock = () => {
      errors.push(thrownBy(() => producer!.partitionsFor(`unheard-of-${errors.length}`).get()))
      // Another producer waits for nothing that happens here.
      expect(other.send({ topic, value: 'by another producer' }).get().hasOffset).toBe(true)
    }
    producer = producerOf({
      valueSerializer: value => {
        tryToBlock()
        return String(value)
      },
      partitioner: () => {
        tryToBlock()
        return 0
      },
      interceptors: [
        {
          onSend: record => {
            tryToBlock()
            return record
          },
        },
      ],
    })
    producer.partitionsFor(topic).get()
    producer.send({ topic, value: 'x' }).get()
    expect(errors.map(({ code, outcome }) => `${code} ${outcome}`)).toEqual(Array(3).fill('BLOCKING_REFUSED unknown'))
    expect((await valuesOf(topic)).filter(value => value === 'x')).toEqual(['x'])
  })

  test('a broker in this very thread', async () => {
    await using here = await startBroker()
    await using producer = createProducer({ bootstrapServers: here.bootstrapServers })
    const future = producer.send({ topic: 'own', value: 'x' })
    const error = thrownBy(() => future.get())
    expect(error).toMatchObject({ code: 'BLOCKING_REFUSED', outcome: 'unknown' })
    expect(error.message).toContain('in this very thread')
    expect((await future).offset).toBe(0n)
  })
})

describe('warm-up and finding brokers', () => {
  test('after connect() and partitionsFor() were blocked on, the first send is a Produce request and nothing else', async () => {
    await using own = await startBrokerThread({ brokers: 3, topics: ['orders'] })
    await using producer = createProducer({ bootstrapServers: own.bootstrapServers })
    producer.connect().get()
    producer.partitionsFor('orders').get()
    const before = (await own.requests()).map(({ api }) => api)
    expect(new Set(before)).toEqual(new Set(['ApiVersions', 'Metadata', 'InitProducerId']))
    await own.clearRequests()

    producer.send({ topic: 'orders', value: 'first' }).get()

    // What else comes is this thread's own side, which learns what the courier knows.
    const courier = (await own.requests('Produce'))[0]!.connection
    const its = (await own.requests()).filter(({ connection }) => connection === courier).map(({ api }) => api)
    expect(its).toEqual(['Produce'])
    expect(await own.requests('InitProducerId')).toHaveLength(0)
  })

  test('a second blocking send uses the same thread and connections', async () => {
    await using own = await startBrokerThread({ topics: { orders: { partitions: 1 } } })
    await using producer = createProducer({ bootstrapServers: own.bootstrapServers })
    for (let n = 0; n < 20; n++) producer.send({ topic: 'orders', value: String(n) }).get()
    expect(new Set((await own.requests('Produce')).map(({ connection }) => connection)).size).toBe(1)
  })

  test('when all known brokers are gone, the bootstrap servers are asked again', async () => {
    await using first = await startBrokerThread()
    await using second = await startBrokerThread()
    const moving = producerOf({ bootstrapServers: `${first.bootstrapServers},${second.bootstrapServers}` })
    moving.send({ topic: 'orders', value: 'here' }).get()
    const [from, to] = (await first.requests('Produce')).length > 0 ? [first, second] : [second, first]
    await from.stop(1)

    moving.send({ topic: 'orders', value: 'there' }).get()

    expect(asText(await to.records('orders')).map(({ value }) => value)).toEqual(['there'])
  })
})

describe('without idempotence', () => {
  test.each([
    { acks: 0, enableIdempotence: false },
    { acks: 1, enableIdempotence: false },
    { acks: 'all', enableIdempotence: false },
  ] as const)(
    '$acks: a record that has not left is blocked on; afterwards all go by the same connections',
    async options => {
      const topic = await newTopic()
      const producer = producerOf(options)
      producer.connect().get()
      const expected: string[] = []
      for (let n = 0; n < 200; n++) {
        expected.push(String(n))
        const future = producer.send({ topic, value: String(n) })
        if (n % 20 === 0) expect(future.get().offset).toBe(options.acks === 0 ? -1n : BigInt(n))
        if (n % 50 === 0) await new Promise(setImmediate)
      }
      await producer.flush()
      if (options.acks === 0) producer.close().get()
      await expect.poll(() => valuesOf(topic)).toEqual(expected)
    },
  )

  test.each([1, 'all'] as const)(
    'acks %s: what is on the wire already is neither sent again nor overtaken: the wait is refused, the record goes on',
    async acks => {
      const topic = await newTopic()
      const producer = producerOf({ acks, enableIdempotence: false })
      await producer.send({ topic, value: 'warm' })
      const held = await broker.faults.hold('Produce', { topic, phase: 'after' })
      const future = producer.send({ topic, value: 'on the wire' })
      await expect.poll(() => held.fired()).toBe(1)
      const behind = producer.send({ topic, value: 'behind' })
      for (const call of [() => future.get(), () => behind.get(), () => producer.flush().get()]) {
        const error = thrownBy(call)
        expect(error).toMatchObject({ code: 'BLOCKING_REFUSED', outcome: 'unknown' })
        expect(error.message).toContain('without idempotence')
      }
      await held.release()
      expect([(await future).offset, (await behind).offset]).toEqual([1n, 2n])
      expect(producer.send({ topic, value: 'now' }).get().offset).toBe(3n)
      expect(await valuesOf(topic)).toEqual(['warm', 'on the wire', 'behind', 'now'])
    },
  )
})

describe('afterwards', () => {
  test('nothing is left: no connection at the broker, no thread', async () => {
    const topic = await newTopic()
    const before = await broker.connections()
    const producer = producerOf()
    producer.send({ topic, value: 'x' }).get()
    await producer.send({ topic, value: 'y' })
    expect(await broker.connections()).toBeGreaterThan(before)
    await producer.close()
    await expect.poll(() => broker.connections()).toBe(before)
  })

  test.each([0, 1, 2, 3, 5, 10])('a close that has begun may be blocked on, %d turns later', async turns => {
    const topic = await newTopic()
    const producer = producerOf()
    if (turns % 2 === 1) producer.send({ topic, value: 'x' }).get()
    producer.send({ topic, value: 'y' })
    const closing = producer.close()
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    closing.get()
    expect(producer.state).toBe('closed')
    expect((await valuesOf(topic)).at(-1)).toBe('y')
    await closing
  })

  test('the same after a blocking close', async () => {
    const topic = await newTopic()
    const before = await broker.connections()
    const producer = producerOf()
    await producer.send({ topic, value: 'x' })
    producer.send({ topic, value: 'y' })
    producer.close().get()
    expect(producer.state).toBe('closed')
    await expect.poll(() => broker.connections()).toBe(before)
    expect(await valuesOf(topic)).toEqual(['x', 'y'])
  })
})
