import { beforeEach, describe, expect, test } from 'vitest'
import { BrokerError, KafkaError } from '../../src/index.ts'
import { ManualClock, MockProducer } from '../../src/testing/index.ts'

const record1 = { topic: 'topic', key: 'key1', value: 'value1' }
const record2 = { topic: 'topic', key: 'key2', value: 'value2' }
const at = (partition: number, offset: bigint | number | string) => ({ topic: 'topic', partition, offset })
const committed = (partition: number, offset: bigint) => ({ ...at(partition, offset), leaderEpoch: -1, metadata: null })

function thrownBy(call: () => unknown): KafkaError {
  try {
    call()
  } catch (error) {
    return error as KafkaError
  }
  throw new Error('nothing was thrown')
}

let producer: MockProducer

beforeEach(() => {
  producer = new MockProducer({ transactionalId: 'orders-1' })
})

describe('what comes in which order', () => {
  const begin = () => producer.beginTransaction()
  const calls = {
    initTransactions: () => producer.initTransactions().get(),
    beginTransaction: begin,
    sendOffsetsToTransaction: () => producer.sendOffsetsToTransaction([at(0, 1n)], { groupId: 'g' }).get(),
    commitTransaction: () => producer.commitTransaction().get(),
    abortTransaction: () => producer.abortTransaction().get(),
    send: () => producer.send(record1).get(),
    fenceProducer: () => producer.fenceProducer(),
  }
  type Call = keyof typeof calls
  const states: [state: string, reach: () => void, refused: Call[]][] = [
    [
      'before initTransactions',
      () => {},
      ['beginTransaction', 'sendOffsetsToTransaction', 'commitTransaction', 'abortTransaction', 'fenceProducer'],
    ],
    [
      'before beginTransaction',
      calls.initTransactions,
      ['initTransactions', 'sendOffsetsToTransaction', 'commitTransaction', 'abortTransaction', 'send'],
    ],
    [
      'in a transaction',
      () => {
        calls.initTransactions()
        begin()
      },
      ['initTransactions', 'beginTransaction'],
    ],
    [
      'after a commit',
      () => {
        calls.initTransactions()
        begin()
        calls.commitTransaction()
      },
      ['initTransactions', 'sendOffsetsToTransaction', 'commitTransaction', 'abortTransaction', 'send'],
    ],
  ]

  for (const [state, reach, refused] of states)
    test.each(Object.keys(calls) as Call[])(`${state}: %s`, name => {
      reach()
      if (refused.includes(name)) expect(thrownBy(calls[name]).code).toBe('INVALID_TXN_STATE')
      else calls[name]()
    })

  test.each(Object.keys(calls) as Call[])('fenced: %s is refused with the fatal error', name => {
    calls.initTransactions()
    producer.fenceProducer()
    const error = thrownBy(calls[name])
    expect(error).toBeInstanceOf(BrokerError)
    expect(error).toMatchObject({ code: 'PRODUCER_FENCED', errorCode: 90, fatal: true, retriable: false })
    if (name === 'send') expect(error.outcome).toBe('not-written')
  })
})

test('flags tell how far it is', () => {
  const flags = () => [
    producer.transactionInitialized,
    producer.transactionInFlight,
    producer.transactionCommitted,
    producer.transactionAborted,
    producer.commitCount,
  ]
  expect(flags()).toEqual([false, false, false, false, 0])
  producer.initTransactions().get()
  expect(flags()).toEqual([true, false, false, false, 0])
  producer.beginTransaction()
  expect(flags()).toEqual([true, true, false, false, 0])
  producer.commitTransaction().get()
  expect(flags()).toEqual([true, false, true, false, 1])
  producer.beginTransaction()
  expect(flags()).toEqual([true, true, false, false, 1])
  producer.abortTransaction().get()
  expect(flags()).toEqual([true, false, false, true, 1])
  producer.beginTransaction()
  producer.commitTransaction().get()
  expect(flags()).toEqual([true, false, true, false, 2])
})

