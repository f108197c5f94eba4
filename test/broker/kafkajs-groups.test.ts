import { type Consumer, Kafka, logLevel, type Producer } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'

/** A kafkajs consumer that keeps what it was given. */
class Reader {
  readonly seen: string[] = []
  readonly consumer: Consumer
  /** How often it was told its partitions. */
  generations = 0
  /** How many it has now. */
  partitions = 0
  readonly #waiting = new Set<() => void>()

  constructor(broker: Broker, groupId: string) {
    const kafka = new Kafka({
      clientId: 'kafkajs',
      brokers: broker.bootstrapServers.split(','),
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 10, retries: 20 },
    })
    this.consumer = kafka.consumer({ groupId, sessionTimeout: 30_000, heartbeatInterval: 100, maxWaitTimeInMs: 50 })
    this.consumer.on('consumer.group_join', ({ payload }) => {
      this.generations++
      this.partitions = Object.values(payload.memberAssignment).flat().length
      this.#tell()
    })
  }

  async start(topic: string): Promise<void> {
    await this.consumer.connect()
    await this.consumer.subscribe({ topic, fromBeginning: true })
    await this.consumer.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ partition, message }) => {
        this.seen.push(`${partition}:${message.value}`)
        this.#tell()
      },
    })
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>(resolve => this.#waiting.add(resolve))
  }

  #tell(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

const partitions = [0, 1, 2, 3]
let broker: Broker
let producer: Producer
let readers: Reader[]

beforeEach(async () => {
  broker = await startBroker({ brokers: 3, topics: { orders: { partitions: partitions.length } } })
  producer = new Kafka({ brokers: broker.bootstrapServers.split(','), logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  readers = []
})

afterEach(async () => {
  await Promise.all([...readers.map(({ consumer }) => consumer.disconnect()), producer.disconnect()])
  await broker.close()
})

/** One record to each partition. */
const send = (value: string) =>
  producer.send({ topic: 'orders', messages: partitions.map(partition => ({ partition, value })) })

async function startReaders(count: number): Promise<Reader[]> {
  const started = Array.from({ length: count }, () => new Reader(broker, 'g'))
  readers.push(...started)
  await Promise.all(started.map(reader => reader.start('orders')))
  await Promise.all(started.map(reader => reader.until(() => reader.generations > 0)))
  return started
}

const assigned = () =>
  broker.groups()[0]!.members.map(member => member.assigned!.flatMap(({ partitions }) => partitions).length)

describe('kafkajs consumers', () => {
  test('share the partitions, and each record is read by one of them', async () => {
    const [a, b] = (await startReaders(2)) as [Reader, Reader]
    await Promise.all([a, b].map(reader => reader.until(() => reader.partitions === 2)))
    await send('1')
    await a.until(() => a.seen.length >= 2)
    await b.until(() => b.seen.length >= 2)
    expect([...a.seen, ...b.seen].sort()).toEqual(partitions.map(partition => `${partition}:1`))
    expect(assigned()).toEqual([2, 2])
  })

  test('take over from one that leaves, where it had committed', async () => {
    const [a, b] = (await startReaders(2)) as [Reader, Reader]
    await Promise.all([a, b].map(reader => reader.until(() => reader.partitions === 2)))
    await send('1')
    await a.until(() => a.seen.length >= 2)
    await b.until(() => b.seen.length >= 2)
    await b.consumer.stop()
    await a.until(() => a.partitions === 4)
    await send('2')
    await a.until(() => a.seen.length >= 6)
    expect(a.seen.filter(one => one.endsWith(':2')).sort()).toEqual(partitions.map(partition => `${partition}:2`))
    expect(a.seen).toHaveLength(6)
  })

  test('come back after the coordinator has forgotten them', async () => {
    const [a] = (await startReaders(1)) as [Reader]
    const { generations } = a
    broker.expireSession('g')
    await a.until(() => a.generations > generations)
    await send('1')
    await a.until(() => a.seen.length >= 4)
    expect(broker.groups()).toMatchObject([{ state: 'Stable' }])
  })

  test('resume where the group had committed', async () => {
    const [first] = (await startReaders(1)) as [Reader]
    await send('1')
    await first.until(() => first.seen.length >= 4)
    await first.consumer.disconnect()
    expect(broker.groups()[0]).toMatchObject({ state: 'Empty', offsets: partitions.map(() => ({ offset: 1n })) })
    await send('2')
    const [second] = (await startReaders(1)) as [Reader]
    await second.until(() => second.seen.length >= 4)
    expect(second.seen.sort()).toEqual(partitions.map(partition => `${partition}:2`))
  })

  test('go on with another coordinator when theirs stops', async () => {
    const [a] = (await startReaders(1)) as [Reader]
    await send('1')
    await a.until(() => a.seen.length >= 4)
    const heartbeat = await broker.waitForRequest('Heartbeat')
    const { memberId } = broker.groups()[0]!.members[0]!
    await broker.stop(heartbeat.broker)
    // kafkajs begins anew where its connection fails, so the group waits for its old self until that session ends.
    const joins = await broker.waitForRequest('JoinGroup')
    expect(joins.broker).not.toBe(heartbeat.broker)
    broker.expireSession('g', memberId)
    await send('2')
    await a.until(() => a.seen.length >= 8)
    expect(a.seen.filter(one => one.endsWith(':2')).sort()).toEqual(partitions.map(partition => `${partition}:2`))
  })
})
