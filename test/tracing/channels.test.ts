import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import {
  createProducer,
  type MetadataMessage,
  type ProducerOptions,
  type RequestMessage,
  type SendMessage,
} from '../../src/index.ts'
import { expectNothingUnhandled } from '../producer/unhandled.ts'
import { acknowledged, failed, listen, messagesOf, traced } from './listen.ts'
import { shopProducer } from './shop-producer.ts'

expectNothingUnhandled()

let broker: Broker
beforeEach(async () => {
  broker = await startBroker({ brokers: 3, topics: { t: { partitions: 1 } } })
})
afterEach(() => broker.close())

const open = (options: Partial<ProducerOptions> = {}) => shopProducer(broker, options)

/** What was published is told when the code that caused it has ended. */
const turn = () => new Promise(setImmediate)

test('a Produce request has a start and an end, its batches, and the records that are traced', async () => {
  const lives = traced<RequestMessage>('ottla:request')
  const sends = traced<SendMessage>('ottla:send')
  await using producer = open()

  await producer.sendAll(['a', 'b', 'c'].map(value => ({ topic: 't', value })))
  await turn()

  const [[message, life]] = [...lives] as [[RequestMessage, string[]]]
  expect([lives.size, life]).toEqual([1, acknowledged])
  expect(message).toMatchObject({
    clientId: 'shop',
    brokerId: expect.any(Number),
    remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    bytes: expect.any(Number),
    startedAt: expect.any(Number),
    durationMs: expect.any(Number),
    batches: [{ topic: 't', partition: 0, records: 3, attempts: 1, baseOffset: 0n }],
  })
  expect(message.error).toBeUndefined()
  expect(message.batches[0]!.error).toBeUndefined()
  expect(message.batches[0]!.sends).toEqual([...sends.keys()])
})

test('a batch that the broker refuses has its error in the request that carried it; the retry is another request', async () => {
  const lives = traced<RequestMessage>('ottla:request')
  const retries = messagesOf('ottla:retry')
  const batches = messagesOf('ottla:batch')
  await using producer = open()
  broker.faults.failBefore('Produce', 'NOT_ENOUGH_REPLICAS', { times: 2 })

  await producer.send({ topic: 't', value: 'a' })
  await turn()

  expect([...lives.values()]).toEqual(Array(3).fill(acknowledged))
  expect([...lives.keys()].map(({ error, batches: [batch] }) => [error, batch!.attempts, batch!.error?.code])).toEqual([
    [undefined, 1, 'NOT_ENOUGH_REPLICAS'],
    [undefined, 2, 'NOT_ENOUGH_REPLICAS'],
    [undefined, 3, undefined],
  ])
  const described = { clientId: 'shop', topic: 't', partition: 0, records: 1 }
  expect(retries).toEqual(
    [1, 2].map(attempts => ({
      ...described,
      attempts,
      backOffMs: expect.any(Number),
      error: expect.objectContaining({ code: 'NOT_ENOUGH_REPLICAS' }),
    })),
  )
  expect(batches).toEqual([
    {
      ...described,
      attempts: 3,
      bytes: expect.any(Number),
      durationMs: expect.any(Number),
      result: 'acknowledged',
      baseOffset: 0n,
    },
  ])
})

test('a request without an answer ends in its error, and the connection’s end is told', async () => {
  const lives = traced<RequestMessage>('ottla:request')
  const connections = messagesOf('ottla:connection')
  await using producer = open()
  broker.faults.closeBefore('Produce')

  await producer.send({ topic: 't', value: 'a' })
  await turn()

  expect([...lives.values()]).toEqual([failed, acknowledged])
  expect([...lives.keys()][0]).toMatchObject({
    error: { code: 'CONNECTION_CLOSED' },
    batches: [{ error: { code: 'CONNECTION_CLOSED' } }],
  })
  expect(connections.map(({ error, remote }) => error?.code ?? (remote === undefined ? 'no' : 'connected'))).toEqual([
    'connected',
    'CONNECTION_CLOSED',
    'connected',
  ])
})

test('acks=0: the request ends when it is written', async () => {
  const lives = traced<RequestMessage>('ottla:request')
  await using producer = open({ acks: 0, enableIdempotence: false })
  await producer.send({ topic: 't', value: 'a' })
  await turn()
  expect([...lives.values()]).toEqual([acknowledged])
})

test('close ends the requests that are out', async () => {
  const lives = traced<RequestMessage>('ottla:request')
  const hold = broker.faults.hold('Produce')
  const producer = open()
  producer.send({ topic: 't', value: 'a' }).catch(() => {})
  await broker.waitForRequest('Produce')
  await producer.close({ timeoutMs: 0 })
  await turn()
  hold.release()
  expect([...lives.values()]).toEqual([failed])
})

