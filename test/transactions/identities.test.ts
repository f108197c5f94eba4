import { afterEach, describe, expect, test } from 'vitest'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/index.ts'
import { createProducer, type ProducerOptions, type TransactionalProducer } from '../../src/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { RawConnection } from '../broker/raw-connection.ts'
import { code, RawTransaction } from '../broker/transaction-calls.ts'
import { broken } from '../producer/broken.ts'
import { expectNothingUnhandled } from '../producer/unhandled.ts'
import { committedValues } from './committed.ts'

// Under which producer id and epoch a transaction is written, and what a newer one keeps out.
expectNothingUnhandled()

let broker: Broker
let producer: TransactionalProducer

async function start(given: BrokerOptions = {}, options: Partial<ProducerOptions> = {}) {
  broker = await startBroker({ topics: { t: { partitions: 1 } }, ...given })
  producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    ...{ transactionalId: 'a', retryBackoffMs: 1, retryBackoffMaxMs: 10, requestTimeoutMs: 1000 },
    ...options,
  })
}

afterEach(async () => {
  await producer.close({ timeoutMs: 500 })
  await broker.close()
})

const committed = () => committedValues(broker.bootstrapServers, 't')
const write = (value: string) => producer.transaction(async tx => void (await tx.send({ topic: 't', value })))
const epochs = () =>
  broker
    .batches('t', 0)
    .filter(({ control }) => !control)
    .map(({ producerEpoch }) => producerEpoch)
const versionsOf = (api: 'Produce' | 'EndTxn') => broker.requests(api).map(({ version }) => version)

describe('the finalized transaction.version decides', () => {
  test.each([
    [0, 11, 4],
    [1, 11, 4],
    [2, 13, 5],
  ] as const)('%i: Produce v%i, EndTxn v%i', async (transactionVersion, produce, end) => {
    await start({ transactionVersion })
    await write('a')
    expect([versionsOf('Produce'), versionsOf('EndTxn')]).toEqual([[produce], [end]])
    expect(broker.batches('t', 0)[0]).toMatchObject({ transactional: true, control: false })
  })

  test.each(['2.1', '2.8', '3.9'] as const)('Kafka %s knows the explicit protocol only', async asVersion => {
    await start({ asVersion })
    await write('a')
    await write('b')
    expect(await committed()).toEqual(['a', 'b'])
    expect(epochs()).toEqual([0, 0])
  })

  /** Five records in four transactions; the level changes in the midst of the second. */
  async function changeInTheMidst(from: 1 | 2, to: 1 | 2): Promise<void> {
    await start({ transactionVersion: from })
    await write('a')
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'b' })
    broker.setTransactionVersion(to)
    broker.closeConnections()
    await producer.send({ topic: 't', value: 'c' })
    await producer.commitTransaction()
    await write('d')
    await write('e')
    expect(await committed()).toEqual(['a', 'b', 'c', 'd', 'e'])
  }

  test('an upgrade is noticed when a connection is made, and counts from the next transaction on', async () => {
    await changeInTheMidst(1, 2)
    expect(versionsOf('Produce')).toEqual([11, 11, 11, 13, 13])
    expect(versionsOf('EndTxn')).toEqual([4, 4, 5, 5])
    // One epoch for the explicit ones, a fresh one for the first implicit one, and one more with each end.
    expect(epochs()).toEqual([0, 0, 0, 1, 2])
    expect(broker.requestCount('InitProducerId')).toBe(2)
  })

  test('so is a downgrade', async () => {
    await changeInTheMidst(2, 1)
    expect(versionsOf('Produce')).toEqual([13, 13, 13, 11, 11])
    expect(versionsOf('EndTxn')).toEqual([5, 5, 4, 4])
  })
})

