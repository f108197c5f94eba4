import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type Producer } from '../../src/index.ts'
import { SendLedger } from './send-ledger.ts'

const topic = 'readings'
let broker: Broker
let producer: Producer

beforeEach(async () => {
  broker = await startBroker({ brokers: 3, topics: { [topic]: { partitions: 3 } } })
  producer = createProducer({
    bootstrapServers: broker.bootstrapServers,
    batchSize: 500,
    requestTimeoutMs: 500,
    deliveryTimeoutMs: 10_000,
  })
})

afterEach(async () => {
  await producer.close({ timeoutMs: 0 })
  await broker.close()
})

interface ProduceAnswer {
  responses: { partitionResponses: { errorCode: number; index: number }[] }[]
}

/** Changes what a Produce answer says of its partitions. */
function changePartitions(
  change: (answers: ProduceAnswer['responses'][0]['partitionResponses']) => unknown,
  times = 3,
) {
  broker.faults.changeAnswer(
    'Produce',
    answer => {
      for (const response of (answer as ProduceAnswer).responses) change(response.partitionResponses)
      return answer
    },
    { times },
  )
}

const damages: [what: string, damage: () => void][] = [
  ['a wrong correlation id', () => broker.faults.wrongCorrelationId('Produce', { times: 3 })],
  ['the answer of another request', () => broker.faults.wrongCorrelationId('Produce', { times: 3, add: -1 })],
  ...[0, 2, 4, 7, 8, 9, 20].map((bytes): [string, () => void] => [
    `an answer cut off after ${bytes} bytes`,
    () => broker.faults.truncateAnswer('Produce', bytes, { times: 3 }),
  ]),
  ['random bytes', () => broker.faults.garbage('Produce', { times: 5 })],
  ['a partition left out', () => broker.faults.omitPartition('Produce', { times: 3 })],
  ['a partition twice', () => broker.faults.duplicatePartition('Produce', { times: 3 })],
  [
    'a partition that was not asked for',
    () => changePartitions(answers => answers.forEach(own => (own.index += 1000))),
  ],
  ['the error −1', () => changePartitions(answers => answers.forEach(own => (own.errorCode = -1)))],
]

test.each(damages)(
  '%s in the answers: each record is in the log once, in order, and acknowledged',
  async (_, damage) => {
    const ledger = new SendLedger(producer, topic)
    ledger.send(30)
    await ledger.allSettled()

    damage()
    ledger.send(600)
    await ledger.allSettled()

    expect(broker.faults.remaining).toBe(0)
    expect(ledger.violations(broker.records(topic), 13_000)).toEqual([])
    expect(ledger.codes).toEqual([])
  },
)

test('an error code that nobody knows is unknown, and told by its number', async () => {
  await producer.send({ topic, partition: 0, value: 'x' })
  changePartitions(answers => answers.forEach(own => (own.errorCode = 999)), Number.POSITIVE_INFINITY)

  const error = await producer.send({ topic, partition: 0, value: 'x' }).then(
    () => undefined,
    reason => reason,
  )

  expect(error).toMatchObject({ outcome: 'unknown' })
  expect(`${error.message} ${error.cause?.message}`).toMatch(/999/)
  expect(`${error.code} ${error.message}`).not.toMatch(/undefined/)
})
