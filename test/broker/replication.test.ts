import { beforeEach, describe, expect, test } from 'vitest'
import { errorNumber } from '../../src/base/errors/index.ts'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/index.ts'
import { ManualClock } from '../../src/testing/index.ts'
import { apis, type Draft } from '../../src/wire/protocol/index.ts'
import { readBatchHeader } from '../../src/wire/protocol/records/record-batch.ts'
import { dataFolder } from './data-folder.ts'
import { batchOf, type ProduceCall, produce, produceBody, sequenced } from './produce-call.ts'
import { RawConnection } from './raw-connection.ts'

let clock: ManualClock
let broker: Broker
/** To the leader of orders-0. */
let leader: RawConnection

async function start(options: BrokerOptions = {}): Promise<void> {
  await stop()
  // Sequenced batches have the time of the machine.
  clock = new ManualClock({ wallTime: Date.now() })
  broker = await startBroker({ brokers: 3, clock, topics: { orders: { partitions: 3 } }, ...options })
  leader = await RawConnection.open(broker, 1)
}

async function stop(): Promise<void> {
  await leader?.[Symbol.asyncDispose]()
  await broker?.close()
}

beforeEach(async () => {
  await start()
  return stop
})

const values = (topic = 'orders') => broker.records(topic, 0).map(({ value }) => String(value))
const state = () => broker.partition('orders', 0)
const codeOf = async (answer: Promise<{ readonly errorCode: number }>) => (await answer).errorCode

/** The records carry the broker's time. */
const batch = (...texts: string[]) => batchOf(texts, { timestamp: clock.wallTime() })

/** Sends a batch that is not answered yet: it is appended when this resolves, and `answer` gives what comes for it. */
async function sent(call: ProduceCall, connection = leader, version = 9) {
  const arrived = broker.waitForRequest('Produce')
  const id = connection.send(apis.produce.request, version, produceBody(call))
  await arrived
  return {
    answer: async () => {
      const answer = await connection.answer(apis.produce.response, version, id)
      return { ...answer.responses[0]!.partitionResponses[0]!, nodeEndpoints: answer.nodeEndpoints }
    },
  }
}

function fetchBody(offset: bigint, request: Partial<Draft<typeof apis.fetch.request>> = {}) {
  const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1_000_000 }]
  return { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 'orders', partitions }], ...request }
}

async function fetch(offset: bigint, request: Partial<Draft<typeof apis.fetch.request>> = {}) {
  const answer = await leader.call(apis.fetch, 11, fetchBody(offset, request))
  const { errorCode, highWatermark, lastStableOffset, records } = answer.responses[0]!.partitions[0]!
  return { errorCode, highWatermark, lastStableOffset, bytes: records!.length }
}

async function offsetAt(timestamp: bigint, version = 7, connection = leader) {
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp }] }]
  const answer = await connection.call(apis.listOffsets, version, { replicaId: -1, topics })
  return answer.topics[0]!.partitions[0]!
}

