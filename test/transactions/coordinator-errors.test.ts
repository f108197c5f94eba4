import { afterEach, describe, expect, test } from 'vitest'
import { brokerErrorCodes } from '../../src/base/errors/index.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { type TransactionRequest, transactionVerdict } from '../../src/client/exactly-once/transaction-verdict.ts'
import { createProducer, type KafkaError, type TransactionalProducer } from '../../src/index.ts'
import { expectNothingUnhandled } from '../producer/unhandled.ts'
import { committedValues } from './committed.ts'

expectNothingUnhandled()

let broker: Broker
let producer: TransactionalProducer

async function start(transactionVersion: 0 | 1 | 2) {
  broker = await startBroker({ topics: { t: { partitions: 2 } }, transactionVersion })
  producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    ...{ transactionalId: 'a', retryBackoffMs: 1, retryBackoffMaxMs: 5, requestTimeoutMs: 1000, maxBlockMs: 5000 },
  })
}

afterEach(async () => {
  await producer.close({ timeoutMs: 500 })
  await broker.close()
})

const outcome = (future: PromiseLike<unknown>): Promise<KafkaError | 'done'> =>
  Promise.resolve(future).then(
    () => 'done' as const,
    error => error,
  )

/** A transaction that asks every coordinator; what each call came to. */
async function wholeTransaction(value: string) {
  producer.beginTransaction()
  const records = [0, 1].map(partition => outcome(producer.send({ topic: 't', partition, value })))
  const offsets = outcome(
    producer.sendOffsetsToTransaction([{ topic: 't', partition: 0, offset: 1 }], { groupId: 'g' }),
  )
  await Promise.all([...records, offsets])
  const commit = await outcome(producer.commitTransaction())
  return { records: await Promise.all(records), offsets: await offsets, commit }
}

const committed = () => committedValues(broker.bootstrapServers, 't')
const twice = (...values: string[]) => [...values, ...values]
const isDone = { records: ['done', 'done'], offsets: 'done', commit: 'done' }

const requests: readonly TransactionRequest[] = [
  'FindCoordinator',
  'InitProducerId',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
]

/** Every code that a broker could answer; of those that nobody has met at a coordinator, one of each reaction is enough. */
const codes = brokerErrorCodes.filter(code => code.code !== 0)

const cases = ([2, 1] as const).flatMap(version =>
  requests.filter(request => version === 1 || !request.startsWith('Add')).map(request => ({ version, request })),
)

describe.each(cases)('transaction.version $version: $request', ({ version, request }) => {
  test.each(codes.map(code => ({ name: code.name, verdict: transactionVerdict(request, code), code })))(
    '$name: $verdict',
    async ({ name, verdict, code }) => {
      await start(version)
      // The look-up for the group is one of the transaction; that of the transactional id comes before.
      const match = request === 'FindCoordinator' ? { group: 'g' } : {}
      if (request === 'InitProducerId') {
        broker.faults.failBefore(request, name)
        const init = await outcome(producer.initTransactions())
        if (verdict === 'fatal' || verdict === 'refused') {
          expect(init).toMatchObject({ code: name, fatal: verdict === 'fatal' })
          if (verdict === 'fatal') {
            expect(await outcome(producer.initTransactions())).toMatchObject({ code: name, fatal: true })
            return
          }
          await producer.initTransactions()
        } else expect(init).toBe('done')
        expect(await wholeTransaction('a')).toEqual(isDone)
        expect(await committed()).toEqual(twice('a'))
        return
      }
      await producer.initTransactions()
      broker.faults.failBefore(request, name, match)
      const result = await wholeTransaction('a')
      switch (verdict) {
        case 'again':
        case 'soon':
        case 'elsewhere':
          expect(result).toEqual(isDone)
          expect(await committed()).toEqual(twice('a'))
          break
        case 'abortable':
          expect(result.commit).toMatchObject({ abortable: true, fatal: false })
          expect((result.commit as Error).message).toContain(name)
          await producer.abortTransaction()
          expect(await committed()).toEqual([])
          break
        default:
          if (request === 'EndTxn' && code.appended === 'maybe')
            expect(result.commit).toMatchObject({ code: 'COMMIT_UNKNOWN', fatal: true, cause: { code: name } })
          else expect(result.commit).toMatchObject({ code: name, fatal: true })
          for (const call of ['commitTransaction', 'abortTransaction', 'initTransactions'] as const)
            expect(await outcome(producer[call]())).toMatchObject({ fatal: true })
          expect(() => producer.beginTransaction()).toThrow()
          expect(await outcome(producer.send({ topic: 't', value: 'x' }))).toMatchObject({ outcome: 'not-written' })
          expect(await committed()).toEqual([])
          return
      }
      // The producer is as good as new.
      expect(await wholeTransaction('b')).toEqual(isDone)
      expect(await committed()).toEqual(verdict === 'abortable' ? twice('b') : ['a', 'b', 'a', 'b'])
      expect(broker.transactions()[0]).toMatchObject({ state: expect.stringMatching(/^Complete|^Empty/) })
    },
  )

  test.each([
    ['is reset before it is handled', (times: number) => broker.faults.closeBefore(request, { reset: true, times })],
    ['is handled, and the answer lost', (times: number) => broker.faults.loseAnswerAfterAppend(request, { times })],
    ['is handled, and the answer cut', (times: number) => broker.faults.truncateAnswer(request, 5, { times })],
    ['gets garbage for an answer', (times: number) => broker.faults.garbage(request, { times })],
    ['gets an answer to something else', (times: number) => broker.faults.wrongCorrelationId(request, { times })],
  ])('%s', async (_, set) => {
    await start(version)
    if (request === 'InitProducerId') set(2)
    await producer.initTransactions()
    const epochOf = () => broker.transactions()[0]!.producerEpoch
    const before = epochOf()
    if (request !== 'InitProducerId') set(2)
    expect(await wholeTransaction('a')).toEqual(isDone)
    expect(await wholeTransaction('b')).toEqual(isDone)
    expect(await committed()).toEqual(['a', 'b', 'a', 'b'])
    // What had no answer may come late, into the next transaction: a newer epoch keeps it out.
    if (version === 2) expect(epochOf()).toBe(before + 2)
    else if (request !== 'InitProducerId' && request !== 'FindCoordinator') expect(epochOf()).toBe(before + 1)
  })
})
