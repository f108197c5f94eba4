// A process that sends without ever waiting, to a broker that hangs, and tells its memory. Started by memory.test.ts and by
// scripts/prove/memory.mjs with --expose-gc: node never-waits.js <folder of the built package> <turns|one-turn|give-up> <records> <value bytes>
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const [dist = '', mode = '', records = '', valueBytes = ''] = process.argv.slice(2)
const load = file => import(pathToFileURL(`${dist}/${file}`).href)
const { createProducer } = await load('index.js')
const { startBroker } = await load('broker/index.js')

const topic = 'readings'
const bufferMemory = 16 * 2 ** 20
const broker = await startBroker({ topics: { [topic]: { partitions: 6 } } })
// 'give-up': those who wait for memory give up soon, those who have it do not.
const maxBlockMs = mode === 'give-up' ? 100 : 60_000
const producer = createProducer({
  bootstrapServers: broker.bootstrapServers,
  bufferMemory,
  maxBlockMs,
  requestTimeoutMs: 1000,
})
// Everything is compiled, connected and warm before the baseline is taken.
for (let round = 0; round < 20; round++) {
  for (let i = 0; i < 500; i++) producer.send({ topic, value: 'warm' }).catch(() => {})
  await producer.flush()
}
broker.clearRequests()
const logged = broker.records(topic).length

const rss = () => process.memoryUsage().rss
globalThis.gc()
const baseline = rss()
broker.pause(1)

const value = 'v'.repeat(Number(valueBytes))
const outcomes = { acknowledged: 0 }
const told = error => {
  const what = error ? `${error.code} ${error.outcome}` : 'acknowledged'
  outcomes[what] = (outcomes[what] ?? 0) + 1
}
let peak = 0
for (let sent = 0; sent < Number(records); sent++) {
  producer.send({ topic, value }, told)
  if (sent % 1000 !== 999) continue
  peak = Math.max(peak, rss())
  if (mode !== 'one-turn') await new Promise(setImmediate)
}
await new Promise(setImmediate)
globalThis.gc()
const heapWhileHung = process.memoryUsage().heapUsed
const refused = outcomes['BUFFER_EXHAUSTED not-written'] ?? 0
const whileHung = { ...outcomes }
await pause(2500) // request time-outs come and go meanwhile
peak = Math.max(peak, rss())

broker.resume(1)
await producer.flush()
globalThis.gc()
const metrics = producer.metrics()
const { heapUsed, arrayBuffers } = process.memoryUsage()
process.stdout.write(
  JSON.stringify({
    bufferMemory,
    baseline,
    peak,
    refused,
    whileHung,
    heapWhileHung,
    outcomes,
    written: broker.records(topic).length - logged,
    bufferAvailable: metrics['buffer-available-bytes'],
    bufferTotal: metrics['buffer-total-bytes'],
    waiting: metrics['waiting-records'],
    heapAfter: heapUsed,
    arrayBuffersAfter: arrayBuffers,
  }),
)
await producer.close()
await broker.close()
