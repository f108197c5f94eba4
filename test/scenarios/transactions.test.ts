import { describe, expect, test } from 'vitest'
import { apis } from '../../src/wire/protocol/index.ts'
import { batchOf } from '../broker/produce-call.ts'
import { code, coordinatorOf, type Identity, RawTransaction } from '../broker/transaction-calls.ts'
import { type BrokerUnderTest, describeOnEachBroker } from '../kafka/brokers-under-test.ts'

let count = 0
async function transactionOn(kafka: BrokerUnderTest, topic?: string) {
  const name = topic ?? (await kafka.createTopic({ partitions: 1 }))
  const tx = await RawTransaction.find(kafka.bootstrapServers, `tx-${process.pid}-${Date.now()}-${count++}`, name)
  return { tx, topic: name }
}

/** Until what is asked is not CONCURRENT_TRANSACTIONS any more. */
async function settled(ask: () => Promise<number>): Promise<number> {
  for (;;) {
    const answer = await ask()
    if (answer !== code('CONCURRENT_TRANSACTIONS')) return answer
  }
}

async function describeTransaction(tx: RawTransaction) {
  const answer = await tx.connection.call(apis.describeTransactions, 0, { transactionalIds: [tx.id] })
  return answer.transactionStates[0]!
}

/** Waits for the markers. */
async function completed(tx: RawTransaction): Promise<string> {
  for (;;) {
    const { transactionState } = await describeTransaction(tx)
    if (!transactionState.startsWith('Prepare')) return transactionState
  }
}

const plus = (identity: Identity, epochs: number) => ({
  producerId: identity.producerId,
  producerEpoch: identity.producerEpoch + epochs,
})

