import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { createProducer, type Future, type KafkaError, type Producer, type RecordMetadata } from '../../src/index.ts'
import type { BrokerInThread } from '../../src/testing/index.ts'
import { asText, setFault, startBrokerThread } from '../blocking/broker-thread.ts'

/** `OTTLA_SEED=42 npx vitest run test/simulation/hand-over` repeats one run; `OTTLA_RUNS` sets how many. */
const runs = Number(process.env.OTTLA_RUNS ?? 1_000)
const only = process.env.OTTLA_SEED
/** A producer remembers every topic it wrote to, and asks for all of them at each refresh. */
const runsPerProducer = 50

let broker: BrokerInThread

beforeAll(async () => {
  broker = await startBrokerThread({ brokers: 3 })
})
afterAll(() => broker.close())

interface Sent {
  readonly id: number
  readonly partition: number
  settled: number
  error?: KafkaError | undefined
  metadata?: RecordMetadata | undefined
}

const upTo = (random: Random, limit: number) => Math.floor(random() * limit)
const oneOf = <T>(random: Random, items: readonly T[]): T => items[upTo(random, items.length)]!

/**
 * What goes wrong. `skip` lets requests of the partition pass, whoever sent them: so each of these strikes now the answer to this
 * thread's own connection, now the courier's, now both.
 */
