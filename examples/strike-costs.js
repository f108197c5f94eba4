// What the two exactly-once examples share: an input topic, what becomes of its records, and whether that came out right.
import { Kafka, logLevel } from 'kafkajs'
import { createProducer } from 'ottla'
import { birdstrikes } from './birdstrikes.js'

const PARTITIONS = 4
const THE_END = 'the end'

/** Makes two topics that are new, and writes a strike into the first for each line of the data set. @param {string} bootstrapServers */
export async function writeInput(bootstrapServers) {
  const run = Date.now().toString(36)
  const [source, target] = [`strikes-${run}`, `strike-costs-${run}`]
  const admin = kafkaAt(bootstrapServers).admin()
  await admin.connect()
  await admin.createTopics({ topics: [source, target].map(topic => ({ topic, numPartitions: PARTITIONS })) })
  await admin.disconnect()
  const producer = createProducer({ bootstrapServers })
  await producer.sendAll(birdstrikes().map(({ key, value }) => ({ topic: source, key, value })))
  await producer.close()
  return { source, target, records: birdstrikes().length }
}

/** A strike as it is written, from a strike as it was read. @param {string} strike */
export function costOf(strike) {
  const { 'Wildlife Species': species, 'Cost Total $': cost, ...rest } = JSON.parse(strike)
  return { key: String(species), value: JSON.stringify({ cost: Number(cost), date: rest['Flight Date'] }) }
}

/** Reads the output with kafkajs, and compares it with the input: each strike once? @param {string} bootstrapServers @param {string} target */
export async function checkOutput(bootstrapServers, target) {
  const producer = createProducer({ bootstrapServers })
  // How many committed records a topic has, no offset tells. So each partition gets a last one.
  for (let partition = 0; partition < PARTITIONS; partition++)
    await producer.send({ topic: target, partition, value: THE_END })
  await producer.close()

  /** @type {Map<string, number>} */
  const left = new Map()
  const count = (/** @type {string} */ record, /** @type {number} */ more) =>
    left.set(record, (left.get(record) ?? 0) + more)
  for (const { key, value } of birdstrikes().map(({ value }) => costOf(value))) count(`${key}\n${value}`, 1)
  const consumer = kafkaAt(bootstrapServers).consumer({ groupId: `check-${target}`, maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic: target, fromBeginning: true })
  let read = 0
  await new Promise(resolve => {
    let ends = 0
    const eachMessage = async (/** @type {import('kafkajs').EachMessagePayload} */ { message: { key, value } }) => {
      if (String(value) === THE_END) {
        if (++ends === PARTITIONS) resolve(undefined)
        return
      }
      read++
      count(`${key}\n${value}`, -1)
    }
    consumer.run({ autoCommit: false, eachMessage })
  })
  await consumer.disconnect()
  const wrong = [...left.values()].filter(each => each !== 0).length
  console.log(`${read} records in ${target}, ${wrong} missing or more than once`)
  if (wrong > 0) process.exitCode = 1
}

/** @param {string} bootstrapServers */
const kafkaAt = bootstrapServers => new Kafka({ brokers: bootstrapServers.split(','), logLevel: logLevel.NOTHING })
