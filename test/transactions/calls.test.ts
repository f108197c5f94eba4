import { afterEach, describe, expect, test } from 'vitest'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/index.ts'
import {
  AbortedError,
  CommitUnknownError,
  createProducer,
  type ProducerOptions,
  TimeoutError,
  type TransactionalProducer,
} from '../../src/index.ts'
import { broken } from '../producer/broken.ts'
import { expectNothingUnhandled } from '../producer/unhandled.ts'
import { committedValues } from './committed.ts'

expectNothingUnhandled()

let broker: Broker
let producer: TransactionalProducer

async function start(given: BrokerOptions = {}, options: Partial<ProducerOptions> = {}) {
  broker = await startBroker({ topics: { t: { partitions: 1 }, u: { partitions: 3 } }, ...given })
  producer = producerOf(options)
}

const producerOf = (options: Partial<ProducerOptions> = {}) =>
  createProducer({
    bootstrapServers: broker.bootstrapServers,
    transactionalId: 'a',
    retryBackoffMs: 10,
    requestTimeoutMs: 1000,
    ...options,
  })

afterEach(async () => {
  await producer.close({ timeoutMs: 500 })
  await broker.close()
})

const committed = (topic = 't') => committedValues(broker.bootstrapServers, topic)
const stateOf = () => broker.transactions().find(({ id }) => id === 'a')?.state
const asked = (api: 'EndTxn' | 'InitProducerId' | 'AddPartitionsToTxn' | 'AddOffsetsToTxn') => broker.requestCount(api)

