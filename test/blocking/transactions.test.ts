import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  CommitUnknownError,
  createProducer,
  type ProducerOptions,
  type TransactionalProducer,
} from '../../src/index.ts'
import type { BrokerInThread } from '../../src/testing/index.ts'
import { builtCommand } from '../cli/built-command.ts'
import { committedValues } from '../transactions/committed.ts'
import { startBrokerThread } from './broker-thread.ts'

// Every future of a transaction can be waited for with the thread blocked: the broker runs in another one.
describe.each([2, 1] as const)('transaction.version %i', transactionVersion => {
  let broker: BrokerInThread
  let producer: TransactionalProducer | undefined
  let count = 0

  beforeAll(async () => {
    broker = await startBrokerThread({ brokers: 3, transactionVersion })
  })
  afterAll(() => broker.close())
  afterEach(async () => {
    await broker.faults.clear()
    await producer?.close({ timeoutMs: 2000 })
  })

  async function start(options: Partial<ProducerOptions> = {}) {
    const topic = `blocking-tx-${++count}`
    await broker.createTopic(topic, { partitions: 2 })
    producer = createProducer({
      bootstrapServers: broker.bootstrapServers,
      ...{ transactionalId: topic, requestTimeoutMs: 2000, maxBlockMs: 5000, deliveryTimeoutMs: 10_000 },
      ...{ retryBackoffMs: 1, retryBackoffMaxMs: 5 },
      ...options,
    })
    return { producer, topic }
  }

  const requestsOf = async (api: 'EndTxn' | 'InitProducerId', id: string) =>
    (await broker.requests(api)).filter(({ transactionalId }) => transactionalId === id).length

  test('the whole of it', async () => {
    const { producer, topic } = await start()
    producer.initTransactions().get()
    for (const value of ['a', 'dropped', 'b']) {
      producer.beginTransaction()
      producer.send({ topic, value, partition: 0 })
      expect(producer.send({ topic, value, partition: 1 }).get().partition).toBe(1)
      producer.sendOffsetsToTransaction([{ topic, partition: 0, offset: 1 }], { groupId: topic }).get()
      if (value === 'dropped') producer.abortTransaction().get()
      else producer.commitTransaction().get()
    }
    // Nothing was out when the thread was blocked, so nothing was left in doubt.
    expect([await requestsOf('InitProducerId', topic), await requestsOf('EndTxn', topic)]).toEqual([1, 3])
    expect(await committedValues(broker.bootstrapServers, topic)).toEqual(['a', 'b', 'a', 'b'])
  })

  test('what is under way when the thread is blocked is asked again by other connections', async () => {
    const { producer, topic } = await start()
    const init = producer.initTransactions()
    await new Promise(resolve => setImmediate(resolve))
    init.get()
    for (let turn = 0; turn < 5; turn++) {
      producer.beginTransaction()
      const sent = producer.send({ topic, value: `${turn}`, partition: 0 })
      if (turn % 2 === 0) await sent
      const commit = producer.commitTransaction()
      // Its EndTxn has left by this thread's own connection, which nobody reads now.
      await new Promise(resolve => setImmediate(resolve))
      commit.get()
    }
    expect(await committedValues(broker.bootstrapServers, topic)).toEqual(['0', '1', '2', '3', '4'])
  })

  test('blocked now, awaited then', async () => {
    const { producer, topic } = await start()
    await producer.initTransactions()
    for (let turn = 0; turn < 6; turn++) {
      producer.beginTransaction()
      producer.send({ topic, value: `${turn}`, partition: 0 })
      const commit = producer.commitTransaction()
      if (turn % 2 === 0) commit.get()
      else await commit
    }
    expect(await committedValues(broker.bootstrapServers, topic)).toEqual(['0', '1', '2', '3', '4', '5'])
  })

  test('coordinators that refuse for a while, and answers that are lost', async () => {
    const { producer, topic } = await start()
    producer.initTransactions().get()
    for (const [api, error] of [
      ['EndTxn', 'COORDINATOR_NOT_AVAILABLE'],
      ['EndTxn', 'CONCURRENT_TRANSACTIONS'],
      ['FindCoordinator', 'COORDINATOR_LOAD_IN_PROGRESS'],
    ] as const) {
      await broker.faults.add({ api, transactionalId: topic, action: { type: 'error', error } })
      producer.beginTransaction()
      producer.send({ topic, value: error, partition: 0 })
      producer.commitTransaction().get()
    }
    await broker.faults.add({ api: 'EndTxn', transactionalId: topic, phase: 'after', action: { type: 'close' } })
    producer.beginTransaction()
    producer.send({ topic, value: 'lost', partition: 0 })
    producer.commitTransaction().get()
    expect(await committedValues(broker.bootstrapServers, topic)).toHaveLength(4)
  })

  test('a record that fails', async () => {
    const { producer, topic } = await start()
    producer.initTransactions().get()
    producer.beginTransaction()
    producer.send({ topic, value: 'a' }).get()
    await broker.faults.add({ api: 'Produce', topic, action: { type: 'error', error: 'INVALID_RECORD' } })
    producer.send({ topic, value: 'bad' })
    expect(() => producer.commitTransaction().get()).toThrow(
      /a record for .* of the transaction failed.*INVALID_RECORD/,
    )
    producer.abortTransaction().get()
    producer.beginTransaction()
    producer.send({ topic, value: 'b' })
    producer.commitTransaction().get()
    expect(await committedValues(broker.bootstrapServers, topic)).toEqual(['b'])
  })

  test('a commit that is not answered in time is unknown, and known later', async () => {
    const { producer, topic } = await start()
    producer.initTransactions().get()
    producer.beginTransaction()
    producer.send({ topic, value: 'a' })
    await broker.faults.add({
      api: 'EndTxn',
      transactionalId: topic,
      phase: 'after',
      action: { type: 'delay', ms: 400 },
    })
    let thrown: unknown
    try {
      producer.commitTransaction({ timeoutMs: 150 }).get()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(CommitUnknownError)
    producer.commitTransaction().get()
    expect(await committedValues(broker.bootstrapServers, topic)).toEqual(['a'])
  })

  test('close aborts what is open', async () => {
    const { producer, topic } = await start()
    producer.initTransactions().get()
    producer.beginTransaction()
    producer.send({ topic, value: 'a' }).get()
    producer.close().get()
    expect(await committedValues(broker.bootstrapServers, topic)).toEqual([])
    expect((await broker.transactions()).find(({ id }) => id === topic)!.state).not.toBe('Ongoing')
  })

  test.each(['abort', 'commit'])('a process that ends in one, with flushOnExit: %s', async how => {
    const topic = `blocking-tx-${++count}`
    await broker.createTopic(topic, { partitions: 1 })
    const program = fileURLToPath(new URL('ends-in-transaction.js', import.meta.url))
    const dist = dirname(dirname(await builtCommand()))
    const child = spawn(process.execPath, [program, dist, broker.bootstrapServers, topic, how], { stdio: 'pipe' })
    let complaints = ''
    child.stderr.on('data', text => {
      complaints += text
    })
    const [code] = await once(child, 'close')
    expect([code, complaints]).toEqual([3, ''])
    expect((await broker.transactions()).find(({ id }) => id === topic)!.state).toMatch(/^Complete/)
    expect(await committedValues(broker.bootstrapServers, topic)).toEqual(how === 'commit' ? ['commit'] : [])
  })
})
