// What every measured Node client shares: the records, the loops and the measuring. A peer only says how it sends.
//
// A peer is forked by run.mjs with its settings as JSON in argv and talks to it over IPC: it warms up, says so, waits for
// the broker's totals to be reset, runs, and reports. So all clients have the same loops, records and clocks.

import { connect } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { callbacks, futures, many, parts, unwatched } from './loops.mjs'
import { payloads } from './payloads.mjs'

export const settings = JSON.parse(process.argv[2])

/**
 * A client under measurement.
 * @typedef {object} Client
 * @property {string} name
 * @property {string} version
 * @property {object} options what it was created with, to be printed
 * @property {(record: object) => unknown} shape turns { key, value } into what the client's send takes
 * @property {() => Promise<unknown>} [connect]
 * @property {(record: unknown) => Promise<unknown>} [send] one record, awaited
 * @property {(record: unknown, callback: (error: Error | null) => void) => void} [sendWithCallback]
 * @property {(record: unknown) => void} [sendUnwatched]
 * @property {(record: unknown) => unknown} [sendBlocking]
 * @property {(records: unknown[]) => Promise<unknown>} [sendMany]
 * @property {() => void} [begin] before a part of the records
 * @property {() => unknown} [end] after it; awaited
 * @property {() => boolean} [hasRoom]
 * @property {() => Promise<void>} [room]
 * @property {() => Promise<unknown>} [flush]
 * @property {() => Promise<unknown>} close
 */

/** How each kind of work sends `count` records; the result is when all are acknowledged. */
const works = {
  'throughput-callbacks': { needs: 'sendWithCallback', run: callbacks },
  'event-loop': { needs: 'sendWithCallback', run: callbacks },
  'throughput-futures': { needs: 'send', run: futures },
  'fire-and-forget': { needs: 'sendUnwatched', run: unwatched },
  sendAll: { needs: 'sendMany', run: many },
  transactions: { needs: 'begin', run: parts },
  'idle-latency': { needs: 'send', run: oneByOne },
  'blocking-latency': { needs: 'sendBlocking', run: oneByOne },
}

/** Runs one client through the work in `settings` and reports to the runner. */
export async function measure(/** @type {Client} */ client) {
  const work = works[settings.what]
  if (client[work.needs] === undefined) {
    report({ skipped: `has no such form of sending (${work.needs})` })
    return
  }
  const records = makeRecords(client.shape)
  await client.connect?.()
  await work.run(client, records, settings.warmup, settings)
  await client.flush?.()
  await pause(200)
  const { capture } = await ask('warm')

  const delay = monitorEventLoopDelay({ resolution: 1 })
  const before = process.resourceUsage()
  const startedAt = performance.now()
  delay.enable()
  const extra = await work.run(client, records, settings.records, settings, capture)
  const elapsedMs = performance.now() - startedAt
  delay.disable()
  const after = process.resourceUsage()
  report({
    name: client.name,
    version: client.version,
    options: client.options,
    records: settings.records,
    elapsedMs,
    cpuMicros: after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime,
    userMicros: after.userCPUTime - before.userCPUTime,
    peakRssMb: after.maxRSS / 1024,
    loopDelayMs: {
      p50: aboveResolution(delay.percentile(50)),
      p99: aboveResolution(delay.percentile(99)),
      max: aboveResolution(delay.max),
    },
    ...extra,
  })
  await client.close()
}

/** The histogram holds the whole time between two ticks of a 1 ms timer. */
const aboveResolution = nanos => Math.max(0, nanos / 1e6 - 1)

function makeRecords(shape) {
  const values = payloads({ count: settings.distinct, bytes: settings.size, seed: 1 })
  const keys = settings.keyed ? payloads({ count: settings.distinct, bytes: 16, seed: 2 }) : null
  const form = bytes => (settings.values === 'string' ? bytes.toString('latin1') : bytes)
  return values.map((value, index) =>
    shape(keys ? { key: form(keys[index]), value: form(value) } : { value: form(value) }),
  )
}

/**
 * Sends one by one, in blocks, and between the blocks makes the round trip of the very bytes that the client sent last, on
 * a bare socket in this process: the same noise strikes both.
 */
async function oneByOne(client, records, count, { what }, captured) {
  const send = what === 'blocking-latency' ? client.sendBlocking : client.send
  const raw = captured ? await rawRoundTrips(Buffer.from(captured, 'base64')) : null
  const block = 100
  const own = []
  const bare = []
  for (let sent = 0; sent < count; ) {
    for (const end = Math.min(count, sent + block); sent < end; sent++) {
      const startedAt = process.hrtime.bigint()
      await send(records[sent % records.length])
      own.push(Number(process.hrtime.bigint() - startedAt) / 1000)
    }
    if (raw === null) continue
    for (let left = block; left > 0; left--) {
      const startedAt = process.hrtime.bigint()
      await raw.roundTrip()
      bare.push(Number(process.hrtime.bigint() - startedAt) / 1000)
    }
  }
  raw?.close()
  return {
    rawRecords: bare.length,
    latencyMicros: quantiles(own),
    rawLatencyMicros: bare.length > 0 ? quantiles(bare) : null,
    rawRequestBytes: captured ? Buffer.from(captured, 'base64').length : null,
  }
}

export async function rawRoundTrips(request) {
  const [host, port] = settings.bootstrap.split(':')
  const socket = connect({ host, port: Number(port), noDelay: true })
  let answered = null
  let have = 0
  let want = 0
  socket.on('data', chunk => {
    if (want === 0) want = 4 + chunk.readInt32BE(0)
    have += chunk.length
    if (have < want) return
    have = 0
    want = 0
    answered()
  })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return {
    roundTrip: () =>
      new Promise(resolve => {
        answered = resolve
        socket.write(request)
      }),
    close: () => socket.destroy(),
  }
}

export function quantiles(samples) {
  const sorted = Float64Array.from(samples).sort()
  const at = share => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: sorted[sorted.length - 1] }
}

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Asks the runner and waits for its answer. */
export function ask(question) {
  return new Promise(resolve => {
    process.once('message', resolve)
    process.send({ question })
  })
}

export function report(result) {
  process.send({ result }, () => process.disconnect())
}