describe.each([2, 1, 0] as const)('transaction.version %i', transactionVersion => {
  test('what is committed is seen together, and what is aborted not at all', async () => {
    await start({ transactionVersion })
    await producer.initTransactions()
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'a' })
    producer.send({ topic: 'u', value: 'b', partition: 2 })
    await producer.flush()
    expect([await committed('t'), await committed('u')]).toEqual([[], []])
    await producer.commitTransaction()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'dropped' })
    await producer.abortTransaction()
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'c' })
    await producer.commitTransaction()

    expect([await committed('t'), await committed('u')]).toEqual([['a', 'c'], ['b']])
    expect(broker.records('t').map(({ value }) => String(value))).toEqual(['a', 'dropped', 'c'])
    expect(asked('AddPartitionsToTxn')).toBe(transactionVersion === 2 ? 0 : 3)
  })

  test('offsets are committed with it, and dropped with it', async () => {
    await start({ transactionVersion })
    const offset = () => broker.groups().find(({ groupId }) => groupId === 'g')?.offsets
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.sendOffsetsToTransaction(
      [{ topic: 'u', partition: 1, offset: 7n, leaderEpoch: 0, metadata: 'mine' }],
      { groupId: 'g' },
    )
    await producer.commitTransaction()
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'x' })
    await producer.sendOffsetsToTransaction([{ topic: 'u', partition: 1, offset: '9' }], { groupId: 'g' })
    await producer.abortTransaction()

    expect(offset()).toMatchObject([{ topic: 'u', partition: 1, offset: 7n, metadata: 'mine' }])
    expect(await committed()).toEqual([])
    expect(asked('AddOffsetsToTxn')).toBe(transactionVersion === 2 ? 0 : 2)
  })

  test('an empty transaction asks nobody anything', async () => {
    await start({ transactionVersion })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.commitTransaction()
    producer.beginTransaction()
    await producer.abortTransaction()
    producer.beginTransaction()
    await producer.sendOffsetsToTransaction([], { groupId: 'g' })
    await producer.commitTransaction()
    expect([asked('EndTxn'), asked('AddOffsetsToTxn')]).toEqual([0, 0])
  })

  test('the records of a transaction are not ended before all of them are acknowledged', async () => {
    await start({ transactionVersion })
    await producer.initTransactions()
    producer.beginTransaction()
    const hold = broker.faults.hold('Produce')
    producer.send({ topic: 't', value: 'a' })
    const commit = producer.commitTransaction()
    await broker.waitForRequest('Produce')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(asked('EndTxn')).toBe(0)
    hold.release()
    await commit
    expect(await committed()).toEqual(['a'])
  })

  test('an abort fails what was not sent yet, and waits for what was', async () => {
    await start({ transactionVersion })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    const hold = broker.faults.hold('Produce')
    const sent = producer.send({ topic: 't', value: 'b' })
    await broker.waitForRequest('Produce')
    broker.pause(1)
    const unsent = producer.send({ topic: 'nowhere-yet', value: 'c' })
    const abort = producer.abortTransaction()
    expect(await broken(unsent)).toMatchObject({ code: 'TRANSACTION_ABORTED', outcome: 'not-written' })
    expect(abort.settled).toBe(false)
    broker.resume(1)
    hold.release()
    expect((await sent).offset).toBe(1n)
    await abort
    expect(await committed()).toEqual([])
    expect(stateOf()).toBe(transactionVersion === 2 ? 'CompleteAbort' : 'Empty') // Empty: with a new epoch
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'd' })
    await producer.commitTransaction()
    expect(await committed()).toEqual(['d'])
  })

  test('close aborts the transaction that is open', async () => {
    await start({ transactionVersion })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    await producer.close()
    expect(stateOf()).toBe('CompleteAbort')
    expect(await committed()).toEqual([])
    expect(broker.partition('t', 0).lastStableOffset).toBe(broker.partition('t', 0).highWatermark)
  })

  test('a record that fails makes commit refuse and name it; the next transaction is clean', async () => {
    await start({ transactionVersion })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    broker.faults.failBefore('Produce', 'INVALID_RECORD')
    const failed = await broken(producer.send({ topic: 't', value: 'bad' }))
    expect(failed).toMatchObject({ code: 'INVALID_RECORD' })
    const refused = await broken(producer.commitTransaction())
    expect(refused).toMatchObject({ code: 'TRANSACTION_ABORTABLE', abortable: true, fatal: false, retriable: false })
    expect(refused.message).toMatch(
      /a record for t-0 of the transaction failed, so it can only be aborted: .*INVALID_RECORD/,
    )
    expect(await broken(producer.send({ topic: 't', value: 'later' }))).toMatchObject({
      ...{ code: 'TRANSACTION_ABORTABLE', abortable: true, outcome: 'not-written' },
    })
    expect(await broken(producer.sendOffsetsToTransaction([], { groupId: 'g' }))).toMatchObject({ abortable: true })
    expect(() => producer.beginTransaction()).toThrow(
      /not allowed in the state abortable-error; allowed: abortTransaction\(\), close\(\)/,
    )
    await producer.abortTransaction()
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'b' })
    await producer.commitTransaction()
    expect(await committed()).toEqual(['b'])
  })

  test('a record that fails while it is being committed fails the commit, and what had not left fails at once', async () => {
    await start({ transactionVersion }, { maxInFlightRequestsPerConnection: 1, batchSize: 1 })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    const hold = broker.faults.hold('Produce', { phase: 'before' })
    const results = ['b', 'c', 'd'].map(value => broken(producer.send({ topic: 't', value })))
    const commit = broken(producer.commitTransaction())
    await broker.waitForRequest('Produce')
    broker.faults.failBefore('Produce', 'INVALID_TIMESTAMP', { times: 1 })
    hold.release()
    const codes = (await Promise.all(results)).map(error => (error as { code?: string }).code)
    expect(codes.filter(code => code === 'TRANSACTION_ABORTED').length).toBeGreaterThan(0)
    expect(codes).toContain('INVALID_TIMESTAMP')
    expect(await commit).toMatchObject({ code: 'TRANSACTION_ABORTABLE', abortable: true })
    await producer.abortTransaction()
    expect(await committed()).toEqual([])
  })

  test('with the thread blocked', async () => {
    // The broker of this thread cannot answer: that a blocking call is refused is said before anything is done.
    await start({ transactionVersion })
    await producer.initTransactions()
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'a' })
    expect(() => producer.commitTransaction().get()).toThrow(/runs in this very thread/)
    await expect(Promise.resolve(producer.commitTransaction())).resolves.toBeUndefined()
    expect(await committed()).toEqual(['a'])
  })
})