describe('replicationDelayMs', () => {
  beforeEach(() => start({ replicationDelayMs: 50 }))

  test('acks=all is answered when the high watermark has passed its batch; acks=1 and 0 do not wait', async () => {
    const waiting = await sent({ records: batch('a', 'b') })
    expect(state()).toMatchObject({ endOffset: 2n, highWatermark: 0n })
    await using other = await RawConnection.open(broker)
    clock.advance(20)
    other.send(apis.produce.request, 9, produceBody({ acks: 0, records: batch('c') }))
    expect(await produce(other, { acks: 1, records: batch('d') })).toMatchObject({ errorCode: 0, baseOffset: 3n })
    expect(state()).toMatchObject({ endOffset: 4n, highWatermark: 0n })
    expect(leader.hasFrame).toBe(false)

    clock.advance(30)
    expect(await waiting.answer()).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(state()).toMatchObject({ endOffset: 4n, highWatermark: 2n })
    clock.advance(20)
    expect(state()).toMatchObject({ endOffset: 4n, highWatermark: 4n })
  })

  test('each batch has its own delay, however many are on their way', async () => {
    for (let index = 0; index < 5; index++) {
      await produce(leader, { acks: 1, records: batch(`${index}`) })
      clock.advance(10)
    }
    const seen = [state().highWatermark]
    for (let index = 0; index < 5; index++) {
      clock.advance(10)
      seen.push(state().highWatermark)
    }
    expect(seen).toEqual([1n, 2n, 3n, 4n, 5n, 5n])
  })

  test('a connection is answered in the order of its requests: one that waits holds up those behind it', async () => {
    const first = leader.send(apis.produce.request, 9, produceBody({ records: batch('a') }))
    const second = leader.send(apis.produce.request, 9, produceBody({ acks: 1, records: batch('b') }))
    const third = leader.send(apis.metadata.request, 9, { topics: [] })
    await using other = await RawConnection.open(broker)
    for (let turn = 0; turn < 20; turn++) await other.call(apis.metadata, 9, { topics: [] })
    expect(values()).toEqual(['a'])
    clock.advance(50)
    await leader.answer(apis.produce.response, 9, first)
    await leader.answer(apis.produce.response, 9, second)
    await leader.answer(apis.metadata.response, 9, third)
    expect(values()).toEqual(['a', 'b'])
  })

  test('every partition of a request is waited for, each has its own outcome, and there is one answer', async () => {
    broker.createTopic('other', { partitions: 1 })
    broker.createTopic('narrow', { partitions: 1, config: { 'max.message.bytes': 10 } })
    broker.moveLeader('other', 0, 1)
    broker.moveLeader('narrow', 0, 1)
    broker.pauseReplication('other')
    const topicData = ['orders', 'other', 'narrow'].map(name => ({
      name,
      partitionData: [{ index: 0, records: batch(name) }],
    }))
    const arrived = broker.waitForRequest('Produce')
    const id = leader.send(apis.produce.request, 9, { acks: -1, timeoutMs: 1_000, topicData })
    await arrived
    clock.advance(100)
    expect([state().highWatermark, leader.hasFrame]).toEqual([1n, false])
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
    await produce(leader, { acks: 1, records: batch('a') })
    clock.advance(10_000)
    broker.resumeReplication()
    clock.advance(49)
    expect(state().highWatermark).toBe(0n)
    clock.advance(1)
    expect(state().highWatermark).toBe(1n)
  })

  test('what is on its way when replication is paused does not arrive', async () => {
    await produce(leader, { acks: 1, records: batch('a') })
    clock.advance(49)
    broker.pauseReplication('orders')
    clock.advance(100)
    expect(state()).toMatchObject({ endOffset: 1n, highWatermark: 0n })
  })

  test('nothing is left when a connection, a topic or the broker goes', async () => {
    const timers = () => clock.pendingTimers
    const before = timers()
    await using other = await RawConnection.open(broker)
    await sent({ records: batch('a') }, other)
    expect(timers()).toBe(before + 2) // the request's time-out, and the copying
    await other[Symbol.asyncDispose]()
    while (broker.connections() > 1) await new Promise(resolve => setImmediate(resolve))
    expect(timers()).toBe(before + 1)
    broker.deleteTopic('orders')
    expect(timers()).toBe(before)

    broker.createTopic('orders', { partitions: 1 })
    broker.moveLeader('orders', 0, 1)
    await sent({ records: batch('b') })
    await broker.close()
    await leader.closed
    expect(timers()).toBe(0)
  })
})

