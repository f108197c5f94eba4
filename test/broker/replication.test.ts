import { beforeEach, describe, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { startBroker } from '../../src/broker/index.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { produce, produceBody, sequenced } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'
import { broker, clock, codeOf, leader, orders, start, startForEach } from './replicated-orders.ts'

startForEach()

describe('replicationDelayMs', () => {
  beforeEach(() => start({ replicationDelayMs: 50 }))

  test('acks=all is answered when the high watermark has passed its batch; acks=1 and 0 do not wait', async () => {
    const waiting = await orders.sent({ records: orders.batch('a', 'b') })
    expect(orders.state).toMatchObject({ endOffset: 2n, highWatermark: 0n })
    await using other = await RawConnection.open(broker)
    clock.advance(20)
    other.send(apis.produce.request, 9, produceBody({ acks: 0, records: orders.batch('c') }))
    expect(await produce(other, { acks: 1, records: orders.batch('d') })).toMatchObject({
      errorCode: 0,
      baseOffset: 3n,
    })
    expect(orders.state).toMatchObject({ endOffset: 4n, highWatermark: 0n })
    expect(leader.hasFrame).toBe(false)

    clock.advance(30)
    expect(await waiting.answer()).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(orders.state).toMatchObject({ endOffset: 4n, highWatermark: 2n })
    clock.advance(20)
    expect(orders.state).toMatchObject({ endOffset: 4n, highWatermark: 4n })
  })

  test('each batch has its own delay, however many are on their way', async () => {
    for (let index = 0; index < 5; index++) {
      await produce(leader, { acks: 1, records: orders.batch(`${index}`) })
      clock.advance(10)
    }
    const seen = [orders.state.highWatermark]
    for (let index = 0; index < 5; index++) {
      clock.advance(10)
      seen.push(orders.state.highWatermark)
    }
    expect(seen).toEqual([1n, 2n, 3n, 4n, 5n, 5n])
  })

  test('a connection is answered in the order of its requests: one that waits holds up those behind it', async () => {
    const first = leader.send(apis.produce.request, 9, produceBody({ records: orders.batch('a') }))
    const second = leader.send(apis.produce.request, 9, produceBody({ acks: 1, records: orders.batch('b') }))
    const third = leader.send(apis.metadata.request, 9, { topics: [] })
    await using other = await RawConnection.open(broker)
    for (let turn = 0; turn < 20; turn++) await other.call(apis.metadata, 9, { topics: [] })
    expect(orders.values()).toEqual(['a'])
    clock.advance(50)
    await leader.answer(apis.produce.response, 9, first)
    await leader.answer(apis.produce.response, 9, second)
    await leader.answer(apis.metadata.response, 9, third)
    expect(orders.values()).toEqual(['a', 'b'])
  })

  test('every partition of a request is waited for, each has its own outcome, and there is one answer', async () => {
    broker.createTopic('other', { partitions: 1 })
    broker.createTopic('narrow', { partitions: 1, config: { 'max.message.bytes': 10 } })
    broker.moveLeader('other', 0, 1)
    broker.moveLeader('narrow', 0, 1)
    broker.pauseReplication('other')
    const topicData = ['orders', 'other', 'narrow'].map(name => ({
      name,
      partitionData: [{ index: 0, records: orders.batch(name) }],
    }))
    const arrived = broker.waitForRequest('Produce')
    const id = leader.send(apis.produce.request, 9, { acks: -1, timeoutMs: 1_000, topicData })
    await arrived
    clock.advance(100)
    expect([orders.state.highWatermark, leader.hasFrame]).toEqual([1n, false])
    broker.resumeReplication('other')
    clock.advance(50)
    const { responses } = await leader.answer(apis.produce.response, 9, id)
    expect(responses.map(({ partitionResponses }) => partitionResponses[0]!.errorCode)).toEqual([
      ...[0, 0],
      errorNumber('MESSAGE_TOO_LARGE'),
    ])
  })

  test('the delay counts again from when replication goes on', async () => {
    broker.pauseReplication('orders', 0)
    await produce(leader, { acks: 1, records: orders.batch('a') })
    clock.advance(10_000)
    broker.resumeReplication()
    clock.advance(49)
    expect(orders.state.highWatermark).toBe(0n)
    clock.advance(1)
    expect(orders.state.highWatermark).toBe(1n)
  })

  test('what is on its way when replication is paused does not arrive', async () => {
    await produce(leader, { acks: 1, records: orders.batch('a') })
    clock.advance(49)
    broker.pauseReplication('orders')
    clock.advance(100)
    expect(orders.state).toMatchObject({ endOffset: 1n, highWatermark: 0n })
  })

  test('nothing is left when a connection, a topic or the broker goes', async () => {
    const timers = () => clock.pendingTimers
    const before = timers()
    await using other = await RawConnection.open(broker)
    await orders.sent({ records: orders.batch('a') }, other)
    expect(timers()).toBe(before + 2) // the request's time-out, and the copying
    await other[Symbol.asyncDispose]()
    while (broker.connections() > 1) await new Promise(resolve => setImmediate(resolve))
    expect(timers()).toBe(before + 1)
    broker.deleteTopic('orders')
    expect(timers()).toBe(before)

    broker.createTopic('orders', { partitions: 1 })
    broker.moveLeader('orders', 0, 1)
    await orders.sent({ records: orders.batch('b') })
    await broker.close()
    await leader.closed
    expect(timers()).toBe(0)
  })
})

describe('a produce that waits', () => {
  beforeEach(() => broker.pauseReplication('orders'))

  test('is answered REQUEST_TIMED_OUT when its time is over, and its records stay', async () => {
    const waiting = await orders.sent({ records: orders.batch('a'), timeoutMs: 300 })
    clock.advance(299)
    expect(leader.hasFrame).toBe(false)
    clock.advance(1)
    expect(await waiting.answer()).toMatchObject({ errorCode: errorNumber('REQUEST_TIMED_OUT'), baseOffset: 0n })
    expect(orders.values()).toEqual(['a'])
    broker.resumeReplication('orders')
    expect(orders.state.highWatermark).toBe(1n)
  })

  test('is answered when replication goes on', async () => {
    const waiting = await orders.sent({ records: orders.batch('a') })
    broker.resumeReplication('orders', 0)
    expect(await waiting.answer()).toMatchObject({ errorCode: 0, baseOffset: 0n })
  })

  test('is answered NOT_LEADER_OR_FOLLOWER when leadership moves, with the new leader, and its records stay', async () => {
    const waiting = await orders.sent({ records: orders.batch('a') }, leader, 10)
    broker.moveLeader('orders', 0, 2)
    expect(await waiting.answer()).toMatchObject({
      errorCode: errorNumber('NOT_LEADER_OR_FOLLOWER'),
      currentLeader: { leaderId: 2, leaderEpoch: 1 },
      nodeEndpoints: [{ nodeId: 2, port: broker.ports.get(2) }],
    })
    expect(orders.values()).toEqual(['a'])
  })

  test('goes on waiting when its leader is elected again', async () => {
    const waiting = await orders.sent({ records: orders.batch('a') })
    broker.moveLeader('orders', 0, 1)
    await new Promise(resolve => setImmediate(resolve))
    expect(leader.hasFrame).toBe(false)
    broker.resumeReplication()
    expect(await waiting.answer()).toMatchObject({ errorCode: 0 })
  })

  test('is answered UNKNOWN_TOPIC_OR_PARTITION when its topic is deleted, or made anew', async () => {
    const first = await orders.sent({ records: orders.batch('a') })
    broker.recreateTopic('orders')
    expect(await codeOf(first.answer())).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
    // The new topic is replicated like any other.
    expect(await codeOf(produce(leader, { records: orders.batch('b') }))).toBe(0)
    broker.pauseReplication('orders')
    const second = await orders.sent({ records: orders.batch('c') })
    broker.deleteTopic('orders')
    expect(await codeOf(second.answer())).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
  })

  test('a duplicate waits like its original, gets the same offset, and nothing is appended', async () => {
    const original = await orders.sent({ records: sequenced(0, 2), timeoutMs: 100 })
    clock.advance(100)
    expect(await codeOf(original.answer())).toBe(errorNumber('REQUEST_TIMED_OUT'))
    const again = await orders.sent({ records: sequenced(0, 2), timeoutMs: 100 })
    clock.advance(100)
    expect(await codeOf(again.answer())).toBe(errorNumber('REQUEST_TIMED_OUT'))
    const third = await orders.sent({ records: sequenced(0, 2) })
    expect(leader.hasFrame).toBe(false)
    broker.resumeReplication()
    expect(await third.answer()).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(orders.values()).toEqual(['s0', 's1'])
  })

  test('an error that a fault gives after the append is not waited for', async () => {
    broker.faults.failAfter('Produce', 'KAFKA_STORAGE_ERROR')
    expect(await codeOf(produce(leader, { records: orders.batch('a') }))).toBe(errorNumber('KAFKA_STORAGE_ERROR'))
    expect(orders.values()).toEqual(['a'])
  })
})

describe('in-sync replicas', () => {
  const config = { 'min.insync.replicas': 2 }
  const few = { topics: { orders: { partitions: 1, config } } }

  test('before Kafka 3.7: too few while it waits is NOT_ENOUGH_REPLICAS_AFTER_APPEND, before the append NOT_ENOUGH_REPLICAS', async () => {
    await start({ ...few, asVersion: '2.8' })
    broker.pauseReplication()
    const waiting = await orders.sent({ records: orders.batch('a') })
    broker.setIsr('orders', 0, [1, 2])
    await new Promise(resolve => setImmediate(resolve))
    expect(leader.hasFrame).toBe(false)
    broker.shrinkIsr('orders', 0, 1)
    expect(await waiting.answer()).toMatchObject({
      errorCode: errorNumber('NOT_ENOUGH_REPLICAS_AFTER_APPEND'),
      baseOffset: 0n,
    })
    expect(await codeOf(produce(leader, { records: orders.batch('b') }))).toBe(errorNumber('NOT_ENOUGH_REPLICAS'))
    expect(orders.values()).toEqual(['a'])
    // All that are in sync have it.
    expect(orders.state.highWatermark).toBe(1n)
  })

  test('since Kafka 3.7: the high watermark stands still while they are too few, and goes on with them', async () => {
    await start(few)
    broker.pauseReplication()
    const waiting = await orders.sent({ records: orders.batch('a'), timeoutMs: 500 })
    broker.shrinkIsr('orders', 0, 1)
    await using other = await RawConnection.open(broker)
    expect(await codeOf(produce(other, { records: orders.batch('b') }))).toBe(errorNumber('NOT_ENOUGH_REPLICAS'))
    expect(await codeOf(produce(other, { acks: 1, records: orders.batch('c') }))).toBe(0)
    broker.resumeReplication()
    expect(orders.state).toMatchObject({ endOffset: 2n, highWatermark: 0n })
    clock.advance(500)
    expect(await codeOf(waiting.answer())).toBe(errorNumber('REQUEST_TIMED_OUT'))

    broker.setIsr('orders', 0, [1, 3])
    expect(orders.state).toMatchObject({ endOffset: 2n, highWatermark: 2n })
    expect(await codeOf(produce(leader, { records: orders.batch('d') }))).toBe(0)
  })

  test('where the leader alone is in sync and may be, nobody is waited for', async () => {
    broker.pauseReplication()
    const waiting = await orders.sent({ records: orders.batch('a') })
    broker.shrinkIsr('orders', 0, 1)
    expect(await codeOf(waiting.answer())).toBe(0)
    expect(await codeOf(produce(leader, { records: orders.batch('b') }))).toBe(0)
    // Who comes back has all of it, and is waited for from then on.
    broker.setIsr('orders', 0, [1, 2])
    expect(orders.state.highWatermark).toBe(2n)
    await produce(leader, { acks: 1, records: orders.batch('c') })
    expect(orders.state).toMatchObject({ endOffset: 3n, highWatermark: 2n })
  })

  test('the high watermark goes on when min.insync.replicas asks for fewer', async () => {
    await start(few)
    broker.setIsr('orders', 0, [1])
    await produce(leader, { acks: 1, records: orders.batch('a') })
    expect(orders.state.highWatermark).toBe(0n)
    const configs = [{ name: 'min.insync.replicas', configOperation: 0, value: '1' }]
    const resources = [{ resourceType: 2, resourceName: 'orders', configs }]
    await leader.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly: false })
    expect(orders.state.highWatermark).toBe(1n)
  })

  test('a partition needs no more in-sync replicas than it has, since Kafka 3.7', async () => {
    const lone = { partitions: 1, replicationFactor: 1, config }
    const code = async (asVersion: '2.8' | '3.9') => {
      await start({ topics: { orders: lone }, asVersion })
      return codeOf(produce(leader, { records: orders.batch('a') }))
    }
    expect([await code('2.8'), await code('3.9')]).toEqual([errorNumber('NOT_ENOUGH_REPLICAS'), 0])
  })
})