describe('records', () => {
  beforeEach(async () => {
    await producer.initTransactions()
    producer.beginTransaction()
  })

  test('are in the history once the transaction is committed', () => {
    producer.send(record1)
    producer.send(record2)
    expect([producer.history(), producer.records()]).toEqual([[], []])
    expect(producer.uncommittedRecords()).toEqual([record1, record2])
    producer.commitTransaction().get()
    expect(producer.history()).toEqual([record1, record2])
    expect(producer.records().map(({ offset }) => offset)).toEqual([0n, 1n])
    expect(producer.uncommittedRecords()).toEqual([])
  })

  test('are dropped by an abort; what was committed before stays', () => {
    producer.send(record1)
    producer.commitTransaction().get()
    producer.beginTransaction()
    producer.send(record2)
    producer.abortTransaction().get()
    expect([producer.history(), producer.uncommittedRecords()]).toEqual([[record1], []])
    producer.beginTransaction()
    producer.commitTransaction().get()
    expect(producer.history()).toEqual([record1])
  })

  test('are flushed by a commit, and by an abort', () => {
    producer.autoComplete = false
    const first = producer.send(record1)
    expect(first.settled).toBe(false)
    producer.commitTransaction().get()
    expect(first.settled).toBe(true)
    producer.beginTransaction()
    const second = producer.send(record2)
    producer.abortTransaction().get()
    expect(second.settled).toBe(true)
  })

  test('one that failed makes the commit refuse: the transaction can only be aborted', async () => {
    producer.autoComplete = false
    const failed = producer.send(record1)
    const cause = new BrokerError('NOT_ENOUGH_REPLICAS', 19, 'too few', { outcome: 'not-written' })
    producer.errorNext(cause)
    expect(await failed.catch(error => error)).toBe(cause)
    producer.send(record2)
    const refusal = await producer.commitTransaction().catch(error => error)
    expect(refusal).toMatchObject({ code: 'TRANSACTION_ABORTABLE', errorCode: 120, cause })
    expect(producer.transactionInFlight).toBe(true)
    await producer.abortTransaction()
    producer.beginTransaction()
    await producer.commitTransaction()
    expect(producer.history()).toEqual([])
  })

  test('so does one that was refused', async () => {
    producer.send({ topic: 'no/topic' })
    expect(await producer.commitTransaction().catch(error => error)).toMatchObject({
      code: 'TRANSACTION_ABORTABLE',
      cause: { code: 'INVALID_TOPIC' },
    })
  })

  test('of a slow serializer are waited for by the commit, and nothing is added meanwhile', async () => {
    let answer!: (value: string) => void
    producer = new MockProducer({ valueSerializer: () => new Promise<string>(resolve => (answer = resolve)) })
    await producer.initTransactions()
    producer.beginTransaction()
    producer.send(record1)
    const committing = producer.commitTransaction()
    expect([committing.settled, producer.transactionInFlight]).toEqual([false, true])
    expect(await producer.send(record2).catch(error => error)).toMatchObject({ code: 'INVALID_TXN_STATE' })
    expect(thrownBy(() => producer.commitTransaction().get()).code).toBe('INVALID_TXN_STATE')
    answer('bytes')
    // The send that was refused counts as one that failed.
    expect(await committing.catch(error => error)).toMatchObject({ code: 'TRANSACTION_ABORTABLE' })
  })

  test('that are open when the producer is fenced fail with the fatal error, and are dropped', async () => {
    producer.autoComplete = false
    const open = producer.send(record1)
    producer.fenceProducer()
    expect(await open.catch(error => error)).toMatchObject({ code: 'PRODUCER_FENCED', fatal: true, outcome: 'unknown' })
    await producer.close()
    expect([producer.closed, producer.history(), producer.transactionInFlight]).toEqual([true, [], false])
  })

  test('of a transaction that is open at the close are dropped', async () => {
    producer.send(record1)
    await producer.close()
    expect([producer.history(), producer.transactionAborted]).toEqual([[], true])
  })

  test('are forgotten by clear, which leaves the transaction open', async () => {
    producer.send(record1)
    await producer.sendOffsetsToTransaction([at(0, 1n)], { groupId: 'g' })
    producer.clear()
    expect([producer.uncommittedRecords(), producer.sentOffsets, producer.transactionInFlight]).toEqual([
      [],
      false,
      true,
    ])
    await producer.commitTransaction()
    expect([producer.history(), producer.consumerGroupOffsetsHistory()]).toEqual([[], []])
  })
})

