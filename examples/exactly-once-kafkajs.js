// Exactly once, with kafkajs as the consumer: reads a topic, transforms each batch, and writes it to another topic. What is written and
// how far was read are one transaction, so that each record counts once, whatever fails in between.
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { createProducer, KafkaError } from 'ottla'
import { checkOutput, costOf, writeInput } from './strike-costs.js'

const bootstrapServers = process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092'
const { source, target, records } = await writeInput(bootstrapServers)
const groupId = `costs-of-${source}`

// The producer is first: whatever another one of this name has left open, initTransactions ends; an older one that only seemed to be
// gone can write nothing from then on. When it has returned, the group's offsets are settled too: kafkajs would not wait for them.
// For the same reason a transaction must not outlive the membership of a consumer that dies (sessionTimeout).
const startProducer = async () => {
  const started = createProducer({
    bootstrapServers,
    transactionalId: `costs-of-${source}`,
    transactionTimeoutMs: 15_000,
  })
  await started.initTransactions()
  return started
}
let producer = await startProducer()

const kafka = new Kafka({ brokers: bootstrapServers.split(','), logLevel: logLevel.NOTHING })
const admin = kafka.admin()
const consumer = kafka.consumer({
  groupId,
  readUncommitted: false, // nothing of transactions that are open or were aborted
  sessionTimeout: 30_000,
  heartbeatInterval: 0, // each heartbeat() is sent
  maxBytesPerPartition: 128 * 1024, // a batch is a transaction here
  maxWaitTimeInMs: 500,
})

// Brokers refuse the offsets of a member that has lost its partitions to others. kafkajs tells the generation with each heartbeat.
/** @type {import('ottla').ConsumerGroupMetadata} */
let group = { groupId }
consumer.on('consumer.heartbeat', ({ payload: { memberId, groupGenerationId } }) => {
  group = { groupId, memberId, generationId: groupGenerationId }
})

/** How far each partition is done, which ends this example. @type {Map<number, bigint>} */
const done = new Map()
const doneInAll = () => [...done.values()].reduce((sum, offset) => sum + Number(offset), 0)

/** @param {import('kafkajs').EachBatchPayload} payload */
async function eachBatch({ batch: { partition, messages }, heartbeat, resolveOffset, isRunning, isStale }) {
  const [first, last] = [messages[0], messages.at(-1)]
  if (!first || !last || !isRunning() || isStale()) return
  await heartbeat()
  const next = BigInt(last.offset) + 1n
  try {
    await producer.transaction(async transaction => {
      for (const { value } of messages) transaction.send({ topic: target, ...costOf(String(value)) })
      await transaction.sendOffsets([{ topic: source, partition, offset: next }], group)
      await somethingThatFails()
    })
    resolveOffset(last.offset)
    done.set(partition, next)
  } catch (error) {
    console.log(`not committed: ${error}`)
    // The transaction is undone, and the consumer goes back to what is committed, which is where this batch begins.
    let back = first.offset
    if (error instanceof KafkaError && (error.fatal || error.code === 'COMMIT_UNKNOWN')) {
      // This producer can do no more, and a new one clears up. Whether the last commit happened, the group's offsets tell then.
      await producer.close()
      producer = await startProducer()
      back = (await committedOffset(partition)) ?? first.offset
      done.set(partition, BigInt(back))
    }
    consumer.seek({ topic: source, partition, offset: back })
  }
}

/** @param {number} partition */
async function committedOffset(partition) {
  const [found] = await admin.fetchOffsets({ groupId, topics: [source] })
  const offset = found?.partitions.find(each => each.partition === partition)?.offset
  return offset === '-1' ? undefined : offset
}

/** Two mishaps: the third transaction cannot be finished, and during the sixth another process starts under the same name. */
let transactions = 0
async function somethingThatFails() {
  transactions++
  if (transactions === 3) throw new Error('the database is not there')
  // In earnest, PRODUCER_FENCED means that somebody has taken over: unless that was a mistake, the older process should end.
  if (transactions === 6) await (await startProducer()).close()
}

await admin.connect()
await consumer.connect()
await consumer.subscribe({ topic: source, fromBeginning: true })
// Offsets are committed in transactions only, and the consumer moves on when they are.
await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch })
while (doneInAll() < records) await delay(20)
await consumer.disconnect()
await admin.disconnect()
await producer.close()

console.log(`${transactions} transactions begun`)
await checkOutput(bootstrapServers, target)
