import { beforeEach, describe, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf, produce, produceBody, sequenced } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

let broker: Broker
let connection: RawConnection

beforeEach(async () => {
  broker = await startBroker({ topics: { orders: { partitions: 2 }, other: { partitions: 1 } } })
  connection = await RawConnection.open(broker)
  return async () => {
    await connection[Symbol.asyncDispose]()
    await broker.close()
  }
})

const values = (topic = 'orders') => broker.records(topic).map(({ value }) => value?.toString())
const send = (value: string) => produce(connection, { records: batchOf([value]) })
const startSending = (records: Buffer) => connection.send(apis.produce.request, 9, produceBody({ records }))
const metadata = { topics: [] }

/** A request to one partition of each topic. */
const twoTopics = {
  acks: -1,
  timeoutMs: 1000,
  topicData: [
    { name: 'orders', partitionData: [0, 1].map(index => ({ index, records: batchOf([`o${index}`]) })) },
    { name: 'other', partitionData: [{ index: 0, records: batchOf(['other']) }] },
  ],
}

describe('the answer is lost after the append', () => {
  test('the batch is there, the connection is reset, and the batch sent again is a duplicate', async () => {
    const fault = broker.faults.loseAnswerAfterAppend('Produce')
    startSending(sequenced(0, 2))
    expect(await connection.closed).toEqual({ reset: true })
    expect(values()).toEqual(['s0', 's1'])
    expect(fault).toMatchObject({ fired: 1, remaining: 0 })
    await fault.done

    await using again = await RawConnection.open(broker)
    expect(await produce(again, { records: sequenced(0, 2) })).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(values()).toEqual(['s0', 's1'])
  })

  test('with a delay, the reset comes after it, and what other connections send is answered meanwhile', async () => {
    broker.faults.loseAnswerAfterAppend('Produce', { delayMs: 200 })
    startSending(batchOf(['a']))
    await using other = await RawConnection.open(broker)
    await expect.poll(() => values()).toEqual(['a'])
    expect(await produce(other, { records: batchOf(['b']) })).toMatchObject({ errorCode: 0 })
    expect(connection.socket.closed).toBe(false)
    await connection.closed
  })

  test('without a reset, the answers sent before it arrive', async () => {
    broker.faults.loseAnswerAfterAppend('Produce', { skip: 3, reset: false })
    const ids = ['a', 'b', 'c', 'd'].map(value => startSending(batchOf([value])))
    for (const id of ids.slice(0, 3)) await connection.answer(apis.produce.response, 9, id)
    expect(await connection.closed).toEqual({ reset: false })
    expect(values()).toEqual(['a', 'b', 'c', 'd'])
  })

  test('only for requests that the predicate chooses', async () => {
    broker.faults.loseAnswerAfterAppend('Produce', {
      when: request => request.batches.some(({ baseSequence }) => baseSequence === 1),
    })
    expect(await produce(connection, { records: sequenced(0) })).toMatchObject({ errorCode: 0 })
    startSending(sequenced(1))
    await connection.closed
    expect(values()).toEqual(['s0', 's1'])
  })
})

test('a swallowed answer leaves the connection open, and later requests on it are answered', async () => {
  broker.faults.swallowAnswer('Produce')
  startSending(batchOf(['a']))
  expect(await send('b')).toMatchObject({ errorCode: 0, baseOffset: 1n })
  expect(values()).toEqual(['a', 'b'])
})

test('an ignored request is neither handled nor answered', async () => {
  broker.faults.ignore('Produce')
  startSending(batchOf(['a']))
  expect(await send('b')).toMatchObject({ baseOffset: 0n })
  expect(values()).toEqual(['b'])
})

test('an error before: nothing is appended, as often as asked', async () => {
  broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { times: 2, message: 'two are missing' })
  const expected = { errorCode: errorNumber('NOT_ENOUGH_REPLICAS'), baseOffset: -1n, errorMessage: 'two are missing' }
  expect(await send('a')).toMatchObject(expected)
  expect(broker.faults.remaining).toBe(1)
  expect(await send('a')).toMatchObject(expected)
  expect(await send('a')).toMatchObject({ errorCode: 0 })
  expect(values()).toEqual(['a'])
})