describe('offsets', () => {
  const group = { groupId: 'g' }
  beforeEach(async () => {
    await producer.initTransactions()
    producer.beginTransaction()
  })

  test('of several groups are there once the transaction is committed, each one taken as a consumer gives it', async () => {
    await producer.sendOffsetsToTransaction([at(1, 73), at(0, '42')], { groupId: 'g1' })
    await producer.sendOffsetsToTransaction([at(0, 101n), at(1, 21n)], {
      groupId: 'g2',
      generationId: 3,
      memberId: 'm',
    })
    expect(producer.consumerGroupOffsetsHistory()).toEqual([])
    const both = { g1: [committed(0, 42n), committed(1, 73n)], g2: [committed(0, 101n), committed(1, 21n)] }
    expect(producer.uncommittedOffsets()).toEqual(both)
    await producer.commitTransaction()
    expect(producer.consumerGroupOffsetsHistory()).toEqual([both])
    expect(producer.uncommittedOffsets()).toEqual({})
  })

  test('of one group add up, the later ones in place of the earlier', async () => {
    await producer.sendOffsetsToTransaction([at(0, 42n), at(1, 73n)], group)
    await producer.sendOffsetsToTransaction([{ ...at(1, 101n), leaderEpoch: 4, metadata: 'mine' }, at(2, 21n)], group)
    await producer.commitTransaction()
    expect(producer.consumerGroupOffsetsHistory()).toEqual([
      { g: [committed(0, 42n), { ...at(1, 101n), leaderEpoch: 4, metadata: 'mine' }, committed(2, 21n)] },
    ])
  })

  test('are dropped by an abort; what was committed before stays', async () => {
    await producer.sendOffsetsToTransaction([at(0, 42n)], group)
    await producer.commitTransaction()
    producer.beginTransaction()
    await producer.sendOffsetsToTransaction([at(0, 53n)], { groupId: 'g2' })
    await producer.abortTransaction()
    producer.beginTransaction()
    await producer.commitTransaction()
    expect(producer.consumerGroupOffsetsHistory()).toEqual([{ g: [committed(0, 42n)] }])
  })

  test('none are as if nobody had sent any; the flag is kept until the next transaction begins', async () => {
    await producer.sendOffsetsToTransaction([], group)
    expect(producer.sentOffsets).toBe(false)
    await producer.sendOffsetsToTransaction([at(0, 42n)], group)
    expect(producer.sentOffsets).toBe(true)
    await producer.commitTransaction()
    expect(producer.sentOffsets).toBe(true)
    producer.beginTransaction()
    expect(producer.sentOffsets).toBe(false)
  })

  test.each([
    ['no group', [], null, 'INVALID_GROUP_ID'],
    ['a group without a name', [], { groupId: null }, 'INVALID_GROUP_ID'],
    ['no offsets', null, group, 'INVALID_OFFSETS'],
    ['a negative offset', [at(0, -1n)], group, 'INVALID_OFFSETS'],
    ['an offset that is no number', [at(0, 'x')], group, 'INVALID_OFFSETS'],
    ['a number too large to be exact', [at(0, 2 ** 60)], group, 'INVALID_OFFSETS'],
    ['an offset beyond 63 bits', [at(0, 2n ** 63n)], group, 'INVALID_OFFSETS'],
    ['no partition', [at(-1, 1n)], group, 'INVALID_OFFSETS'],
  ])('%s is refused', async (_, offsets, ofGroup, code) => {
    const error = await producer.sendOffsetsToTransaction(offsets as never, ofGroup as never).catch(reason => reason)
    expect(error.code).toBe(code)
    expect(producer.sentOffsets).toBe(false)
  })
})