describe('what is called when', () => {
  test('a producer without a transactional id has no transactions', async () => {
    await start()
    const plain = createProducer({ bootstrapServers: broker.bootstrapServers }) as TransactionalProducer
    expect(() => plain.beginTransaction()).toThrow(/has no transactions: make it with a transactionalId/)
    for (const call of ['initTransactions', 'commitTransaction', 'abortTransaction'] as const)
      expect(await broken(plain[call]())).toMatchObject({ code: 'INVALID_TXN_STATE' })
    expect(await broken(plain.transaction(() => {}))).toMatchObject({ code: 'INVALID_TXN_STATE' })
    await plain.send({ topic: 't', value: 'plain' })
    await plain.close()
  })

  test('each call out of its turn is refused with the state and what is allowed, and changes nothing', async () => {
    await start()
    expect(() => producer.beginTransaction()).toThrow(/state uninitialized; allowed: initTransactions\(\), close\(\)/)
    expect(await broken(producer.send({ topic: 't', value: 'x' }))).toMatchObject({
      ...{ code: 'INVALID_TXN_STATE', outcome: 'not-written' },
      message: 'send() is not allowed in the state uninitialized; allowed: initTransactions(), close()',
    })
    const told = await new Promise(resolve => producer.send({ topic: 't', value: 'x' }, resolve))
    expect(told).toMatchObject({ code: 'INVALID_TXN_STATE' })
    await producer.initTransactions()
    expect(await broken(producer.initTransactions())).toMatchObject({
      message: /state ready; allowed: beginTransaction/,
    })
    for (const call of ['commitTransaction', 'abortTransaction'] as const)
      expect(await broken(producer[call]())).toMatchObject({ message: /not allowed in the state ready/ })
    expect(await broken(producer.sendAll([{ topic: 't', value: 'x' }]))).toMatchObject({ code: 'SEND_ALL' })
    producer.beginTransaction()
    expect(() => producer.beginTransaction()).toThrow(/state in-transaction/)
    producer.send({ topic: 't', value: 'a' })
    const hold = broker.faults.hold('EndTxn')
    const commit = producer.commitTransaction()
    expect(await broken(producer.send({ topic: 't', value: 'late' }))).toMatchObject({ message: /state committing/ })
    expect(await broken(producer.abortTransaction())).toMatchObject({ message: /state committing; allowed: commit/ })
    hold.release()
    await commit
    expect(await committed()).toEqual(['a'])
    expect(broker.records('t')).toHaveLength(1)
  })

  test('the same call may be made again while its work is under way', async () => {
    await start()
    await Promise.all([producer.initTransactions(), producer.initTransactions()])
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'a' })
    await Promise.all([producer.commitTransaction(), producer.commitTransaction()])
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'b' })
    await Promise.all([producer.abortTransaction(), producer.abortTransaction()])
    expect([asked('InitProducerId'), asked('EndTxn')]).toEqual([1, 2])
    expect(await committed()).toEqual(['a'])
  })

  test('after close nothing is allowed', async () => {
    await start()
    await producer.close()
    expect(() => producer.beginTransaction()).toThrow(/the producer is closed/)
    for (const call of ['initTransactions', 'commitTransaction', 'abortTransaction'] as const)
      expect(await broken(producer[call]())).toMatchObject({ code: 'CLOSED' })
  })

  test('what is known of the consumer is sent: leader epoch and text of its offsets, generation, member and instance', async () => {
    await start()
    await producer.initTransactions()
    producer.beginTransaction()
    const offsets = [{ topic: 'u', partition: 2, offset: 7n, leaderEpoch: 3, metadata: 'mine' }]
    const group = { groupId: 'g', generationId: 4, memberId: 'm', groupInstanceId: 'i' }
    // Nobody of this name is in the group, which the broker can only know if it was told.
    expect(await broken(producer.sendOffsetsToTransaction(offsets, group))).toMatchObject({ abortable: true })
    expect(broker.requests('TxnOffsetCommit')[0]!.body).toMatchObject({
      ...group,
      topics: [
        {
          name: 'u',
          partitions: [{ partitionIndex: 2, committedOffset: 7n, committedLeaderEpoch: 3, committedMetadata: 'mine' }],
        },
      ],
    })
  })

  test.each([
    [[{ topic: 't', partition: 0, offset: -1 }], { groupId: 'g' }, 'INVALID_OFFSETS'],
    [[{ topic: 't', partition: 0.5, offset: 1 }], { groupId: 'g' }, 'INVALID_OFFSETS'],
    [[{ topic: 't', partition: 0, offset: '1e3' }], { groupId: 'g' }, 'INVALID_OFFSETS'],
    [[{ topic: 't', partition: 0, offset: 1 }], { groupId: '' }, 'INVALID_GROUP_ID'],
    [[{ topic: 't', partition: 0, offset: 1 }], undefined, 'INVALID_GROUP_ID'],
    [[{ topic: 't', partition: 0, offset: 1 }], { groupId: 'g', generationId: 3 }, 'INVALID_GROUP_ID'],
    [null, { groupId: 'g' }, 'INVALID_OFFSETS'],
  ])('offsets %j of %j are refused, and the transaction goes on', async (offsets, group, code) => {
    await start()
    await producer.initTransactions()
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'a' })
    expect(await broken(producer.sendOffsetsToTransaction(offsets as never, group as never))).toMatchObject({ code })
    await producer.commitTransaction()
    expect(await committed()).toEqual(['a'])
  })
})