describe('a produce that waits', () => {
  beforeEach(() => broker.pauseReplication('orders'))

  test('is answered REQUEST_TIMED_OUT when its time is over, and its records stay', async () => {
    const waiting = await sent({ records: batch('a'), timeoutMs: 300 })
    clock.advance(299)
    expect(leader.hasFrame).toBe(false)
    clock.advance(1)
    expect(await waiting.answer()).toMatchObject({ errorCode: errorNumber('REQUEST_TIMED_OUT'), baseOffset: 0n })
    expect(values()).toEqual(['a'])
    broker.resumeReplication('orders')
    expect((await fetch(0n)).bytes).toBeGreaterThan(0)
  })

  test('is answered when replication goes on', async () => {
    const waiting = await sent({ records: batch('a') })
    broker.resumeReplication('orders', 0)
    expect(await waiting.answer()).toMatchObject({ errorCode: 0, baseOffset: 0n })
  })

  test('is answered NOT_LEADER_OR_FOLLOWER when leadership moves, with the new leader, and its records stay', async () => {
    const waiting = await sent({ records: batch('a') }, leader, 10)
    broker.moveLeader('orders', 0, 2)
    expect(await waiting.answer()).toMatchObject({
      errorCode: errorNumber('NOT_LEADER_OR_FOLLOWER'),
      currentLeader: { leaderId: 2, leaderEpoch: 1 },
      nodeEndpoints: [{ nodeId: 2, port: broker.ports.get(2) }],
    })
    expect(values()).toEqual(['a'])
  })

  test('goes on waiting when its leader is elected again', async () => {
    const waiting = await sent({ records: batch('a') })
    broker.moveLeader('orders', 0, 1)
    await new Promise(resolve => setImmediate(resolve))
    expect(leader.hasFrame).toBe(false)
    broker.resumeReplication()
    expect(await waiting.answer()).toMatchObject({ errorCode: 0 })
  })

  test('is answered UNKNOWN_TOPIC_OR_PARTITION when its topic is deleted, or made anew', async () => {
    const first = await sent({ records: batch('a') })
    broker.recreateTopic('orders')
    expect(await codeOf(first.answer())).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
    // The new topic is replicated like any other.
    expect(await codeOf(produce(leader, { records: batch('b') }))).toBe(0)
    broker.pauseReplication('orders')
    const second = await sent({ records: batch('c') })
    broker.deleteTopic('orders')
    expect(await codeOf(second.answer())).toBe(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
  })

  test('a duplicate waits like its original, gets the same offset, and nothing is appended', async () => {
    const original = await sent({ records: sequenced(0, 2), timeoutMs: 100 })
    clock.advance(100)
    expect(await codeOf(original.answer())).toBe(errorNumber('REQUEST_TIMED_OUT'))
    const again = await sent({ records: sequenced(0, 2), timeoutMs: 100 })
    clock.advance(100)
    expect(await codeOf(again.answer())).toBe(errorNumber('REQUEST_TIMED_OUT'))
    const third = await sent({ records: sequenced(0, 2) })
    expect(leader.hasFrame).toBe(false)
    broker.resumeReplication()
    expect(await third.answer()).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(values()).toEqual(['s0', 's1'])
  })

  test('an error that a fault gives after the append is not waited for', async () => {
    broker.faults.failAfter('Produce', 'KAFKA_STORAGE_ERROR')
    expect(await codeOf(produce(leader, { records: batch('a') }))).toBe(errorNumber('KAFKA_STORAGE_ERROR'))
    expect(values()).toEqual(['a'])
  })
})

describe('in-sync replicas', () => {
  const config = { 'min.insync.replicas': 2 }
  const few = { topics: { orders: { partitions: 1, config } } }

  test('before Kafka 3.7: too few while it waits is NOT_ENOUGH_REPLICAS_AFTER_APPEND, before the append NOT_ENOUGH_REPLICAS', async () => {
    await start({ ...few, asVersion: '2.8' })
    broker.pauseReplication()
    const waiting = await sent({ records: batch('a') })
    broker.setIsr('orders', 0, [1, 2])
    await new Promise(resolve => setImmediate(resolve))
    expect(leader.hasFrame).toBe(false)
    broker.shrinkIsr('orders', 0, 1)
    expect(await waiting.answer()).toMatchObject({
      errorCode: errorNumber('NOT_ENOUGH_REPLICAS_AFTER_APPEND'),
      baseOffset: 0n,
    })
    expect(await codeOf(produce(leader, { records: batch('b') }))).toBe(errorNumber('NOT_ENOUGH_REPLICAS'))
    expect(values()).toEqual(['a'])
    // All that are in sync have it.
    expect(state().highWatermark).toBe(1n)
  })

  test('since Kafka 3.7: the high watermark stands still while they are too few, and goes on with them', async () => {
    await start(few)
    broker.pauseReplication()
    const waiting = await sent({ records: batch('a'), timeoutMs: 500 })
    broker.shrinkIsr('orders', 0, 1)
    await using other = await RawConnection.open(broker)
    expect(await codeOf(produce(other, { records: batch('b') }))).toBe(errorNumber('NOT_ENOUGH_REPLICAS'))
    expect(await codeOf(produce(other, { acks: 1, records: batch('c') }))).toBe(0)
    broker.resumeReplication()
    expect(state()).toMatchObject({ endOffset: 2n, highWatermark: 0n })
    clock.advance(500)
    expect(await codeOf(waiting.answer())).toBe(errorNumber('REQUEST_TIMED_OUT'))

    broker.setIsr('orders', 0, [1, 3])
    expect(state()).toMatchObject({ endOffset: 2n, highWatermark: 2n })
    expect(await codeOf(produce(leader, { records: batch('d') }))).toBe(0)
  })

  test('where the leader alone is in sync and may be, nobody is waited for', async () => {
    broker.pauseReplication()
    const waiting = await sent({ records: batch('a') })
    broker.shrinkIsr('orders', 0, 1)
    expect(await codeOf(waiting.answer())).toBe(0)
    expect(await codeOf(produce(leader, { records: batch('b') }))).toBe(0)
    // Who comes back has all of it, and is waited for from then on.
    broker.setIsr('orders', 0, [1, 2])
    expect(state().highWatermark).toBe(2n)
    await produce(leader, { acks: 1, records: batch('c') })
    expect(state()).toMatchObject({ endOffset: 3n, highWatermark: 2n })
  })

  test('the high watermark goes on when min.insync.replicas asks for fewer', async () => {
    await start(few)
    broker.setIsr('orders', 0, [1])
    await produce(leader, { acks: 1, records: batch('a') })
    expect(state().highWatermark).toBe(0n)
    const configs = [{ name: 'min.insync.replicas', configOperation: 0, value: '1' }]
    const resources = [{ resourceType: 2, resourceName: 'orders', configs }]
    await leader.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly: false })
    expect(state().highWatermark).toBe(1n)
  })

  test('a partition needs no more in-sync replicas than it has, since Kafka 3.7', async () => {
    const lone = { partitions: 1, replicationFactor: 1, config }
    const code = async (asVersion: '2.8' | '3.9') => {
      await start({ topics: { orders: lone }, asVersion })
      return codeOf(produce(leader, { records: batch('a') }))
    }
    expect([await code('2.8'), await code('3.9')]).toEqual([errorNumber('NOT_ENOUGH_REPLICAS'), 0])
  })
})

