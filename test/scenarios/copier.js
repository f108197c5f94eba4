// Copies one topic to another exactly once, until it is killed; at SIGTERM it ends in order:
// node copier.js <folder of the built package> <bootstrap servers> <task as JSON>
// It reads with kafkajs and writes with what was built, each record to the same partition. It tells on standard output where it is,
// line by line: `initialized`, `joined <member id>`, and for each transaction `begun`, `sent`, `offsets`, then `aborted`, or `ended` and
// `committed <partition> <next offset>`. After an error that only a new producer can mend: `fatal <code>`, and exit code 3.
import { writeSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'

const [dist = '', bootstrapServers = '', task = ''] = process.argv.slice(2)
const { createProducer } = await import(pathToFileURL(`${dist}/index.js`).href)
const { seededRandom } = await import(pathToFileURL(`${dist}/base/random.js`).href)
const { source, target, groupId, transactionalId, seed, least, most, abortEvery } = JSON.parse(task)
const random = seededRandom(seed)
const tell = (...words) => writeSync(1, `${words.join(' ')}\n`)

class OnPurpose extends Error {}

const producer = createProducer({ bootstrapServers, transactionalId, transactionTimeoutMs: 20_000 })
// First of all: it ends what a killed copier left open, and fences one that hangs. Only then is it certain which offsets the group
// has, and kafkajs does not ask for stable ones (KIP-447).
await producer.initTransactions()
tell('initialized')

const kafka = new Kafka({
  clientId: 'copier',
  brokers: bootstrapServers.split(','),
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 20, retries: 20 },
})
// With an interval of 0 each heartbeat() is one: before a transaction it tells whether this is still a member, and of which generation.
const consumer = kafka.consumer({ groupId, sessionTimeout: 6_000, heartbeatInterval: 0, maxWaitTimeInMs: 50 })
let group = { groupId }
consumer.on('consumer.group_join', ({ payload: { memberId } }) => tell('joined', memberId))
consumer.on('consumer.heartbeat', ({ payload: { memberId, groupGenerationId } }) => {
  group = { groupId, memberId, generationId: groupGenerationId }
})

/** Whatever else a program does while its transaction is open, and before it notes that it is not. */
const work = () => delay(5 + 10 * random())

/** Copies these in a transaction, their offsets too. */
const copy = (partition, messages) =>
  producer.transaction(async transaction => {
    tell('begun')
    await transaction.sendAll(
      messages.map(({ key, value, headers, timestamp }) => {
        return { topic: target, partition, key, value, headers, timestamp: Number(timestamp) }
      }),
    )
    tell('sent')
    await work()
    await transaction.sendOffsets([{ topic: source, partition, offset: nextOffset(messages) }], group)
    tell('offsets')
    await work()
    if (random() * abortEvery < 1) throw new OnPurpose()
  })

const nextOffset = messages => BigInt(messages.at(-1).offset) + 1n

async function eachBatch({ batch: { partition, messages }, resolveOffset, heartbeat, isRunning }) {
  for (let at = 0; at < messages.length && isRunning(); ) {
    await heartbeat()
    const part = messages.slice(at, at + least + Math.floor(random() * (most - least + 1)))
    try {
      await copy(partition, part)
    } catch (error) {
      // Whether the commit of COMMIT_UNKNOWN happened, the next copier finds out: it begins where the group's offsets are.
      if (error.fatal || error.code === 'COMMIT_UNKNOWN') {
        tell('fatal', error.code)
        process.exit(3)
      }
      if (!(error instanceof OnPurpose)) tell('failed', error.code ?? error.stack)
      tell('aborted')
      // The transaction is undone, the consumer is not: back to where the group is.
      consumer.seek({ topic: source, partition, offset: part[0].offset })
      return
    }
    tell('ended')
    await work()
    tell('committed', partition, nextOffset(part))
    resolveOffset(part.at(-1).offset)
    at += part.length
  }
}

consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
  if (restart) return // after a coordinator that was still loading, for instance
  tell('crashed', error.message)
  process.exit(4)
})
process.once('SIGTERM', async () => {
  await consumer.disconnect()
  await producer.close()
})
await consumer.connect()
await consumer.subscribe({ topic: source, fromBeginning: true })
await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch })
