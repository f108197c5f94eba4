// `npm start`: sends a real data set to Kafka in five ways, compares them, and reads it back.
// With KAFKA_BOOTSTRAP=host:port it does so on that cluster, else on the embedded broker.
import { spawnSync } from 'node:child_process'
import { createProducer, KafkaError } from 'ottla'
import { startBrokerInThread } from 'ottla/testing'
import { birdstrikes } from './birdstrikes.js'
import { chart, grouped } from './chart.js'

const TOPIC = 'birdstrikes'
const PARTITIONS = 6
const SHOWN = 5
/** One by one takes a round trip each, and a cluster may be far away. */
const ONE_BY_ONE_MS = 5_000
const ONE_BY_ONE_RECORDS = 2_000

/** @typedef {{ name: string, sent: number, acknowledged: number, elapsedMs: number, latencies: number[] | null }} Result */
/** @typedef {{ topic: string, key: string, value: string }} Event */

const started = Date.now()
const cluster = process.env.KAFKA_BOOTSTRAP
// In a thread of its own: the last form blocks this one.
const broker = cluster
  ? null
  : await startBrokerInThread({ topics: { [TOPIC]: { partitions: PARTITIONS } } }).catch(cannotStart)
const bootstrapServers = cluster || (broker?.bootstrapServers ?? '')
const producer = createProducer({ bootstrapServers, clientId: 'ottla-demo' })

/** What nobody waited for and was not delivered: counted here, never lost in silence. */
let undelivered = 0
producer.on('undelivered', ({ error }) => {
  if (undelivered++ === 0) console.error(`undelivered: ${error.message}`)
})

try {
  await producer.connect({ timeoutMs: 10_000 })
  process.exitCode = await demo()
} catch (error) {
  if (!(error instanceof KafkaError)) throw error
  console.error(`${bootstrapServers}: ${error.message} (${error.code})`)
  process.exitCode = 1
} finally {
  await producer.close({ timeoutMs: 5_000 })
  await broker?.close()
}

/** @param {Error} error @returns {never} */
function cannotStart(error) {
  console.error(`the embedded broker cannot start: ${error.message}`)
  process.exit(1)
}

async function demo() {
  const data = birdstrikes()
  /** @type {Event[]} */
  const events = data.map(({ key, value }) => ({ topic: TOPIC, key, value }))

  console.log(
    `Kafka at ${bootstrapServers}${broker ? ' (the embedded broker; KAFKA_BOOTSTRAP=host:port takes yours)' : ''}`,
  )
  const partitions = await producer.partitionsFor(TOPIC)
  console.log(
    `Topic ${TOPIC}, ${partitions.length} partitions. ${grouped(data.length)} wildlife strikes, keyed by state.\n`,
  )

  // So that the first form does not pay alone for compiling the code.
  await producer.sendAll(events)

  const first = await asynchronous(events)
  const results = [
    first.result,
    await callbacks(events),
    await fireAndForget(events),
    await oneByOne(events),
    blockingOneByOne(events),
  ]
  console.log(chart(results))

  console.log('\nWhere the first records landed:')
  for (const [index, metadata] of first.landed.entries()) {
    const key = data[index]?.key ?? ''
    console.log(`  ${key.padEnd(14)} -> ${metadata.topic}-${metadata.partition} at offset ${metadata.offset}`)
  }

  const acknowledged = data.length + results.reduce((sum, result) => sum + result.acknowledged, 0)
  const sent = data.length + results.reduce((sum, result) => sum + result.sent, 0)
  const times = results.map(result => result.sent)
  const readBack = broker
    ? compare(await broker.records(TOPIC), events, [data.length, ...times])
    : readWithKcat(first.landed, data)
  console.log(
    `\n${grouped(acknowledged)} of ${grouped(sent)} acknowledged in ${((Date.now() - started) / 1000).toFixed(1)} s.`,
  )
  return acknowledged === sent && undelivered === 0 && readBack ? 0 : 1
}

/** Asynchronous: a future per record, thousands of them under way, each awaited. @param {Event[]} events */
async function asynchronous(events) {
  const startedMs = performance.now()
  /** @type {number[]} */
  const latencies = []
  const futures = []
  for (const event of events) {
    const sentMs = performance.now()
    const future = producer.send(event)
    futures.push(
      future.then(metadata => {
        latencies.push(performance.now() - sentMs)
        return metadata
      }),
    )
    if (!producer.hasRoom) await producer.room()
  }
  const settled = await Promise.allSettled(futures)
  const metadata = settled.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const elapsedMs = performance.now() - startedMs
  return {
    landed: metadata.slice(0, SHOWN),
    result: { name: 'futures, all awaited', sent: events.length, acknowledged: metadata.length, elapsedMs, latencies },
  }
}

/** By callback: no future is made. @param {Event[]} events @returns {Promise<Result>} */
async function callbacks(events) {
  const startedMs = performance.now()
  /** @type {number[]} */
  const latencies = []
  for (const event of events) {
    const sentMs = performance.now()
    producer.send(event, error => {
      if (error) console.error(`${event.key}: ${error.code} (${error.outcome})`)
      else latencies.push(performance.now() - sentMs)
    })
    if (!producer.hasRoom) await producer.room()
  }
  await producer.flush()
  const elapsedMs = performance.now() - startedMs
  return { name: 'callbacks', sent: events.length, acknowledged: latencies.length, elapsedMs, latencies }
}