describe('is refused', () => {
  test('where there is nothing to replicate, or nobody can lack anything', async () => {
    broker.createTopic('lone', { partitions: 1, replicationFactor: 1 })
    await leader.call(apis.findCoordinator, 2, { key: 'g', keyType: 0 })
    expect(() => broker.pauseReplication('lone')).toThrow(/has one replica/)
    expect(() => broker.pauseReplication('__consumer_offsets', 0)).toThrow(/belongs to the coordinators/)
    expect(() => broker.resumeReplication(undefined, 0)).toThrow(/of which topic/)
    expect(() => broker.pauseReplication('nowhere')).toThrow(/no topic nowhere/)
    expect(() => broker.pauseReplication('orders', 9)).toThrow(/no partition orders-9/)
    for (const to of [1, -1])
      expect(() => broker.moveLeader('orders', 0, to, { truncate: true })).toThrow(/only a new leader/)
    await using single = await startBroker()
    expect(() => single.pauseReplication()).toThrow(/brokers: 3/)
    await expect(startBroker({ replicationDelayMs: 5 })).rejects.toThrow(/replicationDelayMs: one broker/)
    await expect(startBroker({ brokers: 3, replicationDelayMs: -1 })).rejects.toThrow(/not a whole number/)
  })
})

test('pausing all counts for topics to come, until all go on', async () => {
  broker.pauseReplication()
  broker.createTopic('late', { partitions: 1 })
  broker.moveLeader('late', 0, 1)
  await produce(leader, { topic: 'late', acks: 1, records: orders.batch('a') })
  expect(broker.partition('late', 0).highWatermark).toBe(0n)
  broker.resumeReplication()
  expect(broker.partition('late', 0).highWatermark).toBe(1n)
  broker.createTopic('later', { partitions: 1 })
  broker.moveLeader('later', 0, 1)
  expect(await codeOf(produce(leader, { topic: 'later', records: orders.batch('a') }))).toBe(0)
})

test('a schedule pauses and resumes replication, and moves a leader that lacks records', async () => {
  await produce(leader, { records: orders.batch('a') })
  const afterRequest = (nth: number) => ({ api: 'Produce', nth }) as const
  const loaded = broker.faults.load({
    events: [
      { afterRequest: afterRequest(1), do: 'pauseReplication', args: { topic: 'orders', partition: 0 } },
      {
        afterRequest: afterRequest(2),
        do: 'moveLeader',
        args: { topic: 'orders', partition: 0, to: 2, truncate: true },
      },
      { afterRequest: afterRequest(3), do: 'resumeReplication' },
    ],
  })
  await produce(leader, { acks: 1, records: orders.batch('b') })
  await produce(leader, { acks: 1, records: orders.batch('c') })
  expect(await codeOf(produce(leader, { records: orders.batch('d') }))).toBe(errorNumber('NOT_LEADER_OR_FOLLOWER'))
  await loaded.eventsDone
  expect(loaded.failures).toEqual([])
  // `b` was answered before replication was paused.
  expect(orders.values()).toEqual(['a', 'b'])
  await using next = await RawConnection.open(broker, 2)
  expect(await codeOf(produce(next, { records: orders.batch('e') }))).toBe(0)
})