describe('transaction(work)', () => {
  test('begins, commits what the work sent, and gives what it returned', async () => {
    const result = await producer.transaction(async transaction => {
      await transaction.send(record1)
      transaction.send(record2, () => {})
      await transaction.sendAll([record1])
      await transaction.sendOffsets([at(0, 5n)], { groupId: 'g' })
      expect([producer.transactionInFlight, producer.history()]).toEqual([true, []])
      return 'done'
    })
    expect(result).toBe('done')
    expect(producer.history()).toEqual([record1, record2, record1])
    expect(producer.consumerGroupOffsetsHistory()).toEqual([{ g: [committed(0, 5n)] }])
    expect(await producer.transaction(() => 5)).toBe(5)
    expect(producer.commitCount).toBe(2)
  })

  test('aborts when the work throws, and throws the same', async () => {
    const mistake = new Error('mistake')
    const error = await producer
      .transaction(async transaction => {
        await transaction.send(record1)
        throw mistake
      })
      .catch(reason => reason)
    expect(error).toBe(mistake)
    expect([producer.history(), producer.transactionAborted]).toEqual([[], true])
  })

  test('aborts when the commit is refused', async () => {
    const error = await producer
      .transaction(transaction => void transaction.send({ topic: 'no/topic' }))
      .catch(reason => reason)
    expect(error).toMatchObject({ code: 'TRANSACTION_ABORTABLE' })
    expect(producer.transactionAborted).toBe(true)
  })

  test('aborts at its deadline, and by its signal; work that goes on writes nothing any more, nor into the next', async () => {
    const clock = new ManualClock()
    producer = new MockProducer({ clock })
    let late!: () => Promise<unknown>[]
    const never = new Promise<never>(() => {})
    const timedOut = producer.transaction(
      transaction => {
        transaction.send(record1)
        late = () => [
          transaction.send(record1),
          transaction.sendAll([record1]),
          transaction.sendOffsets([at(0, 1n)], { groupId: 'g' }),
        ]
        return never
      },
      { timeoutMs: 100 },
    )
    await new Promise(setImmediate)
    clock.advance(100)
    expect(await timedOut.catch(error => error)).toMatchObject({ code: 'TIMEOUT' })
    await producer
      .transaction(async () => {
        const results = await Promise.allSettled(late())
        expect(results.map(result => result.status === 'rejected' && result.reason.message)).toEqual([
          expect.stringContaining('over'),
          expect.stringContaining('over'),
          expect.stringContaining('over'),
        ])
        return producer.abortTransaction()
      })
      .catch(() => {})
    const controller = new AbortController()
    const aborted = producer.transaction(() => never, controller)
    await new Promise(setImmediate)
    controller.abort(new Error('enough'))
    expect(await aborted.catch(error => error)).toMatchObject({ code: 'ABORTED' })
    expect(await producer.transaction(() => {}, { signal: controller.signal }).catch(error => error)).toMatchObject({
      code: 'ABORTED',
    })
    expect([producer.history(), producer.transactionInFlight, producer.commitCount]).toEqual([[], false, 0])
    expect(clock.pendingTimers).toBe(0)
  })

  test('two at once are refused', async () => {
    const first = producer.transaction(() => new Promise<void>(resolve => setImmediate(resolve)))
    const second = await producer.transaction(() => {}).catch(error => error)
    expect(second).toMatchObject({ code: 'INVALID_TXN_STATE' })
    await first
    expect(producer.commitCount).toBe(1)
  })

  test('fenced in it: the fatal error is thrown, and there is nothing to abort', async () => {
    const error = await producer
      .transaction(async transaction => {
        producer.fenceProducer()
        await transaction.send(record1)
      })
      .catch(reason => reason)
    expect(error).toMatchObject({ code: 'PRODUCER_FENCED', fatal: true })
  })

  test('an abort that fails as well is told by the error event', async () => {
    const errors: KafkaError[] = []
    producer.on('error', error => errors.push(error))
    producer.abortTransactionException = new KafkaError('PLANNED', 'no abort')
    const error = await producer
      .transaction(() => {
        throw new Error('mistake')
      })
      .catch(reason => reason)
    expect(error.message).toBe('mistake')
    expect(errors).toMatchObject([{ code: 'ABORT_FAILED', cause: { code: 'PLANNED' } }])
    expect(producer.transactionInFlight).toBe(true)
  })
})