test('an error after: the batch is appended all the same', async () => {
  broker.faults.failAfter('Produce', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND')
  expect(await send('a')).toMatchObject({ errorCode: errorNumber('NOT_ENOUGH_REPLICAS_AFTER_APPEND'), baseOffset: -1n })
  expect(values()).toEqual(['a'])
})

test('an error for one partition leaves the others of the request alone', async () => {
  broker.faults.failBefore('Produce', 'KAFKA_STORAGE_ERROR', { topic: 'orders', partition: 1 })
  const { responses } = await connection.call(apis.produce, 9, twoTopics)
  const codes = responses.map(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode))
  expect(codes).toEqual([[0, errorNumber('KAFKA_STORAGE_ERROR')], [0]])
  expect([...values('orders'), ...values('other')]).toEqual(['o0', 'other'])
})

test('of several faults of one kind, each request gets one, in the order they were set', async () => {
  broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS')
  broker.faults.failBefore('Produce', 'REQUEST_TIMED_OUT')
  const codes = [(await send('a')).errorCode, (await send('a')).errorCode, (await send('a')).errorCode]
  expect(codes).toEqual([errorNumber('NOT_ENOUGH_REPLICAS'), errorNumber('REQUEST_TIMED_OUT'), 0])
})

test('skip lets the first requests pass', async () => {
  broker.faults.failBefore('Produce', 'REQUEST_TIMED_OUT', { skip: 2 })
  const codes = [(await send('a')).errorCode, (await send('b')).errorCode, (await send('c')).errorCode]
  expect(codes).toEqual([0, 0, errorNumber('REQUEST_TIMED_OUT')])
})

test('closing before: nothing is appended', async () => {
  broker.faults.closeBefore('Produce', { reset: false })
  startSending(batchOf(['a']))
  expect(await connection.closed).toEqual({ reset: false })
  expect(values()).toEqual([])
})

test('a held request waits for its release, and those behind it on the connection wait too', async () => {
  const held = broker.faults.hold('Produce', { times: 1 })
  const arrived = broker.waitForRequest('Produce')
  const first = startSending(batchOf(['a']))
  const second = connection.send(apis.metadata.request, 9, metadata)
  await arrived
  await using other = await RawConnection.open(broker)
  expect(await produce(other, { records: batchOf(['b']) })).toMatchObject({ errorCode: 0 })
  expect(connection.hasFrame).toBe(false)
  held.release()
  await connection.answer(apis.produce.response, 9, first)
  await connection.answer(apis.metadata.response, 9, second)
  expect(values()).toEqual(['b', 'a'])
})

test('a held answer: the batch is there before the producer knows', async () => {
  const held = broker.faults.hold('Produce', { phase: 'after' })
  const id = startSending(batchOf(['a']))
  await expect.poll(() => values()).toEqual(['a'])
  expect(connection.hasFrame).toBe(false)
  held.release()
  expect(await connection.answer(apis.produce.response, 9, id)).toMatchObject({ throttleTimeMs: 0 })
})

test('a delay keeps the order of answers on a connection', async () => {
  broker.faults.delay('Produce', 50)
  const first = startSending(batchOf(['a']))
  const second = connection.send(apis.metadata.request, 9, metadata)
  await connection.answer(apis.produce.response, 9, first)
  await connection.answer(apis.metadata.response, 9, second)
})

test('a throttle time stands in the answer, and the connection is not read for as long', async () => {
  broker.faults.throttle('Produce', 50)
  const startedAt = performance.now()
  const first = await connection.call(apis.produce, 9, produceBody({ records: batchOf(['a']) }))
  expect(first.throttleTimeMs).toBe(50)
  const second = await connection.call(apis.produce, 9, produceBody({ records: batchOf(['a']) }))
  expect(second.throttleTimeMs).toBe(0)
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49)
})

test('a truncated answer ends in the middle of its frame', async () => {
  broker.faults.truncateAnswer('Produce', 10)
  const bytes: Buffer[] = []
  connection.socket.on('data', chunk => bytes.push(chunk as Buffer))
  startSending(batchOf(['a']))
  await connection.closed
  const got = Buffer.concat(bytes)
  expect(got.length).toBe(10)
  expect(got.readInt32BE(0)).toBeGreaterThan(6)
})

test('a wrong correlation id', async () => {
  broker.faults.wrongCorrelationId('Produce', { add: 1000 })
  const id = startSending(batchOf(['a']))
  expect((await connection.frame()).readInt32BE(0)).toBe(id + 1000)
})