describe('consumers', () => {
  beforeEach(async () => {
    await produce(leader, { records: batch('a') })
    broker.pauseReplication('orders')
    clock.advance(10)
    await produce(leader, { acks: 1, records: batch('b', 'c') })
  })

  test('see as far as the high watermark', async () => {
    const { sizeInBytes } = broker.batches('orders', 0)[0]!
    expect(await fetch(0n)).toEqual({ errorCode: 0, highWatermark: 1n, lastStableOffset: 1n, bytes: sizeInBytes })
    expect(await fetch(1n)).toMatchObject({ errorCode: 0, bytes: 0 })
    // In the log, but not to be seen, is not out of range.
    expect(await fetch(2n)).toMatchObject({ errorCode: 0, bytes: 0 })
    expect((await fetch(4n)).errorCode).toBe(errorNumber('OFFSET_OUT_OF_RANGE'))
    broker.resumeReplication()
    expect((await fetch(0n)).bytes).toBeGreaterThan(sizeInBytes)
  })

  test('are told offsets as far as the high watermark, by time too', async () => {
    const second = BigInt(clock.wallTime())
    expect((await offsetAt(-1n)).offset).toBe(1n)
    expect((await offsetAt(second - 10n)).offset).toBe(0n)
    expect((await offsetAt(second)).offset).toBe(-1n)
    expect((await offsetAt(-3n)).offset).toBe(-1n)
    broker.resumeReplication()
    expect([(await offsetAt(-1n)).offset, (await offsetAt(second)).offset, (await offsetAt(-3n)).offset]).toEqual([
      3n,
      1n,
      1n,
    ])
  })

  test('wait for the high watermark, not for the append', async () => {
    const arrived = broker.waitForRequest('Fetch')
    const id = leader.send(apis.fetch.request, 11, fetchBody(1n, { maxWaitMs: 600_000 }))
    await arrived
    await using other = await RawConnection.open(broker)
    await produce(other, { acks: 1, records: batch('d') })
    expect(leader.hasFrame).toBe(false)
    broker.resumeReplication()
    const { records, highWatermark } = (await leader.answer(apis.fetch.response, 11, id)).responses[0]!.partitions[0]!
    expect([highWatermark, readBatchHeader(records as Buffer, 0).baseOffset]).toEqual([4n, 1n])
  })

  test('of a new leader are not told where the end is until its high watermark has reached its first offset', async () => {
    broker.moveLeader('orders', 0, 2)
    await using next = await RawConnection.open(broker, 2)
    const errorAt = async (timestamp: bigint, version?: number) => (await offsetAt(timestamp, version, next)).errorCode
    expect(await errorAt(-1n)).toBe(errorNumber('OFFSET_NOT_AVAILABLE'))
    expect(await errorAt(-1n, 4)).toBe(errorNumber('LEADER_NOT_AVAILABLE'))
    expect(await errorAt(BigInt(clock.wallTime()))).toBe(errorNumber('OFFSET_NOT_AVAILABLE'))
    expect([await errorAt(-2n), await errorAt(0n)]).toEqual([0, 0])
    broker.resumeReplication()
    expect(await offsetAt(-1n, 7, next)).toMatchObject({ errorCode: 0, offset: 3n })
  })
})