describe('epochs', () => {
  test.each([2, 1] as const)(
    'transaction.version %i: at the last one there is a new producer id',
    async transactionVersion => {
      await start({ transactionVersion })
      const raw = await RawTransaction.open(broker, 'a')
      await raw.init()
      await raw.raiseTo(32764)
      const ids = new Set<bigint>()
      for (let index = 0; index < 6; index++) {
        // On the old protocol only what went wrong raises it.
        if (transactionVersion === 1) broker.faults.loseAnswerAfterAppend('EndTxn')
        await write(`${index}`)
        ids.add(broker.transactions()[0]!.producerId)
      }
      expect(ids.size).toBe(2)
      expect(await committed()).toEqual(['0', '1', '2', '3', '4', '5'])
    },
  )

  test('sequences go on within one epoch, and begin again with the next', async () => {
    await start({ transactionVersion: 1 })
    await write('a')
    await write('b')
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'dropped' })
    broker.faults.failBefore('Produce', 'INVALID_RECORD')
    expect(await broken(producer.send({ topic: 't', value: 'bad' }))).toMatchObject({ code: 'INVALID_RECORD' })
    await producer.abortTransaction()
    await write('c')
    const batches = broker.batches('t', 0).filter(({ control }) => !control)
    expect(batches.map(({ producerEpoch, baseSequence }) => [producerEpoch, baseSequence])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [1, 0],
    ])
    expect(await committed()).toEqual(['a', 'b', 'c'])
  })

  test.each([2, 1] as const)(
    'transaction.version %i: a partition that has forgotten them',
    async transactionVersion => {
      await start({ transactionVersion })
      await write('a')
      broker.forgetProducers()
      await write('b')
      producer.beginTransaction()
      await producer.send({ topic: 't', value: 'dropped' })
      await producer.abortTransaction()
      await write('c')
      expect(await committed()).toEqual(['a', 'b', 'c'])
    },
  )

  test.each([2, 1] as const)(
    'transaction.version %i: a topic made anew fails the transaction, not the next one',
    async transactionVersion => {
      await start({ transactionVersion }, { metadataMaxAgeMs: 50 })
      await write('a')
      producer.beginTransaction()
      await producer.send({ topic: 't', value: 'b' })
      broker.recreateTopic('t')
      const results: unknown[] = []
      for (let turn = 0; turn < 10; turn++) {
        results.push(await broken(producer.send({ topic: 't', value: 'c' })))
        await new Promise(resolve => setTimeout(resolve, 20))
      }
      expect(await broken(producer.commitTransaction())).toMatchObject({ abortable: true })
      await producer.abortTransaction()
      await write('d')
      expect(await committed()).toEqual(['d'])
    },
  )
})

/** What a network may do: a request that was given up long ago arrives at last. */
async function arriveLate(api: 'EndTxn' | 'TxnOffsetCommit', nth: number): Promise<number> {
  const late = broker.requests(api)[nth]!
  const connection = await RawConnection.open(broker, 1)
  const answer = (await connection.call(
    apis[api === 'EndTxn' ? 'endTxn' : 'txnOffsetCommit'] as never,
    late.version,
    late.body as never,
  )) as { errorCode?: number; topics?: { partitions: { errorCode: number }[] }[] }
  return answer.errorCode ?? answer.topics![0]!.partitions[0]!.errorCode
}

describe('a request that arrives late, in the next transaction (KAFKA-17754)', () => {
  test.each([
    [2, true],
    [2, false],
    [1, true],
    [1, false],
  ] as const)('transaction.version %i: EndTxn, committed: %s', async (transactionVersion, isCommit) => {
    await start({ transactionVersion })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    broker.faults.loseAnswerAfterAppend('EndTxn')
    await (isCommit ? producer.commitTransaction() : producer.abortTransaction())
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'first half' })
    expect(broker.transactions()[0]!.state).toBe('Ongoing')

    const answered = await arriveLate('EndTxn', 0)
    expect([code('PRODUCER_FENCED'), code('INVALID_PRODUCER_EPOCH')]).toContain(answered)
    expect(broker.transactions()[0]!.state).toBe('Ongoing')
    await producer.send({ topic: 't', value: 'second half' })
    await producer.abortTransaction()
    expect(await committed()).toEqual(isCommit ? ['a'] : [])
  })

  test('without a newer epoch it would tear the transaction: the danger is real', async () => {
    await start({ transactionVersion: 1 })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    await producer.commitTransaction() // answered: nothing can be late, so the epoch stays
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'first half' })
    expect(await arriveLate('EndTxn', 0)).toBe(0)
    expect(await committed()).toEqual(['a', 'first half'])
    expect(await broken(producer.send({ topic: 't', value: 'second half' }))).toMatchObject({
      code: 'TRANSACTION_ABORTABLE',
    })
  })

  test.each([2, 1] as const)('transaction.version %i: TxnOffsetCommit', async transactionVersion => {
    await start({ transactionVersion })
    const offsets = (offset: number) =>
      producer.sendOffsetsToTransaction([{ topic: 't', partition: 0, offset }], { groupId: 'g' })
    await producer.initTransactions()
    producer.beginTransaction()
    broker.faults.loseAnswerAfterAppend('TxnOffsetCommit')
    await offsets(1)
    await producer.commitTransaction()
    producer.beginTransaction()
    await offsets(5)
    expect(await arriveLate('TxnOffsetCommit', 0)).not.toBe(0)
    await producer.commitTransaction()
    expect(broker.groups().find(({ groupId }) => groupId === 'g')!.offsets).toMatchObject([{ offset: 5n }])
  })
})