// What the coordinator and the leaders answer to each request by itself, and what becomes of epochs: the same on Kafka.
describeOnEachBroker('transactions, request by request', ({ kafka }) => {
  describe('InitProducerId', () => {
    test('raises the epoch each time, and goes on after an error where the producer says who it is', async () => {
      const { tx } = await transactionOn(kafka)
      await using _ = tx
      await tx.init()
      const first = tx.identity
      expect(first.producerEpoch).toBe(0)
      await tx.init(5)
      expect(tx.identity).toEqual(plus(first, 1))
      const second = tx.identity
      await tx.init(4, second)
      expect(tx.identity).toEqual(plus(first, 2))
      // Its answer was lost: the repeat raises nothing.
      await tx.init(4, second)
      expect(tx.identity).toEqual(plus(first, 2))
      expect((await tx.tryInit(4, first)).errorCode).toBe(code('PRODUCER_FENCED'))
      expect((await tx.tryInit(3, first)).errorCode).toBe(code('INVALID_PRODUCER_EPOCH'))
      expect((await tx.tryInit(4, { producerId: 123_456_789n, producerEpoch: 0 })).errorCode).toBe(
        code('PRODUCER_FENCED'),
      )
      expect((await tx.tryInit(5, { producerId: 1n, producerEpoch: -1 })).errorCode).toBe(code('INVALID_REQUEST'))
    })

    test('has bounds for the time-out', async () => {
      const { tx } = await transactionOn(kafka)
      await using _ = tx
      await tx.init()
      for (const timeoutMs of [0, -1, 900_001])
        expect((await tx.tryInit(5, {}, timeoutMs)).errorCode).toBe(code('INVALID_TRANSACTION_TIMEOUT'))
      expect((await tx.tryInit(5, {}, 900_000)).errorCode).toBe(0)
    })

    test('aborts what is under way first, and fences who is at it', async () => {
      const { tx, topic } = await transactionOn(kafka)
      await using _ = tx
      await tx.init()
      const first = tx.identity
      expect((await tx.produce(['a'], { version: 12 }, topic)).errorCode).toBe(0)
      expect((await tx.tryInit()).errorCode).toBe(code('CONCURRENT_TRANSACTIONS'))
      await tx.init()
      expect(tx.identity).toEqual(plus(first, 2))
      expect((await describeTransaction(tx)).transactionState).toBe('Empty')
      const late = await tx.produce(['b'], { version: 12, identity: first }, topic)
      expect(late.errorCode).toBe(code('INVALID_PRODUCER_EPOCH'))
      expect(await tx.end(true, 5, first)).toBe(code('PRODUCER_FENCED'))
      expect(await tx.end(true, 1, first)).toBe(code('INVALID_PRODUCER_EPOCH'))
      expect(await tx.add(topic, [0], 3, first)).toEqual([code('PRODUCER_FENCED')])
      expect(await tx.add(topic, [0], 1, first)).toEqual([code('INVALID_PRODUCER_EPOCH')])
    })
  })

  describe('AddPartitionsToTxn', () => {
    test('adds all partitions or none', async () => {
      const { tx, topic } = await transactionOn(kafka)
      await using _ = tx
      expect(await tx.add(topic, [0], 3, { producerId: 1n, producerEpoch: 0 })).toEqual([
        code('INVALID_PRODUCER_ID_MAPPING'),
      ])
      await tx.init()
      expect(await tx.add(topic, [0, 7])).toEqual([code('OPERATION_NOT_ATTEMPTED'), code('UNKNOWN_TOPIC_OR_PARTITION')])
      expect(await describeTransaction(tx)).toMatchObject({ transactionState: 'Empty', topics: [] })
      expect(await tx.add(topic)).toEqual([0])
      expect(await describeTransaction(tx)).toMatchObject({
        ...{ errorCode: 0, transactionState: 'Ongoing', transactionTimeoutMs: 60_000, ...tx.identity },
        topics: [{ topic, partitions: [0] }],
      })
      expect(await tx.end(false)).toBe(0)
      expect(await completed(tx)).toBe('CompleteAbort')
    })
  })

  describe('Produce', () => {
    test.each([
      [9, 'INVALID_TXN_STATE'],
      [10, 'INVALID_TXN_STATE'],
      [11, 'TRANSACTION_ABORTABLE'],
      [12, 'NONE'],
    ])('of v%i to a partition that was not added is answered %s', async (version, error) => {
      const { tx, topic } = await transactionOn(kafka)
      await using _ = tx
      await tx.init()
      const expected = error === 'NONE' ? 0 : code(error)
      expect((await tx.produce(['a'], { version }, topic)).errorCode).toBe(expected)
      expect((await describeTransaction(tx)).transactionState).toBe(error === 'NONE' ? 'Ongoing' : 'Empty')
    })

    test('needs a transactional id, and one that the producer id belongs to', async () => {
      const { tx, topic } = await transactionOn(kafka)
      await using _ = tx
      await tx.init()
      const without = await tx.produce(['a'], { version: 11, transactionalId: null }, topic)
      expect(without.errorCode).toBe(code('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
      const identity = { producerId: 987_654_321n, producerEpoch: 0 }
      for (const version of [11, 12])
        expect((await tx.produce(['a'], { version, identity }, topic)).errorCode).toBe(
          code('INVALID_PRODUCER_ID_MAPPING'),
        )
    })

    test('that is not transactional is refused while the producer has a transaction there', async () => {
      const { tx, topic } = await transactionOn(kafka)
      await using _ = tx
      await tx.init()
      await tx.produce(['a'], { version: 12 }, topic)
      const records = batchOf(['b'], { ...tx.identity, baseSequence: 1 })
      const body = { transactionalId: null, acks: -1, timeoutMs: 20_000 }
      const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
      const answer = await tx.leader.call(apis.produce, 11, { ...body, topicData })
      expect(answer.responses[0]!.partitionResponses[0]!.errorCode).toBe(code('INVALID_TXN_STATE'))
    })
  })

  describe('EndTxn', () => {
    test('of v4 keeps the epoch and may be repeated', async () => {
      const { tx, topic } = await transactionOn(kafka)
      await using _ = tx
      await tx.init()
      const first = tx.identity
      expect(await tx.end(true)).toBe(code('INVALID_TXN_STATE'))
      expect(await tx.end(false)).toBe(code('INVALID_TXN_STATE'))
      await tx.add(topic)
      await tx.produce(['a'], {}, topic)
      expect(await tx.end(true)).toBe(0)
      expect(await settled(() => tx.end(true))).toBe(0)
      expect(await tx.end(false)).toBe(code('INVALID_TXN_STATE'))
      expect(await describeTransaction(tx)).toMatchObject({ transactionState: 'CompleteCommit', ...first })
    })

    test('of v5 raises the epoch, and tells a repeat from an empty transaction', async () => {
      const { tx, topic } = await transactionOn(kafka)
      await using _ = tx
      await tx.init()
      const first = tx.identity
      expect(await tx.end(true, 5)).toBe(code('INVALID_TXN_STATE'))
      await tx.produce(['a'], { version: 12 }, topic)
      expect(await tx.end(true, 5)).toBe(0)
      expect(tx.identity).toEqual(plus(first, 1))
      expect(await settled(() => tx.end(true, 5, first))).toBe(0)
      expect(tx.identity).toEqual(plus(first, 1))
      expect(await tx.end(false, 5, first)).toBe(code('INVALID_TXN_STATE'))
      expect(await tx.end(true, 5)).toBe(code('INVALID_TXN_STATE'))
      expect(await tx.end(true, 5, plus(first, 5))).toBe(code('PRODUCER_FENCED'))
      expect(await tx.end(false, 5)).toBe(0)
      expect(tx.identity).toEqual(plus(first, 2))
      expect(await completed(tx)).toBe('CompleteAbort')
    })
  })

  describe('TxnOffsetCommit', () => {
    test.each([
      [3, 'INVALID_TXN_STATE'],
      [4, 'TRANSACTION_ABORTABLE'],
      [5, 'NONE'],
    ])('of v%i for a group that was not added is answered %s', async (version, error) => {
      const { tx, topic } = await transactionOn(kafka)
      await using _ = tx
      await tx.init()
      await using group = await coordinatorOf(kafka.bootstrapServers, 0, `group-${tx.id}`)
      const body = { transactionalId: tx.id, groupId: `group-${tx.id}`, ...tx.identity }
      const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedMetadata: null }]
      const commit = async () => {
        const answer = await group.call(apis.txnOffsetCommit, version, {
          ...body,
          topics: [{ name: topic, partitions }],
        })
        return answer.topics[0]!.partitions[0]!.errorCode
      }
      expect(await commit()).toBe(error === 'NONE' ? 0 : code(error))
    })

    test('knows the members of the group, where it is told who commits', async () => {
      const { tx, topic } = await transactionOn(kafka)
      await using _ = tx
      await tx.init()
      const groupId = `group-${tx.id}`
      await using group = await coordinatorOf(kafka.bootstrapServers, 0, groupId)
      const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedMetadata: null }]
      const commit = async (generationId: number, memberId: string) => {
        const member = { generationId, memberId }
        const body = {
          transactionalId: tx.id,
          groupId,
          ...tx.identity,
          ...member,
          topics: [{ name: topic, partitions }],
        }
        const answer = await group.call(apis.txnOffsetCommit, 5, body)
        return answer.topics[0]!.partitions[0]!.errorCode
      }
      expect(await commit(3, 'stranger')).toBe(code('ILLEGAL_GENERATION'))
      expect(await commit(-1, '')).toBe(0)
      const fetched = async () => {
        const body = { groups: [{ groupId, topics: [{ name: topic, partitionIndexes: [0] }] }], requireStable: true }
        const answer = await group.call(apis.offsetFetch, 8, body)
        const one = answer.groups[0]!.topics[0]!.partitions[0]!
        return one.errorCode || Number(one.committedOffset)
      }
      expect(await fetched()).toBe(code('UNSTABLE_OFFSET_COMMIT'))
      expect(await tx.end(true, 5)).toBe(0)
      expect(await completed(tx)).toBe('CompleteCommit')
      expect(await fetched()).toBe(5)
    })
  })
})