describe('time-outs and signals', () => {
  const hasty = { timeoutMs: 60 }

  test('initTransactions goes on, and is joined by the next call, or has its result for it', async () => {
    await start()
    const hold = broker.faults.hold('InitProducerId')
    const late = await broken(producer.initTransactions(hasty))
    expect(late).toBeInstanceOf(TimeoutError)
    expect(late.message).toMatch(/initTransactions: not done after 60 ms; it goes on, and may be called again/)
    expect(() => producer.beginTransaction()).toThrow(/state initializing; allowed: initTransactions/)
    const again = producer.initTransactions()
    hold.release()
    await again
    expect(asked('InitProducerId')).toBe(1)
  })

  test('what was given up and has succeeded since may be asked for again', async () => {
    await start()
    const hold = broker.faults.hold('InitProducerId')
    expect(await broken(producer.initTransactions(hasty))).toBeInstanceOf(TimeoutError)
    hold.release()
    await new Promise(resolve => setTimeout(resolve, 100))
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    const holdEnd = broker.faults.hold('EndTxn')
    expect(await broken(producer.abortTransaction(hasty))).toBeInstanceOf(TimeoutError)
    holdEnd.release()
    await new Promise(resolve => setTimeout(resolve, 100))
    await producer.abortTransaction()
    producer.beginTransaction()
    await producer.commitTransaction()
    expect(asked('InitProducerId')).toBe(1)
  })

  test.each([
    ['before the answer', 0],
    ['behind it', 100],
  ])('a commit that is given up is unknown until it is asked for again, %s', async (_, waitMs) => {
    await start()
    await producer.initTransactions()
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'a' })
    const hold = broker.faults.hold('EndTxn', { phase: 'after' })
    const unknown = await broken(producer.commitTransaction({ timeoutMs: 150 }))
    expect(unknown).toBeInstanceOf(CommitUnknownError)
    expect(unknown).toMatchObject({ code: 'COMMIT_UNKNOWN', outcome: 'unknown', retriable: true, fatal: false })
    expect(unknown.message).toMatch(/allowed: commitTransaction\(\) again, or close\(\)/)
    expect(await broken(producer.abortTransaction())).toMatchObject({
      message: /state commit-unknown; allowed: commit/,
    })
    expect(() => producer.beginTransaction()).toThrow(/state commit-unknown/)
    hold.release()
    if (waitMs > 0) await new Promise(resolve => setTimeout(resolve, waitMs))
    await producer.commitTransaction()
    producer.beginTransaction()
    await producer.commitTransaction()
    expect(await committed()).toEqual(['a'])
    expect(asked('EndTxn')).toBe(1)
  })

  test('a commit that is given up before the cluster was asked has decided nothing: it may be aborted', async () => {
    await start()
    await producer.initTransactions()
    producer.beginTransaction()
    const hold = broker.faults.hold('Produce')
    const sent = producer.send({ topic: 't', value: 'a' })
    expect(await broken(producer.commitTransaction(hasty))).toBeInstanceOf(TimeoutError)
    const later = producer.send({ topic: 't', value: 'b' })
    hold.release()
    await Promise.all([sent, later])
    expect(asked('EndTxn')).toBe(0)
    await producer.abortTransaction()
    expect(await committed()).toEqual([])
  })

  test('a signal ends the wait', async () => {
    await start()
    await producer.initTransactions()
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'a' })
    const hold = broker.faults.hold('EndTxn')
    const controller = new AbortController()
    const commit = broken(producer.commitTransaction({ signal: controller.signal }))
    await broker.waitForRequest('EndTxn')
    controller.abort(new Error('no time'))
    expect(await commit).toMatchObject({ code: 'COMMIT_UNKNOWN', cause: { code: 'ABORTED' } })
    hold.release()
    await producer.commitTransaction()
    expect(await broken(producer.initTransactions({ timeoutMs: -1 }))).toMatchObject({ code: 'INVALID_TIMEOUT' })
  })

  test.each(['TRANSACTION_ABORTABLE', 'INVALID_PRODUCER_EPOCH', 'INVALID_TXN_STATE', 'UNKNOWN_SERVER_ERROR'])(
    'a commit that had no answer, and is refused when it is asked for again (%s), stays unknown for good',
    async error => {
      await start()
      await producer.initTransactions()
      producer.beginTransaction()
      producer.send({ topic: 't', value: 'a' })
      broker.faults.loseAnswerAfterAppend('EndTxn')
      broker.faults.failBefore('EndTxn', error)
      const unknown = await broken(producer.commitTransaction())
      expect(unknown).toBeInstanceOf(CommitUnknownError)
      expect(unknown).toMatchObject({ fatal: true, retriable: false, cause: { code: error } })
      expect(unknown.message).toMatch(
        /an earlier attempt may have done so, and then: .*; allowed: close\(\) this producer/,
      )
      expect(await broken(producer.abortTransaction())).toMatchObject({ code: 'COMMIT_UNKNOWN', fatal: true })
      expect(await committed()).toEqual(['a']) // as it happens
    },
  )

  test('so does one that cannot be asked for again', async () => {
    await start()
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    broker.faults.loseAnswerAfterAppend('EndTxn')
    broker.faults.failBefore('FindCoordinator', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', { transactionalId: 'a' })
    const unknown = await broken(producer.commitTransaction())
    expect(unknown).toBeInstanceOf(CommitUnknownError)
    expect(unknown).toMatchObject({ fatal: true, cause: { code: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' } })
    expect(await committed()).toEqual(['a']) // as it happens
  })

  test('close while a commit has no answer says so', async () => {
    await start()
    await producer.initTransactions()
    producer.beginTransaction()
    producer.send({ topic: 't', value: 'a' })
    broker.faults.hold('EndTxn')
    const commit = broken(producer.commitTransaction())
    await broker.waitForRequest('EndTxn')
    await producer.close({ timeoutMs: 50 })
    expect(await commit).toBeInstanceOf(CommitUnknownError)
  })
})

describe('transaction(…)', () => {
  test('commits what its work gives, one after the other', async () => {
    await start()
    const offsets = []
    for (const value of ['a', 'b'])
      offsets.push(await producer.transaction(async tx => (await tx.send({ topic: 't', value })).offset))
    await producer.transaction(tx => {
      tx.send({ topic: 't', value: 'c' }, () => {})
      void tx.sendAll([{ topic: 't', value: 'd' }])
      void tx.sendOffsets([{ topic: 'u', partition: 0, offset: 1 }], { groupId: 'g' })
    })
    expect(offsets).toEqual([0n, 2n])
    expect(await committed()).toEqual(['a', 'b', 'c', 'd'])
    expect(asked('InitProducerId')).toBe(1)
  })

  test('aborts where its work throws, and gives what it threw', async () => {
    await start()
    const mine = new Error('mine')
    const thrown = await broken(
      producer.transaction(async tx => {
        await tx.send({ topic: 't', value: 'a' })
        throw mine
      }),
    )
    expect(thrown).toBe(mine)
    expect(stateOf()).toBe('CompleteAbort')
    await producer.transaction(tx => void tx.send({ topic: 't', value: 'b' }))
    expect(await committed()).toEqual(['b'])
  })

  test('aborts where a record fails that nobody awaited', async () => {
    await start()
    broker.faults.failBefore('Produce', 'INVALID_RECORD')
    const refused = await broken(producer.transaction(tx => void tx.send({ topic: 't', value: 'a' })))
    expect(refused).toMatchObject({ code: 'TRANSACTION_ABORTABLE', abortable: true })
    await producer.transaction(tx => void tx.send({ topic: 't', value: 'b' }))
    expect(await committed()).toEqual(['b'])
  })

  test('aborts at its deadline and by its signal; who goes on with it then is refused', async () => {
    await start()
    let late: unknown
    const work = async (tx: { send: TransactionalProducer['send'] }) => {
      await tx.send({ topic: 't', value: 'a' })
      await new Promise(resolve => setTimeout(resolve, 100))
      late = await broken(tx.send({ topic: 't', value: 'late' }))
    }
    expect(await broken(producer.transaction(work as never, { timeoutMs: 40 }))).toBeInstanceOf(TimeoutError)
    const signal = AbortSignal.timeout(40)
    expect(await broken(producer.transaction(work as never, { signal }))).toBeInstanceOf(AbortedError)
    await new Promise(resolve => setTimeout(resolve, 150))
    expect(late).toMatchObject({
      code: 'INVALID_TXN_STATE',
      message: 'this transaction is over',
      outcome: 'not-written',
    })
    expect(await committed()).toEqual([])
  })

  test('does not abort what may be committed', async () => {
    await start({}, { maxBlockMs: 200 })
    const hold = broker.faults.hold('EndTxn')
    const unknown = await broken(producer.transaction(tx => void tx.send({ topic: 't', value: 'a' })))
    expect(unknown).toBeInstanceOf(CommitUnknownError)
    hold.release()
    await producer.commitTransaction()
    expect(await committed()).toEqual(['a'])
    expect(asked('EndTxn')).toBe(1)
  })

  test('two at once: the second is refused, and harms nothing', async () => {
    await start()
    const first = producer.transaction(async tx => void (await tx.send({ topic: 't', value: 'a' })))
    const second = await broken(producer.transaction(tx => void tx.send({ topic: 't', value: 'b' })))
    await first
    expect(second).toMatchObject({ code: 'INVALID_TXN_STATE' })
    expect(await committed()).toEqual(['a'])
  })
})
