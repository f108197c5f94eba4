// What it costs to read metrics() every second: one producer in one process, which in every other turn reads all of it, at the beginning and
// then every second. By turns, so that what disturbs the machine strikes both; in one process, since two that do the same differ by
// several percent for as long as they live. Trust the ratios, not the figures.
//
//   npm run build && node benchmarks/metrics-cost.mjs [--records 5000000] [--rounds 15] [--topics 10]

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { callbacks } from './peers/loops.mjs'
import { payloads } from './peers/payloads.mjs'

const { values: given } = parseArgs({
  options: {
    records: { type: 'string', default: '5000000' },
    rounds: { type: 'string', default: '15' },
    topics: { type: 'string', default: '10' },
    port: { type: 'string' },
  },
})
const records = Number(given.records)

if (given.port === undefined) await compare()
else await beContender()

/** Sends a turn whenever it is told to, and tells what it took. */
async function beContender() {
  const { createProducer } = await import('../dist/index.js')
  const producer = createProducer({ bootstrapServers: `127.0.0.1:${given.port}` })
  const topics = Array.from({ length: Number(given.topics) }, (_, index) => `benchmark-${index}`)
  const values = payloads({ count: 10_000, bytes: 100, seed: 1 })
  const sent = values.map((value, index) => ({ topic: topics[index % topics.length], value }))
  const client = {
    sendWithCallback: ({ topic, value }, callback) => producer.send({ topic, value }, callback),
    hasRoom: () => producer.hasRoom,
    room: () => producer.room(),
    flush: () => producer.flush(),
  }
  let reads = 0
  let readMs = 0
  const read = () => {
    const startedAt = performance.now()
    // Looked at one by one, as an exporter would.
    let sum = 0
    for (const { value } of producer.metrics()) if (typeof value === 'number' && value > 0) sum += value
    if (sum === 0) throw new Error('nothing was measured')
    readMs += performance.now() - startedAt
    reads++
  }
  await producer.send({ topic: topics[0], value: 'first' })
  process.on('message', async ({ isRead }) => {
    reads = readMs = 0
    const timer = isRead ? setInterval(read, 1000) : undefined
    const before = process.cpuUsage()
    const startedAt = performance.now()
    if (isRead) read()
    await callbacks(client, sent, records, {})
    const elapsedMs = performance.now() - startedAt
    const { user, system } = process.cpuUsage(before)
    clearInterval(timer)
    process.send({ elapsedMs, cpuMicros: user + system, reads, readMs })
  })
  process.send('ready')
}

async function compare() {
  const args = ['--partitions', '6']
  const broker = fork(fileURLToPath(new URL('ack-only-broker.mjs', import.meta.url)), args)
  const [{ port }] = await once(broker, 'message')
  const settings = ['--port', String(port), '--records', given.records, '--topics', given.topics]
  const child = fork(fileURLToPath(import.meta.url), settings)
  await once(child, 'message')
  const contenders = [
    { name: 'never', isRead: false, turns: [] },
    { name: 'every second', isRead: true, turns: [] },
  ]
  const warmRounds = 2
  const rounds = Number(given.rounds)
  for (let round = -warmRounds; round < rounds; round++) {
    const inTurn = round % 2 === 0 ? contenders : contenders.toReversed()
    for (const { isRead, turns } of inTurn) {
      child.send({ isRead })
      const [turn] = await once(child, 'message')
      if (round >= 0) turns.push(turn)
    }
  }
  child.kill()
  broker.kill()

  const median = values => values.toSorted((a, b) => a - b)[values.length >> 1]
  console.log(`${records} records of 100 bytes a turn to ${given.topics} topics, ${rounds} rounds, by turns\n`)
  console.log(
    '| metrics() read | records/s median | µs CPU/record median | reads/s | ms/read |\n| --- | --- | --- | --- | --- |',
  )
  for (const { name, turns } of contenders) {
    const perSecond = median(turns.map(({ elapsedMs }) => (1000 * records) / elapsedMs))
    const cpu = median(turns.map(({ cpuMicros }) => cpuMicros / records))
    const [reads, readMs, elapsedMs] = ['reads', 'readMs', 'elapsedMs'].map(key =>
      turns.reduce((sum, turn) => sum + turn[key], 0),
    )
    const ofReads =
      reads === 0 ? '– | –' : `${((1000 * reads) / elapsedMs).toFixed(2)} | ${(readMs / reads).toFixed(3)}`
    console.log(`| ${name} | ${Math.round(perSecond).toLocaleString('en')} | ${cpu.toFixed(3)} | ${ofReads} |`)
  }
  const [never, reading] = contenders
  const ratios = never.turns
    .map(({ elapsedMs }, round) => elapsedMs / reading.turns[round].elapsedMs)
    .toSorted((a, b) => a - b)
  const all = [ratios[0], median(ratios), ratios.at(-1)].map(ratio => ratio.toFixed(3)).join(' / ')
  console.log(`\nthroughput read every second / never read, by round: ${all} (min / median / max)`)
}
