// Exactly once, with @platformatic/kafka as the consumer: reads a topic, transforms batches of it, and writes them to another topic. What
// is written and how far was read are one transaction, so that each record counts once, whatever fails in between.
// One thing to know: this consumer (seen in 1.35.0) also gives out records of aborted transactions where one fetch brings several of the
// same producer. Where others write to the source in transactions, and abort some, read it with another consumer.
import { once } from 'node:events'
import { Admin, Consumer, FetchIsolationLevels, stringDeserializers } from '@platformatic/kafka'
import { createProducer, KafkaError } from 'ottla'
import { checkOutput, costOf, writeInput } from './strike-costs.js'

const BATCH = 500
const bootstrapServers = process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092'
const { source, target, records } = await writeInput(bootstrapServers)
const groupId = `costs-of-${source}`

// The producer is first: whatever another one of this name has left open, initTransactions ends; an older one that only seemed to be
// gone can write nothing from then on.
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

const client = { clientId: 'costs', bootstrapBrokers: bootstrapServers.split(',') }
const admin = new Admin({ ...client, retries: 100, retryDelay: 100 })
const consumer = new Consumer({
  ...client,
  groupId,
  deserializers: stringDeserializers,
  autocommit: false, // offsets are committed in transactions only
  isolationLevel: FetchIsolationLevels.READ_COMMITTED, // nothing of transactions that are open or were aborted
  maxWaitTime: 100,
})

/** How far each partition is done, which ends this example. @type {Map<number, bigint>} */
const done = new Map()
const isDone = () => [...done.values()].reduce((sum, offset) => sum + Number(offset), 0) >= records

/** @typedef {import('@platformatic/kafka').Message<string, string, string, string>} Message */

/** What has come, at most a batch of it. @param {import('node:stream').Readable} stream @returns {Promise<Message[]>} */
async function nextBatch(stream) {
  /** @type {Message[]} */
  const messages = []
  while (messages.length < BATCH) {
    const message = stream.read()
    if (message !== null) messages.push(message)
    else if (messages.length > 0) break
    else await once(stream, 'readable')
  }
  return messages
}

/** @param {Message[]} messages @param {import('ottla').ConsumerGroupMetadata} group */
async function copy(messages, group) {
  /** The next of each partition. @type {Map<number, bigint>} */
  const next = new Map(messages.map(({ partition, offset }) => [partition, offset + 1n]))
  await producer.transaction(async transaction => {
    for (const { value } of messages) transaction.send({ topic: target, ...costOf(value) })
    const offsets = [...next].map(([partition, offset]) => ({ topic: source, partition, offset }))
    await transaction.sendOffsets(offsets, group)
    await somethingThatFails()
  })
  for (const [partition, offset] of next) done.set(partition, offset)
}

/** Two mishaps: the third transaction cannot be finished, and during the sixth another process starts under the same name. */
let transactions = 0
async function somethingThatFails() {
  transactions++
  if (transactions === 3) throw new Error('the database is not there')
  // In earnest, PRODUCER_FENCED means that somebody has taken over: unless that was a mistake, the older process should end.
  if (transactions === 6) await (await startProducer()).close()
}

consumer.topics.track(source)
await consumer.joinGroup()
while (!isDone()) {
  // A stream begins where the group's offsets are, and belongs to one generation of it: after an abort, which leaves a stream ahead of
  // the group, and when partitions have been given out anew there is another one. First, no offset may be in doubt (KIP-447).
  await admin.listConsumerGroupOffsets({ groups: [groupId], requireStable: true })
  const { generationId, memberId } = consumer
  const stream = await consumer.consume({ topics: [source], mode: 'committed', fallbackMode: 'earliest' })
  try {
    // Brokers refuse the offsets of a member or generation that has been replaced meanwhile.
    while (!isDone() && consumer.generationId === generationId)
      await copy(await nextBatch(stream), { groupId, generationId, memberId: memberId ?? '' })
  } catch (error) {
    console.log(`not committed: ${error}`)
    // This producer can do no more, or the answer to a commit was lost. A new one clears up; then the group's offsets tell what happened.
    if (error instanceof KafkaError && (error.fatal || error.code === 'COMMIT_UNKNOWN')) {
      await producer.close()
      producer = await startProducer()
    }
  } finally {
    await stream.close()
  }
}
await consumer.close()
await admin.close()
await producer.close()

console.log(`${transactions} transactions begun`)
await checkOutput(bootstrapServers, target)
