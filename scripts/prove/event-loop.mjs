// @ts-check
// Sends a million records as fast as `send` takes them, with back-pressure by room(), to the ack-only broker in another process,
// and tells how long the event loop was held up meanwhile. Fails where the 99th percentile of the delay reaches 20 ms.
//   node scripts/prove/event-loop.mjs [--records 1000000] [--value-bytes 100] [--runs 3]      (needs the built package)
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createProducer } from '../../dist/index.js'

const limitMs = 20
const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    'value-bytes': { type: 'string', default: '100' },
    runs: { type: 'string', default: '3' },
  },
})
const records = Number(values.records)
const value = 'v'.repeat(Number(values['value-bytes']))

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** @param {import('../../dist/index.js').Producer} producer @param {'callbacks' | 'awaited futures' | 'fire and forget'} how */
async function run(producer, how) {
  let failed = 0
  /** @param {unknown} error */
  const count = error => {
    if (error) failed++
  }
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const startedAt = performance.now()
  for (let sent = 0; sent < records; sent++) {
    const record = { topic: 'readings', value }
    if (how === 'callbacks') producer.send(record, count)
    else if (how === 'awaited futures') producer.send(record).then(undefined, count)
    else producer.send(record)
    if (!producer.hasRoom) await producer.room()
  }
  await producer.flush()
  const seconds = (performance.now() - startedAt) / 1000
  delays.disable()
  // The histogram holds the whole interval: its resolution of 1 ms is no delay.
  const ms = (/** @type {number} */ nanoseconds) => Math.max(0, nanoseconds / 1e6 - 1)
  return { failed, seconds, p50: ms(delays.percentile(50)), p99: ms(delays.percentile(99)), max: ms(delays.max) }
}

const port = await freePort()
const broker = fork(fileURLToPath(new URL('../../benchmarks/ack-only-broker.mjs', import.meta.url)), [
  '--port',
  String(port),
])
const producer = createProducer({ bootstrapServers: `127.0.0.1:${port}` })
let isBad = false
try {
  // The first run begins with a topic that is not known yet, and code that has never run.
  for (let round = 0; round < Number(values.runs); round++)
    for (const how of /** @type {const} */ (['callbacks', 'awaited futures', 'fire and forget'])) {
      const { failed, seconds, p50, p99, max } = await run(producer, how)
      const isOver = failed > 0 || p99 >= limitMs
      isBad ||= isOver
      console.log(
        `${how.padEnd(16)} ${records} records of ${value.length} bytes in ${seconds.toFixed(2)} s (${Math.round(records / seconds / 1000)} k/s), failed ${failed}; loop delay p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms${isOver ? `   OVER ${limitMs} ms` : ''}`,
      )
    }
} finally {
  await producer.close({ timeoutMs: 5000 })
  broker.kill()
}
process.exitCode = isBad ? 1 : 0