test('garbage in place of the body keeps length and correlation id', async () => {
  broker.faults.garbage('Produce', { bytes: 40 })
  const id = startSending(batchOf(['a']))
  const frame = await connection.frame()
  expect(frame.readInt32BE(0)).toBe(id)
  expect(frame.length).toBe(44)
})

test('partitions are left out of the answer, or stand there twice', async () => {
  const answered = async () => {
    const { responses } = await connection.call(apis.produce, 9, twoTopics)
    return responses.map(({ name, partitionResponses }) => [name, ...partitionResponses.map(({ index }) => index)])
  }
  broker.faults.omitPartition('Produce', { topic: 'orders', partition: 0 })
  expect(await answered()).toEqual([
    ['orders', 1],
    ['other', 0],
  ])
  broker.faults.duplicatePartition('Produce', { topic: 'orders', partition: 1 })
  expect(await answered()).toEqual([
    ['orders', 0, 1, 1],
    ['other', 0],
  ])
})

test('any other answer can be made by a function', async () => {
  broker.faults.changeAnswer('Metadata', answer => ({ ...(answer as object), brokers: [] }))
  expect((await connection.call(apis.metadata, 9, metadata)).brokers).toEqual([])
  expect((await connection.call(apis.metadata, 9, metadata)).brokers).toHaveLength(1)
})

test('an answer in place of the handling', async () => {
  const answer = () => ({ errorCode: 0, producerId: 99n, producerEpoch: 3 })
  broker.faults.add({ api: 'InitProducerId', phase: 'before', action: { type: 'answer', answer } })
  const body = { transactionalId: null, transactionTimeoutMs: 0 }
  expect(await connection.call(apis.initProducerId, 4, body)).toMatchObject({ producerId: 99n, producerEpoch: 3 })
  expect(await connection.call(apis.initProducerId, 4, body)).toMatchObject({ producerId: 0n })
})

test('errors reach the other APIs too', async () => {
  broker.faults.failBefore('InitProducerId', 'COORDINATOR_LOAD_IN_PROGRESS')
  broker.faults.failBefore('Metadata', 'LEADER_NOT_AVAILABLE', { topic: 'orders' })
  broker.faults.failBefore('ApiVersions', 'UNKNOWN_SERVER_ERROR')
  const ids = await connection.call(apis.initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 0 })
  expect(ids.errorCode).toBe(errorNumber('COORDINATOR_LOAD_IN_PROGRESS'))
  const { topics } = await connection.call(apis.metadata, 9, { topics: [{ name: 'orders' }, { name: 'other' }] })
  expect(topics.map(({ errorCode }) => errorCode)).toEqual([errorNumber('LEADER_NOT_AVAILABLE'), 0])
  expect((await connection.call(apis.apiVersions, 0, {})).errorCode).toBe(errorNumber('UNKNOWN_SERVER_ERROR'))
})

test('faults that were cleared do nothing, and what they held goes on', async () => {
  broker.faults.hold('Produce')
  broker.faults.failBefore('Metadata', 'UNKNOWN_SERVER_ERROR')
  const arrived = broker.waitForRequest('Produce')
  const id = startSending(batchOf(['a']))
  await arrived
  broker.faults.clear()
  await connection.answer(apis.produce.response, 9, id)
  expect((await connection.call(apis.metadata, 13, metadata)).errorCode).toBe(0)
  expect(broker.faults.remaining).toBe(0)
})

test('a fault whose error has no name in Kafka is refused when it is set', () => {
  expect(() => broker.faults.failBefore('Produce', 'NO_SUCH_ERROR')).toThrow(RangeError)
  expect(() => broker.faults.ignore('Produce', { times: 0 })).toThrow(RangeError)
})

test('the request log says what came, and what was done to it', async () => {
  broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS')
  await produce(connection, { records: sequenced(3, 2) })
  await produce(connection, { records: sequenced(3, 2) })
  const [first, second] = broker.requests('Produce')
  expect(first).toMatchObject({
    ...{ broker: 1, api: 'Produce', version: 9, clientId: 'raw', faults: ['before NOT_ENOUGH_REPLICAS'] },
    body: { acks: -1, transactionalId: null },
    targets: [{ topic: 'orders', partition: 0 }],
    batches: [{ topic: 'orders', partition: 0, producerId: 7n, baseSequence: 3, recordCount: 2 }],
  })
  expect(second).toMatchObject({ faults: [], connection: first!.connection })
  expect(broker.requestCount('Produce')).toBe(2)
})