describe('who is fenced', () => {
  test.each([2, 1] as const)('transaction.version %i: by another producer', async transactionVersion => {
    await start({ transactionVersion })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'zombie' })
    const other = createProducer({ bootstrapServers: broker.bootstrapServers, transactionalId: 'a' })
    await other.transaction(tx => void tx.send({ topic: 't', value: 'other' }))

    const before = broker.requestCount()
    const fenced = await broken(producer.commitTransaction())
    expect(fenced).toMatchObject({ fatal: true, abortable: false })
    expect(['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH']).toContain(fenced.code)
    expect(fenced.message).toMatch(
      /another producer has the transactional id a now, or the transaction took longer than/,
    )
    expect(broker.requestCount() - before).toBe(1)
    for (const call of ['commitTransaction', 'abortTransaction'] as const)
      expect(await broken(producer[call]())).toMatchObject({ code: fenced.code, fatal: true })
    expect(await broken(producer.send({ topic: 't', value: 'x' }))).toMatchObject({ code: fenced.code, fatal: true })
    expect(() => producer.beginTransaction()).toThrow(fenced.message)
    expect(broker.requestCount() - before).toBe(1)
    expect(await committed()).toEqual(['other'])
    await other.close()
  })

  test.each([2, 1] as const)('transaction.version %i: while its records are on their way', async transactionVersion => {
    await start({ transactionVersion })
    await producer.initTransactions()
    const other = createProducer({ bootstrapServers: broker.bootstrapServers, transactionalId: 'a' })
    await other.initTransactions()
    producer.beginTransaction()
    const sent = await broken(producer.send({ topic: 't', value: 'zombie' }))
    expect(sent).toMatchObject({ fatal: transactionVersion === 1 })
    const commit = await broken(producer.commitTransaction())
    expect(commit).toMatchObject(transactionVersion === 1 ? { fatal: true } : { abortable: true })
    // From a leader it may mean either (KIP-588); the coordinator knows.
    expect(await broken(producer.abortTransaction())).toMatchObject({ fatal: true })
    await other.transaction(tx => void tx.send({ topic: 't', value: 'other' }))
    expect(await committed()).toEqual(['other'])
    await other.close()
  })

  test.each([2, 1] as const)('transaction.version %i: by the time-out of its transaction', async transactionVersion => {
    await start({ transactionVersion })
    await producer.initTransactions()
    producer.beginTransaction()
    await producer.send({ topic: 't', value: 'a' })
    broker.expireTransaction('a')
    expect(await broken(producer.send({ topic: 't', value: 'b' }))).toMatchObject({ code: 'INVALID_PRODUCER_EPOCH' })
    expect(await broken(producer.commitTransaction())).toMatchObject({ abortable: true })
    const abort = await broken(producer.abortTransaction())
    if (transactionVersion === 2) {
      // The coordinator takes it for a repeat of its own abort, and tells the new epoch.
      expect(abort).toBe('fulfilled')
      await write('c')
      expect(await committed()).toEqual(['c'])
    } else {
      expect(abort).toMatchObject({ fatal: true })
      expect(await committed()).toEqual([])
    }
  })
})

describe('coordinators', () => {
  test.each([2, 1] as const)(
    'transaction.version %i: that move between any two steps are found again',
    async transactionVersion => {
      await start({ brokers: 3, transactionVersion })
      await producer.initTransactions()
      for (let turn = 0; turn < 12; turn++) {
        const move = (step: number) => {
          if (turn % 4 !== step) return
          broker.moveCoordinator('transaction', 'a', 1 + (turn % 3))
          broker.moveCoordinator('group', 'g', 1 + ((turn + 1) % 3))
        }
        move(0)
        producer.beginTransaction()
        await producer.send({ topic: 't', value: `${turn}` })
        move(1)
        await producer.sendOffsetsToTransaction([{ topic: 't', partition: 0, offset: turn }], { groupId: 'g' })
        move(2)
        if (turn % 3 === 2) await producer.abortTransaction()
        else await producer.commitTransaction()
        move(3)
      }
      expect(await committed()).toEqual(['0', '1', '3', '4', '6', '7', '9', '10'])
    },
  )

  test.each([2, 1] as const)('transaction.version %i: that are stopped and come back', async transactionVersion => {
    await start({ brokers: 3, transactionVersion })
    await producer.initTransactions()
    for (let turn = 0; turn < 6; turn++) {
      const stopped = 1 + (turn % 3)
      producer.beginTransaction()
      const sent = producer.send({ topic: 't', value: `${turn}` })
      if (turn % 2 === 0) await sent
      await broker.stop(stopped)
      const commit = producer.commitTransaction()
      setTimeout(() => void broker.start(stopped), 30)
      await commit
    }
    expect(await committed()).toEqual(['0', '1', '2', '3', '4', '5'])
  })
})