describe('a new leader that lacks what was not replicated', () => {
  test('has what was acknowledged with acks=all, and no more; producers are known as the rest of the log knows them', async () => {
    expect(await codeOf(produce(leader, { records: sequenced(0, 2) }))).toBe(0)
    broker.pauseReplication('orders')
    expect(await codeOf(produce(leader, { acks: 1, records: sequenced(2, 3) }))).toBe(0)
    const waiting = await sent({ records: sequenced(5, 1) })
    expect(state()).toMatchObject({ endOffset: 6n, highWatermark: 2n })

    broker.moveLeader('orders', 0, 2, { truncate: true })

    expect(await codeOf(waiting.answer())).toBe(errorNumber('NOT_LEADER_OR_FOLLOWER'))
    expect(values()).toEqual(['s0', 's1'])
    expect(state()).toMatchObject({ leader: 2, leaderEpoch: 1, endOffset: 2n, highWatermark: 2n })
    expect(state().producers).toMatchObject([{ producerId: 7n, batches: [{ baseSequence: 0, lastSequence: 1 }] }])
    broker.resumeReplication()
    await using next = await RawConnection.open(broker, 2)
    // The retry of what was lost is no duplicate, and what comes behind a lost batch is out of order.
    expect(await codeOf(produce(next, { records: sequenced(5, 1) }))).toBe(errorNumber('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    expect(await produce(next, { records: sequenced(0, 2) })).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(await produce(next, { records: sequenced(2, 3) })).toMatchObject({ errorCode: 0, baseOffset: 2n })
    expect(await produce(next, { records: sequenced(5, 1) })).toMatchObject({ errorCode: 0, baseOffset: 5n })
    expect(values()).toEqual(['s0', 's1', 's2', 's3', 's4', 's5'])
    expect(broker.batches('orders', 0).map(({ leaderEpoch }) => leaderEpoch)).toEqual([0, 1, 1])
  })

  test('tells consumers where the old epoch ended, and that what they had seen is all there', async () => {
    await produce(leader, { records: batch('a') })
    broker.pauseReplication('orders')
    await produce(leader, { acks: 1, records: batch('b') })
    broker.moveLeader('orders', 0, 2, { truncate: true })
    await using next = await RawConnection.open(broker, 2)
    const partitions = [{ partition: 0, leaderEpoch: 0 }]
    const answer = await next.call(apis.offsetForLeaderEpoch, 3, { topics: [{ topic: 'orders', partitions }] })
    expect(answer.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, endOffset: 1n })
    expect(await offsetAt(-1n, 7, next)).toMatchObject({ errorCode: 0, offset: 1n })
  })

  test('loses nothing where everything is replicated', async () => {
    await produce(leader, { acks: 1, records: batch('a') })
    broker.moveLeader('orders', 0, 2, { truncate: true })
    expect(values()).toEqual(['a'])
  })

  test('what was on its way is forgotten with the rest, and what comes next is replicated', async () => {
    await start({ replicationDelayMs: 50 })
    await produce(leader, { acks: 1, records: batch('a') })
    clock.advance(40)
    broker.moveLeader('orders', 0, 2, { truncate: true })
    await using next = await RawConnection.open(broker, 2)
    const waiting = await sent({ records: batch('b') }, next)
    clock.advance(10)
    expect(state()).toMatchObject({ endOffset: 1n, highWatermark: 0n })
    clock.advance(40)
    expect(await waiting.answer()).toMatchObject({ errorCode: 0, baseOffset: 0n })
    expect(values()).toEqual(['b'])
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
  await produce(leader, { topic: 'late', acks: 1, records: batch('a') })
  expect(broker.partition('late', 0).highWatermark).toBe(0n)
  broker.resumeReplication()
  expect(broker.partition('late', 0).highWatermark).toBe(1n)
  broker.createTopic('later', { partitions: 1 })
  broker.moveLeader('later', 0, 1)
  expect(await codeOf(produce(leader, { topic: 'later', records: batch('a') }))).toBe(0)
})

test('on disk, what a new leader lacks is gone after a start as well', async () => {
  using folder = dataFolder()
  await start({ dataDir: folder.path })
  await produce(leader, { records: batch('a') })
  broker.pauseReplication('orders')
  await produce(leader, { acks: 1, records: batch('b') })
  broker.moveLeader('orders', 0, 2, { truncate: true })
  await start({ dataDir: folder.path })
  expect(values()).toEqual(['a'])
  expect(state()).toMatchObject({ endOffset: 1n, highWatermark: 1n })
})

test('a schedule pauses and resumes replication, and moves a leader that lacks records', async () => {
  await produce(leader, { records: batch('a') })
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
  await produce(leader, { acks: 1, records: batch('b') })
  await produce(leader, { acks: 1, records: batch('c') })
  expect(await codeOf(produce(leader, { records: batch('d') }))).toBe(errorNumber('NOT_LEADER_OR_FOLLOWER'))
  await loaded.eventsDone
  expect(loaded.failures).toEqual([])
  // `b` was answered before replication was paused.
  expect(values()).toEqual(['a', 'b'])
  await using next = await RawConnection.open(broker, 2)
  expect(await codeOf(produce(next, { records: batch('e') }))).toBe(0)
})