test('the request log keeps the newest, and counts all', async () => {
  await using small = await startBroker({ requestLogSize: 3 })
  await using client = await RawConnection.open(small)
  for (let turn = 0; turn < 5; turn++) await client.call(apis.metadata, 1, metadata)
  expect(small.requests().map(({ correlationId }) => correlationId)).toEqual([3, 4, 5])
  expect(small.requestCount('Metadata')).toBe(5)
})

test('waiting for a request that does not come ends', async () => {
  await expect(broker.waitForRequest('Fetch', 20)).rejects.toThrow('no Fetch request came within 20 ms')
})

describe('which request', () => {
  test('nth is the first that it is done to, counted from one', async () => {
    const fault = broker.faults.failBefore('Produce', 'REQUEST_TIMED_OUT', { nth: 3 })
    const codes: number[] = []
    for (const value of ['a', 'b', 'c', 'd']) codes.push((await send(value)).errorCode)
    expect(codes).toEqual([0, 0, errorNumber('REQUEST_TIMED_OUT'), 0])
    expect(fault.fired).toBe(1)
  })

  test('by the transactional id that it asks about, and the log keeps it', async () => {
    broker.faults.failBefore('FindCoordinator', 'COORDINATOR_NOT_AVAILABLE', { transactionalId: 'tx-2' })
    const ask = (key: string) => connection.call(apis.findCoordinator, 3, { key, keyType: 1 })
    expect((await ask('tx-1')).errorCode).toBe(0)
    expect((await ask('tx-2')).errorCode).toBe(errorNumber('COORDINATOR_NOT_AVAILABLE'))
    expect(broker.requests('FindCoordinator').map(request => request.transactionalId)).toEqual(['tx-1', 'tx-2'])
  })

  test('by the group', async () => {
    broker.faults.failBefore('FindCoordinator', 'COORDINATOR_NOT_AVAILABLE', { group: 'billing', times: 9 })
    const ask = (key: string, keyType: number) => connection.call(apis.findCoordinator, 3, { key, keyType })
    expect((await ask('other', 0)).errorCode).toBe(0)
    expect((await ask('billing', 1)).errorCode).toBe(0)
    expect((await ask('billing', 0)).errorCode).toBe(errorNumber('COORDINATOR_NOT_AVAILABLE'))
    expect(broker.requests('FindCoordinator').map(request => request.group)).toEqual(['other', null, 'billing'])
  })

  test('a rule that cannot be is refused when it is set', () => {
    expect(() => broker.faults.failBefore('Produce', 'REQUEST_TIMED_OUT', { nth: 0 })).toThrow(/nth .*from 1, not 0/)
    expect(() => broker.faults.failBefore('Produce', 'REQUEST_TIMED_OUT', { nth: 1, skip: 1 })).toThrow(/skip and nth/)
    expect(() => broker.faults.delay('Produce', { minMs: 9, maxMs: 3 })).toThrow(/minMs ≤ maxMs/)
    expect(() => broker.faults.splitWrites('Produce', 0)).toThrow(/bytes/)
  })
})

describe('chance', () => {
  test('bits of the answer are flipped, and its length is right', async () => {
    const frames = []
    for (const bits of [0, 1]) {
      if (bits > 0) broker.faults.corrupt('Metadata', { bits })
      await using raw = await RawConnection.open(broker)
      raw.send(apis.metadata.request, 9, metadata)
      frames.push(await raw.frame())
    }
    const [right, wrong] = frames as [Buffer, Buffer]
    expect(wrong.length).toBe(right.length)
    const flipped = [...right].reduce((sum, byte, at) => sum + ones(byte ^ wrong[at]!), 0)
    expect(flipped).toBe(1)
  })

  test('a delay in a range takes at least the least of it', async () => {
    broker.faults.delay('Produce', { minMs: 60, maxMs: 90 })
    const before = performance.now()
    await send('a')
    expect(performance.now() - before).toBeGreaterThanOrEqual(59)
  })
})

const ones = (byte: number) => byte.toString(2).replaceAll('0', '').length

test('an answer in pieces is the same answer', async () => {
  broker.faults.splitWrites('Metadata', 3)
  const chunks: number[] = []
  connection.socket.on('data', chunk => chunks.push((chunk as Buffer).length))
  const { topics } = await connection.call(apis.metadata, 9, { topics: null })
  expect(topics.map(({ name }) => name)).toEqual(['orders', 'other'])
  expect(chunks.length).toBeGreaterThan(1)
})
