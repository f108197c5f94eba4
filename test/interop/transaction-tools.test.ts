import { expect, inject, test } from 'vitest'
import { runTool } from '../../scripts/kafka/java.mjs'
import { type Broker, startBroker } from '../../src/broker/index.ts'

const needsJava = test.skipIf(inject('kafka').kind === 'none')

const run = async (tool: string, args: string[]) => (await runTool(tool, args)).toString()

/** Kafka's Java producer commits a transaction every 200 ms. */
async function produceInTransactions(broker: Broker, transactionalId: string) {
  await run('ProducerPerformance', [
    ...['--topic', 'orders', '--num-records', '2000', '--record-size', '50', '--throughput', '2000'],
    ...['--transactional-id', transactionalId, '--transaction-duration-ms', '200'],
    ...['--bootstrap-server', broker.bootstrapServers],
  ])
}

/** Kafka's own producer and tools against the embedded broker, with both protocols of KIP-890. */
needsJava('the Java producer follows transaction.version, also when it is lowered', async () => {
  await using broker = await startBroker({ brokers: 3, topics: { orders: { partitions: 2 } } })
  await produceInTransactions(broker, 'second')
  expect(broker.requests('EndTxn').every(({ version }) => version >= 5)).toBe(true)
  expect(broker.requestCount('AddPartitionsToTxn')).toBe(0)
  const epochs = broker.requestCount('EndTxn')
  expect(epochs).toBeGreaterThan(2)
  expect(broker.transactions()).toMatchObject([{ id: 'second', state: 'CompleteCommit', producerEpoch: epochs }])

  const server = ['--bootstrap-server', broker.bootstrapServers]
  const features = 'org.apache.kafka.tools.FeatureCommand'
  expect(await run(features, [...server, 'describe'])).toMatch(/transaction\.version.*FinalizedVersionLevel: 2/)
  await run(features, [...server, 'downgrade', '--feature', 'transaction.version=1'])
  broker.clearRequests()
  await produceInTransactions(broker, 'first')
  expect(broker.requests('EndTxn').every(({ version }) => version === 4)).toBe(true)
  expect(broker.requests('AddPartitionsToTxn').length).toBeGreaterThan(2)
  expect(broker.requests('Produce').every(({ version }) => version === 11)).toBe(true)
  expect(broker.transactions().find(({ id }) => id === 'first')).toMatchObject({ producerEpoch: 0 })

  for (const partition of [0, 1]) {
    const { endOffset, lastStableOffset } = broker.partition('orders', partition)
    expect(lastStableOffset).toBe(endOffset)
  }
  expect(broker.records('orders')).toHaveLength(4000)
})

needsJava('kafka-transactions lists and describes, and finds nothing that hangs', async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 1 } } })
  await produceInTransactions(broker, 'tx')
  const tool = (...args: string[]) =>
    run('TransactionsCommand', ['--bootstrap-server', broker.bootstrapServers, ...args])
  expect(await tool('list')).toMatch(/^tx\s+1\s+\d+\s+CompleteCommit/m)
  expect(await tool('describe', '--transactional-id', 'tx')).toMatch(/^1\s+tx\s+\d+\s+\d+\s+CompleteCommit\s+60000/m)
  expect(await tool('describe-producers', '--topic', 'orders', '--partition', '0')).toMatch(
    /^\d+\s+\d+\s+0\s+-1\s+\d+\s+None/m,
  )
  expect(await tool('find-hanging', '--broker-id', '1')).not.toMatch(/orders/)
})

needsJava("Kafka's console consumer reads what was committed, and nothing else", async () => {
  await using broker = await startBroker({ topics: { orders: { partitions: 1 } } })
  await produceInTransactions(broker, 'tx')
  const committed = await run('ConsoleConsumer', [
    ...['--bootstrap-server', broker.bootstrapServers, '--topic', 'orders', '--partition', '0'],
    ...['--offset', 'earliest', '--isolation-level', 'read_committed', '--max-messages', '2000'],
  ])
  expect(committed.trimEnd().split('\n')).toEqual(broker.records('orders').map(({ value }) => value!.toString()))
})
