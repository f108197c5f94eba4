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

interface PartitionAnswer {
  errorCode: number
  index: number
}

/** Changes what three Produce answers say of their partitions. */
function changePartitions(change: (answer: PartitionAnswer) => void): void {
  const changed = (answer: unknown) => {
    for (const { partitionResponses } of (answer as { responses: { partitionResponses: PartitionAnswer[] }[] })
      .responses)
      for (const own of partitionResponses) change(own)
    return answer
  }
  broker.faults.changeAnswer('Produce', changed, { times: 3 })
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
    () =>
      changePartitions(own => {
        own.index += 1000
      }),
  ],
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

test.each([
  [999, /999/],
  [-1, /UNKNOWN_SERVER_ERROR/],
])('the error %i leaves it open whether the record was written', async (errorCode, told) => {
  await producer.send({ topic, partition: 0, value: 'x' })
  changePartitions(own => {
    own.errorCode = errorCode
  })

  const error = await producer.send({ topic, partition: 0, value: 'x' }).then(
    () => undefined,
    reason => reason,
  )

  expect(error).toMatchObject({ outcome: 'unknown' })
  expect(`${error.code} ${error.message} ${error.cause?.message}`).toMatch(told)
  expect(`${error.code} ${error.message}`).not.toMatch(/undefined/)
  expect(broker.records(topic, 0)).toHaveLength(2)
})