test('batches that fail, and those that are split', async () => {
  await broker.close()
  broker = await startBroker({ topics: { t: { partitions: 1, config: { 'max.message.bytes': 2000 } } } })
  const batches = messagesOf('ottla:batch')
  await using producer = open({ batchSize: 200_000 })
  await producer.partitionsFor('t')

  await producer.sendAll(Array.from({ length: 10 }, () => ({ topic: 't', value: 'z'.repeat(300) })))
  broker.faults.failBefore('Produce', 'TOPIC_AUTHORIZATION_FAILED')
  await producer.send({ topic: 't', value: 'x' }).catch(() => {})
  await turn()

  expect(batches[0]).toMatchObject({ result: 'split', records: 10, parts: [4, 4, 2] })
  expect(batches.slice(1).map(({ result, records, error }) => [result, records, error?.code])).toEqual([
    ['acknowledged', 4, undefined],
    ['acknowledged', 4, undefined],
    ['acknowledged', 2, undefined],
    ['failed', 1, 'TOPIC_AUTHORIZATION_FAILED'],
  ])
})

test('leaders, identities, throttling, metadata and errors', async () => {
  const leaders = messagesOf('ottla:leader')
  const identities = messagesOf('ottla:identity')
  const throttles = messagesOf('ottla:throttle')
  const metadata = messagesOf('ottla:metadata')
  const errors = messagesOf('ottla:error')
  await using producer = open()

  const { partition } = await producer.send({ topic: 't', value: 'a' })
  await turn()
  const from = leaders[0]!.to
  expect(leaders).toEqual([{ clientId: 'shop', topic: 't', partition, from: -1, to: from }])
  expect(identities).toEqual([{ clientId: 'shop', producerId: expect.any(BigInt), producerEpoch: 0 }])

  broker.faults.throttle('Produce', 1)
  await producer.send({ topic: 't', value: 'b' }, { signal: new AbortController().signal })
  const to = [...broker.ports.keys()].find(id => id !== from)!
  broker.moveLeader('t', 0, to)
  await producer.send({ topic: 't', value: 'c' })
  await turn()
  expect(throttles).toEqual([{ clientId: 'shop', brokerId: from, throttleMs: 1 }])
  expect(leaders.slice(1)).toEqual([{ clientId: 'shop', topic: 't', partition, from, to }])

  await broker.close()
  const nobody = createProducer({ bootstrapServers: broker.bootstrapServers, clientId: 'nobody', retryBackoffMs: 1 })
  const met = new Promise<void>(resolve =>
    listen('ottla:metadata', ({ clientId }: MetadataMessage) => clientId === 'nobody' && resolve()),
  )
  nobody.send({ topic: 't', value: 'd' }).catch(() => {})
  await met
  await nobody.close({ timeoutMs: 0 })
  await turn()
  const ofNobody = ({ clientId, error }: MetadataMessage) => clientId === 'nobody' && error.code === 'CONNECT_FAILED'
  expect([metadata.some(ofNobody), errors.some(ofNobody)]).toEqual([true, true])
})

test('the calls of a transaction, with how long they took and what they failed with', async () => {
  const calls = messagesOf('ottla:transaction')
  await using producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    clientId: 'shop',
    transactionalId: 'tx',
  })
  await producer.transaction(async transaction => {
    await transaction.send({ topic: 't', value: 'a' })
    await transaction.sendOffsets([{ topic: 't', partition: 0, offset: 1 }], { groupId: 'g' })
  })
  await expect(producer.commitTransaction()).rejects.toMatchObject({ code: 'INVALID_TXN_STATE' })
  await turn()
  expect(calls.map(({ call, error }) => [call, error?.code])).toEqual([
    ['initTransactions', undefined],
    ['beginTransaction', undefined],
    ['sendOffsetsToTransaction', undefined],
    ['commitTransaction', undefined],
    ['commitTransaction', 'INVALID_TXN_STATE'],
  ])
  expect(calls.every(({ clientId, durationMs }) => clientId === 'shop' && durationMs >= 0)).toBe(true)
})

test('subscribers may send, flush and close: they are called when the work is done, in order with the callbacks', async () => {
  const seen: string[] = []
  const producer = open()
  const closed = new Promise<void>((resolve, reject) => {
    listen('tracing:ottla:request:asyncEnd', () => {
      seen.push('request')
      if (seen.length > 1) return
      producer.send({ topic: 't', value: 'b' }, () => seen.push('b'))
      producer.close().then(resolve, reject)
    })
  })
  listen('ottla:batch', () => seen.push('batch'))
  producer.send({ topic: 't', value: 'a' }, () => seen.push('a'))
  await closed
  expect(seen).toEqual(['request', 'batch', 'a', 'request', 'batch', 'b'])
  expect(broker.records('t').map(({ value }) => String(value))).toEqual(['a', 'b'])
})