type Trouble = (topic: string, partition: number, random: Random) => Promise<string>
const troubles: readonly Trouble[] = [
  async (topic, partition, random) => {
    const skip = upTo(random, 5)
    await broker.faults.loseAnswerAfterAppend('Produce', { topic, partition, skip })
    return `lose(${partition}, skip ${skip})`
  },
  async (topic, partition, random) => {
    // Longer than the courier needs: the first answer comes when the second has settled the batch.
    const [ms, skip] = [5 + upTo(random, 40), upTo(random, 3)]
    await broker.faults.delay('Produce', ms, { topic, partition, skip, phase: 'after' })
    return `late answer(${partition}, ${ms} ms, skip ${skip})`
  },
  async (topic, partition, random) => {
    // Not even appended when the courier's copy comes: then that one is the first, and this the copy.
    const [ms, skip] = [5 + upTo(random, 40), upTo(random, 3)]
    await broker.faults.delay('Produce', ms, { topic, partition, skip, phase: 'before' })
    return `late append(${partition}, ${ms} ms, skip ${skip})`
  },
  async (topic, partition, random) => {
    const [first, second] = [upTo(random, 3), upTo(random, 3)]
    await broker.faults.loseAnswerAfterAppend('Produce', { topic, partition, skip: first })
    await broker.faults.loseAnswerAfterAppend('Produce', { topic, partition, skip: second })
    return `lose both(${partition}, skip ${first} and ${second})`
  },
  async (topic, partition, random) => {
    const skip = upTo(random, 4)
    await broker.faults.closeBefore('Produce', { topic, partition, skip, reset: random() < 0.5 })
    return `close(${partition}, skip ${skip})`
  },
  async (topic, partition, random) => {
    const error = oneOf(random, ['NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'REQUEST_TIMED_OUT'])
    const method = error === 'NOT_ENOUGH_REPLICAS' ? 'failBefore' : 'failAfter'
    await setFault(broker, method, 'Produce', error, { topic, partition, skip: upTo(random, 4) })
    return `${method}(${partition}, ${error})`
  },
  async (topic, partition, random) => {
    const leader = 1 + upTo(random, 3)
    // Nothing where the topic is gone by then.
    broker.later(upTo(random, 12), 'moveLeader', topic, partition, leader).catch(() => {})
    return `move(${partition} to ${leader})`
  },
]

async function run(producer: Producer, seed: number) {
  const random = seededRandom(seed)
  const topic = `hand-over-${seed}`
  const partitions = 1 + upTo(random, 2)
  await broker.createTopic(topic, { partitions })
  // Known before, so that what is sent first is on the wire when the thread is blocked for the first time.
  await producer.partitionsFor(topic)
  const faults: string[] = []
  for (let count = 1 + upTo(random, 4); count > 0; count--)
    faults.push(await oneOf(random, troubles)(topic, upTo(random, partitions), random))

  const sends: Sent[] = []
  const futures: Future<RecordMetadata>[] = []
  let blocked = 0
  const count = 15 + upTo(random, 40)
  for (let id = 0; id < count; id++) {
    const sent: Sent = { id, partition: upTo(random, partitions), settled: 0 }
    sends.push(sent)
    const settled = (error: KafkaError | null, metadata?: RecordMetadata) => {
      sent.settled++
      if (error) sent.error = error
      else sent.metadata = metadata
    }
    const record = { topic, partition: sent.partition, value: `${id}:${'x'.repeat(upTo(random, 40))}` }
    const how = random()
    if (how < 0.4) producer.send(record, settled)
    else {
      const future = producer.send(record)
      futures.push(future)
      if (how < 0.75) void future.then(metadata => settled(null, metadata), settled)
      else
        try {
          blocked++
          settled(null, future.get({ timeoutMs: 25_000 }))
        } catch (error) {
          settled(error as KafkaError)
        }
    }
    // A thread that turns lets its own connections send and be answered; one that blocks takes their batches away.
    if (random() < 0.25) await new Promise(setImmediate)
    if (random() < 0.05) await new Promise(resolve => setTimeout(resolve, 2))
    if (random() < 0.05 && futures.length > 0) oneOf(random, futures).get({ timeoutMs: 25_000 })
  }
  if (random() < 0.5) producer.flush().get({ timeoutMs: 25_000 })
  await producer.flush({ timeoutMs: 25_000 })
  await new Promise(setImmediate)
  // Late answers and late appends come now, if they come.
  if (faults.some(fault => fault.startsWith('late'))) await new Promise(resolve => setTimeout(resolve, 45))
  sends.push({
    id: count,
    partition: 0,
    settled: 1,
    metadata: await producer.send({ topic, partition: 0, value: `${count}:` }),
  })

  const violations = await violationsOf(topic, partitions, sends)
  await broker.faults.clear()
  await broker.clearRequests()
  await broker.deleteTopic(topic)
  return { seed, blocked, faults, violations }
}

async function violationsOf(topic: string, partitions: number, sends: readonly Sent[]): Promise<string[]> {
  const violations: string[] = []
  for (const { id, settled, error } of sends) {
    if (settled !== 1) violations.push(`record ${id} settled ${settled} times`)
    if (error) violations.push(`record ${id} was not acknowledged: ${error.message}`)
  }
  for (let partition = 0; partition < partitions; partition++) {
    const log = asText(await broker.records(topic, partition))
    const ids = log.map(({ value }) => Number.parseInt(value!, 10))
    const due = sends.filter(sent => sent.partition === partition).map(({ id }) => id)
    // In the order of the calls, each once, none missing.
    if (ids.join() !== due.join())
      violations.push(`partition ${partition} has ${ids.join()} where ${due.join()} were sent`)
    for (const { id, metadata } of sends.filter(sent => sent.partition === partition))
      if (metadata?.hasOffset && ids[Number(metadata.offset)] !== id)
        violations.push(`record ${id} is not at the offset it was told: ${metadata.offset}`)
  }
  return violations
}

test('the thread is blocked again and again while answers are lost or late, of its own connections and of the courier: nothing doubled, reordered or lost', {
  timeout: 600_000,
}, async () => {
  const seeds = only === undefined ? Array.from({ length: runs }, (_, index) => index + 1) : [Number(only)]
  const bad: Awaited<ReturnType<typeof run>>[] = []
  let blocked = 0
  let handedOver = 0
  while (seeds.length > 0 && bad.length < 3) {
    await using producer = createProducer({
      bootstrapServers: broker.bootstrapServers,
      batchSize: 200,
      lingerMs: 1,
      retryBackoffMs: 1,
      retryBackoffMaxMs: 4,
      reconnectBackoffMs: 1,
      reconnectBackoffMaxMs: 4,
      requestTimeoutMs: 2_000,
      deliveryTimeoutMs: 20_000,
    })
    for (const seed of seeds.splice(0, runsPerProducer)) {
      const result = await run(producer, seed)
      blocked += result.blocked
      if (result.violations.length > 0) bad.push(result)
    }
    handedOver += producer.metrics()['record-retry-total']!
  }
  expect(bad).toEqual([])
  // Without any of these it would prove nothing.
  expect(blocked).toBeGreaterThan(0)
  if (only === undefined) expect(handedOver).toBeGreaterThan(runs)
})