/** Fire and forget: nobody looks; `flush` waits for all, and failures arrive as `undelivered`. @param {Event[]} events @returns {Promise<Result>} */
async function fireAndForget(events) {
  const startedMs = performance.now()
  const before = undelivered
  for (const event of events) {
    producer.send(event)
    if (!producer.hasRoom) await producer.room()
  }
  await producer.flush()
  const elapsedMs = performance.now() - startedMs
  const acknowledged = events.length - (undelivered - before)
  return { name: 'fire and forget', sent: events.length, acknowledged, elapsedMs, latencies: null }
}

/** Awaited one by one: each waits for the acknowledgement of the one before. @param {Event[]} events @returns {Promise<Result>} */
async function oneByOne(events) {
  const startedMs = performance.now()
  /** @type {number[]} */
  const latencies = []
  let sent = 0
  for (const event of events.slice(0, ONE_BY_ONE_RECORDS)) {
    const sentMs = performance.now()
    if (sentMs - startedMs > ONE_BY_ONE_MS) break
    sent++
    try {
      await producer.send(event)
      latencies.push(performance.now() - sentMs)
    } catch (error) {
      console.error(`${event.key}: ${error instanceof Error ? error.message : error}`)
    }
  }
  const elapsedMs = performance.now() - startedMs
  return { name: 'awaited one by one', sent, acknowledged: latencies.length, elapsedMs, latencies }
}

/** Blocking, one by one: the thread stands still until each is acknowledged, so there is nothing to await. @param {Event[]} events @returns {Result} */
function blockingOneByOne(events) {
  // So that the first record does not pay alone for the connections that work while this thread is blocked.
  producer.connect().get({ timeoutMs: 10_000 })
  const startedMs = performance.now()
  /** @type {number[]} */
  const latencies = []
  let sent = 0
  for (const event of events.slice(0, ONE_BY_ONE_RECORDS)) {
    const sentMs = performance.now()
    if (sentMs - startedMs > ONE_BY_ONE_MS) break
    sent++
    try {
      producer.send(event).get()
      latencies.push(performance.now() - sentMs)
    } catch (error) {
      console.error(`${event.key}: ${error instanceof Error ? error.message : error}`)
    }
  }
  const elapsedMs = performance.now() - startedMs
  return { name: 'blocking one by one', sent, acknowledged: latencies.length, elapsedMs, latencies }
}

/**
 * Compares what the broker has stored with what was sent: each event's bytes, as often as they were sent.
 *
 * @param {import('ottla/broker').StoredRecord[]} stored
 * @param {Event[]} events
 * @param {number[]} rounds how many of the events each round has sent, from the first
 */
function compare(stored, events, rounds) {
  /** @type {Map<string, number>} */
  const expected = new Map()
  for (const sent of rounds) {
    for (const { key, value } of events.slice(0, sent)) {
      expected.set(`${key}\n${value}`, (expected.get(`${key}\n${value}`) ?? 0) + 1)
    }
  }
  let equal = 0
  for (const { key, value } of stored) {
    const left = expected.get(`${key}\n${value}`) ?? 0
    if (left > 0) equal++
    expected.set(`${key}\n${value}`, left - 1)
  }
  console.log(
    `\nRead back from the broker: ${grouped(stored.length)} records, ${grouped(equal)} as they were sent. The first:`,
  )
  const { partition = 0, offset = 0n, key, value } = stored[0] ?? {}
  console.log(`  ${TOPIC}-${partition} at offset ${offset}: ${key} ${value?.toString().slice(0, 80)}...`)
  return [...expected.values()].every(left => left === 0)
}

/**
 * Reads the first records back with kcat, where it is installed.
 *
 * @param {import('ottla').RecordMetadata[]} landed
 * @param {{ key: string, value: string }[]} data
 */
function readWithKcat(landed, data) {
  if (spawnSync('kcat', ['-V']).error) {
    console.log(
      `\nkcat is not installed; to read back:\n  kafka-console-consumer --bootstrap-server ${bootstrapServers} --topic ${TOPIC} --from-beginning`,
    )
    return true
  }
  console.log('\nRead back with kcat:')
  let equal = 0
  for (const [index, { partition, offset }] of landed.entries()) {
    const where = ['-t', TOPIC, '-p', String(partition), '-o', String(offset)]
    const { stdout } = spawnSync('kcat', ['-C', '-q', '-b', bootstrapServers, ...where, '-c', '1', '-f', '%k\\n%s'], {
      timeout: 10_000,
    })
    const same = stdout.toString() === `${data[index]?.key}\n${data[index]?.value}`
    if (same) equal++
    console.log(
      `  ${TOPIC}-${partition} at ${offset}: ${same ? 'as sent' : 'NOT as sent'}: ${stdout.toString().slice(0, 70).replace('\n', ' ')}...`,
    )
  }
  return equal === landed.length
}
