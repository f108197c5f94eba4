// Runs producers side by side, interleaved (A B A B ...), each run in a process of its own, and prints what they did.
//
//   node benchmarks/run.mjs --what throughput-callbacks,throughput-futures --repeats 5
//   node benchmarks/run.mjs --what real --bootstrap localhost:9092
//
// docs/benchmarks.md says what is measured and how.

import { fork, spawn } from 'node:child_process'
import { appendFile, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { cpus, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** What can be measured: how many records by default, and which clients take part. */
const works = {
  'throughput-callbacks': { records: 2_000_000, clients: ['ottla', 'kcat', 'java', 'platformatic'] },
  'throughput-futures': { records: 1_000_000, clients: ['ottla', 'kafka-ts', 'platformatic', 'kafkajs'] },
  sendAll: { records: 2_000_000, clients: ['ottla', 'kafka-ts', 'platformatic', 'kafkajs'] },
  'fire-and-forget': { records: 2_000_000, clients: ['ottla', 'kcat'] },
  'event-loop': { records: 1_000_000, clients: ['ottla', 'platformatic'] },
  transactions: { records: 500_000, clients: ['ottla:transactional', 'ottla:flushed', 'ottla:free'] },
  'idle-latency': { records: 5_000, clients: ['ottla', 'kafka-ts', 'platformatic', 'kafkajs'] },
  'blocking-latency': { records: 5_000, clients: ['ottla'] },
}
const latencyWorks = ['idle-latency', 'blocking-latency']

/** Slow clients send fewer records, so that a run takes seconds: the divisor for single sends and for arrays. */
const slower = {
  kafkajs: { single: 50, array: 20 },
  platformatic: { single: 50, array: 10 },
  'kafka-ts': { single: 10, array: 10 },
}

const { values: given } = parseArgs({
  options: {
    what: { type: 'string', default: 'throughput-callbacks' },
    clients: { type: 'string' },
    repeats: { type: 'string', default: '5' },
    'discard-rounds': { type: 'string' },
    records: { type: 'string' },
    warmup: { type: 'string' },
    size: { type: 'string', default: '100' },
    partitions: { type: 'string', default: '6' },
    keyed: { type: 'boolean', default: false },
    values: { type: 'string', default: 'bytes' },
    distinct: { type: 'string', default: '10000' },
    acks: { type: 'string', default: 'all' },
    'no-idempotence': { type: 'boolean', default: false },
    'in-flight': { type: 'string', default: '5' },
    'linger-ms': { type: 'string', default: '5' },
    'batch-size': { type: 'string', default: 'own' },
    codec: { type: 'string', default: 'none' },
    outstanding: { type: 'string', default: '20000' },
    'array-size': { type: 'string', default: '1000' },
    concurrent: { type: 'string', default: '8' },
    'per-transaction': { type: 'string', default: '1000' },
    'delay-ms': { type: 'string', default: '0' },
    bootstrap: { type: 'string' },
    embedded: { type: 'boolean', default: false },
    jars: { type: 'string' },
    'node-args': { type: 'string', default: '' },
    'timeout-s': { type: 'string', default: '120' },
    'no-store': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (given.help) {
  console.log(`node benchmarks/run.mjs [options]

  --what <a,b>          ${Object.keys(works).join(' | ')} | real (default throughput-callbacks)
  --clients <a,b>       ottla, kcat, java, kafkajs, platformatic, kafka-ts (default: those that have the form of sending)
                        ottla=<file> is another build of ottla, by its index.js: two builds side by side
                        ottla:<way>, for transactions: transactional | flushed (a flush in place of each commit) | free
  --repeats <n>         rounds, the clients by turns in each (5)
  --discard-rounds <n>  rounds before those, not counted (1 on a real cluster, which warms up itself; else 0)
  --records <n>         of the fastest clients; slow ones send a fraction (default by what is measured)
  --warmup <n>          records sent before the clock starts (a tenth of the records, at least 200; 3000 for latencies)
  --size <bytes>        of a value (100);  --keyed: 16-byte keys too;  --values bytes|string
  --distinct <n>        different payloads, random and the same in each run (10000)
  --partitions <n>      of the one topic (6)
  --acks, --no-idempotence, --in-flight, --linger-ms, --batch-size <bytes|own>, --codec none|gzip|snappy|lz4|zstd
  --outstanding <n>     awaited futures at a time (20000)
  --array-size <n>, --concurrent <n>   for sendAll (1000, 8)
  --per-transaction <n> records, for transactions (1000)
  --delay-ms <n>        before the ack-only broker answers (0)
  --bootstrap <h:p>     a real cluster in place of the ack-only broker; the topic is made and removed (needs kafkajs)
  --embedded            the embedded broker in a process of its own, likewise
  --jars <folder>       with kafka-tools and what it needs, for Java (else KAFKA_JARS, else KAFKA_CACHE/<version>/lib)
  --node-args="<args>"  for the Node clients, such as --cpu-prof
  --no-store            do not append to benchmarks/results/`)
  process.exit(0)
}

const here = name => fileURLToPath(new URL(name, import.meta.url))
const repeats = Number(given.repeats)
const discard = Number(given['discard-rounds'] ?? (given.bootstrap === undefined && !given.embedded ? 0 : 1))
const timeoutMs = 1000 * Number(given['timeout-s'])
const asked = given.what
  .split(',')
  .flatMap(what => (what === 'real' ? ['throughput-callbacks', 'throughput-futures'] : what))
if (given.what.includes('real') && given.bootstrap === undefined) fail('--what real needs --bootstrap')
if (given.embedded && given.bootstrap !== undefined) fail('--embedded and --bootstrap are two brokers; give one')
if (asked.includes('transactions') && given.bootstrap === undefined && !given.embedded)
  fail('--what transactions needs --embedded or --bootstrap: the ack-only broker has none')
for (const what of asked)
  if (works[what] === undefined) fail(`--what ${what}: one of ${Object.keys(works).join(', ')}, real`)

function fail(message) {
  console.error(message)
  process.exit(1)
}

/** A forked process that answers questions in order. */
function forkBroker() {
  const args = ['--partitions', given.partitions, '--delay-ms', given['delay-ms'], '--capture']
  const child = fork(here('ack-only-broker.mjs'), args)
  let nextId = 1
  const waiting = new Map()
  const ready = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.on('message', ({ port, id, ...answer }) => {
      if (port !== undefined) resolve(port)
      waiting.get(id)?.(answer)
      waiting.delete(id)
    })
  })
  const ask = command =>
    new Promise(resolve => {
      waiting.set(nextId, resolve)
      child.send({ id: nextId++, command })
    })
  return {
    start: async () => `127.0.0.1:${await ready}`,
    topic: async () => 'benchmark',
    capture: async () => (await ask('capture')).capture,
    reset: () => ask('reset'),
    totals: () => ask('totals'),
    stop: async () => child.kill(),
  }
}

/** A real cluster: its topic made here, what arrived counted by its offsets. */
function realCluster(bootstrap) {
  const { Kafka, logLevel } = createRequire(import.meta.url)('kafkajs')
  const admin = new Kafka({ clientId: 'benchmark-admin', brokers: [bootstrap], logLevel: logLevel.ERROR }).admin()
  const made = []
  let topic
  let before = 0
  const written = async () => {
    const offsets = await admin.fetchTopicOffsets(topic)
    return offsets.reduce((sum, { high }) => sum + Number(high), 0)
  }
  return {
    start: async () => {
      await admin.connect()
      return bootstrap
    },
    // A topic for each run: no client starts with the other's log segments and caches.
    topic: async () => {
      topic = `ottla-benchmark-${Date.now()}`
      const replicationFactor = -1
      await admin.createTopics({ topics: [{ topic, numPartitions: Number(given.partitions), replicationFactor }] })
      made.push(topic)
      return topic
    },
    capture: async () => null,
    reset: async () => {
      before = await written()
    },
    totals: async () => ({ records: (await written()) - before }),
    stop: async () => {
      if (made.length > 0) await admin.deleteTopics({ topics: made })
      await admin.disconnect()
    },
  }
}

/** The embedded broker as `ottla broker` starts it; otherwise like a real cluster. */
async function embeddedBroker() {
  const command = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
  const child = spawn(process.execPath, [command, 'broker', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const address = await new Promise((resolve, reject) => {
    child.once('exit', code => reject(new Error(`the broker ended with exit code ${code}`)))
    let said = ''
    child.stdout.on('data', chunk => {
      said += chunk
      const found = /127\.0\.0\.1:\d+/.exec(said)
      if (found) resolve(found[0])
    })
  })
  const cluster = realCluster(address)
  return { ...cluster, stop: () => cluster.stop().finally(() => child.kill()) }
}

const broker = given.embedded
  ? await embeddedBroker()
  : given.bootstrap === undefined
    ? forkBroker()
    : realCluster(given.bootstrap)
const bootstrap = await broker.start()
let running = null
process.once('SIGINT', async () => {
  running?.kill()
  await broker.stop()
  process.exit(130)
})

/** Runs one client once; the result has `missing`, `skipped` or `failed` where there are no numbers. */
async function runOnce(what, client, topic) {
  const [name, build] = client.split('=')
  const [peer, way] = name.split(':')
  const divisor = latencyWorks.includes(what) ? 1 : (slower[peer]?.[what === 'sendAll' ? 'array' : 'single'] ?? 1)
  const records = Math.ceil(Number(given.records ?? works[what].records) / divisor)
  const settings = {
    what,
    bootstrap,
    topic,
    records,
    warmup: Math.ceil(
      given.warmup !== undefined
        ? Number(given.warmup) / divisor
        : Math.max(latencyWorks.includes(what) ? 3_000 : 200, records / 10),
    ),
    size: Number(given.size),
    keyed: given.keyed,
    values: given.values,
    distinct: Number(given.distinct),
    acks: given.acks,
    idempotent: !given['no-idempotence'],
    inFlight: Number(given['in-flight']),
    lingerMs: Number(given['linger-ms']),
    batchSize: given['batch-size'] === 'own' ? 'own' : Number(given['batch-size']),
    codec: given.codec,
    outstanding: Number(given.outstanding),
    arraySize: Number(given['array-size']),
    concurrent: Number(given.concurrent),
    perTransaction: Number(given['per-transaction']),
    jars: given.jars,
    ...(way === undefined ? {} : { way }),
    ...(build === undefined ? {} : { build: resolve(build) }),
  }
  const child = fork(here(`peers/${peer}.mjs`), [JSON.stringify(settings)], {
    execArgv: given['node-args'] === '' ? [] : given['node-args'].split(' '),
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  running = child
  let errors = ''
  child.stderr.on('data', chunk => {
    errors = (errors + chunk).slice(-4000)
  })
  let result = null
  const deadline = setTimeout(() => {
    errors += `\nstopped after ${timeoutMs} ms`
    child.kill('SIGKILL')
  }, timeoutMs)
  child.on('message', async message => {
    if (message.question === 'warm') {
      const capture = await broker.capture()
      await broker.reset()
      child.send({ capture })
    }
    if (message.result !== undefined) result = message.result
  })
  const code = await new Promise(done => child.once('exit', done))
  clearTimeout(deadline)
  running = null
  if (result === null || (code !== 0 && result.records === undefined))
    return /ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND/.test(errors)
      ? { missing: errors.match(/Cannot find (?:module|package)[^\n]*/)?.[0] ?? 'not installed' }
      : { failed: firstError(errors) || `exit code ${code}` }
  if (result.skipped !== undefined || result.missing !== undefined) return result
  const totals = await broker.totals()
  const expected = (result.sent ?? result.records) + (result.rawRecords ?? 0)
  // A marker takes an offset in each partition of its transaction.
  const markers = way === 'transactional' ? result.parts * Number(given.partitions) : 0
  const isComplete = totals.records >= expected && totals.records <= expected + markers
  return { ...result, settings, wire: totals, arrived: totals.records, expected, isComplete }
}

/** The lines of a crash that say what it was. */
const firstError = errors => {
  const lines = errors.split('\n').filter(line => /Error|error|ended with|stopped after/.test(line))
  return lines.slice(0, 3).join('; ').trim() || errors.trim().slice(0, 500)
}

const spread = values => {
  const sorted = values
    .filter(value => value !== null && value !== undefined && !Number.isNaN(value))
    .sort((a, b) => a - b)
  if (sorted.length === 0) return null
  return { min: sorted[0], median: sorted[Math.floor(sorted.length / 2)], max: sorted[sorted.length - 1] }
}

function summarize(runs) {
  const bytes = run => run.records * (run.settings.size + (run.settings.keyed ? 16 : 0))
  return {
    perSecond: spread(runs.map(run => (1000 * run.records) / run.elapsedMs)),
    megabytes: spread(runs.map(run => bytes(run) / 1000 / run.elapsedMs)),
    cpuMicros: spread(runs.map(run => run.cpuMicros / (run.cpuRecords ?? run.records))),
    peakRssMb: spread(runs.map(run => run.peakRssMb)),
    loopP50: spread(runs.map(run => run.loopDelayMs?.p50)),
    loopP99: spread(runs.map(run => run.loopDelayMs?.p99)),
    loopMax: spread(runs.map(run => run.loopDelayMs?.max)),
    batchBytes: spread(runs.map(run => run.wire.batchBytes / run.wire.batches)),
    requestRecords: spread(runs.map(run => run.wire.records / run.wire.requests)),
    latencyP50: spread(runs.map(run => run.latencyMicros?.p50)),
    latencyP99: spread(runs.map(run => run.latencyMicros?.p99)),
    rawP50: spread(runs.map(run => run.rawLatencyMicros?.p50)),
    rawP99: spread(runs.map(run => run.rawLatencyMicros?.p99)),
    ratioP50: spread(
      runs.map(run => run.latencyMicros && run.rawLatencyMicros && run.latencyMicros.p50 / run.rawLatencyMicros.p50),
    ),
  }
}

const count = value => Math.round(value).toLocaleString('en')
const fixed = digits => value => value.toFixed(digits)
const range = (values, form) =>
  values === null ? '–' : `${form(values.min)} / **${form(values.median)}** / ${form(values.max)}`
const middle = (values, form) => (values === null ? '–' : form(values.median))

const throughputColumns = [
  ['records/s (min / median / max)', summary => range(summary.perSecond, count)],
  ['MB/s', summary => middle(summary.megabytes, fixed(1))],
  ['µs CPU/record', summary => range(summary.cpuMicros, fixed(2))],
  ['peak RSS MB', summary => middle(summary.peakRssMb, count)],
  ['loop delay p99 / max ms', summary => `${middle(summary.loopP99, fixed(1))} / ${middle(summary.loopMax, fixed(1))}`],
  ['mean batch bytes', summary => middle(summary.batchBytes, count)],
  ['records/request', summary => middle(summary.requestRecords, count)],
]
const latencyColumns = [
  ['p50 µs (min / median / max)', summary => range(summary.latencyP50, fixed(0))],
  ['p99 µs', summary => range(summary.latencyP99, fixed(0))],
  ['bare socket p50 µs', summary => middle(summary.rawP50, fixed(0))],
  ['bare socket p99 µs', summary => middle(summary.rawP99, fixed(0))],
  ['p50 / bare p50', summary => range(summary.ratioP50, fixed(2))],
]

function printTable(what, byClient) {
  const columns = latencyWorks.includes(what) ? latencyColumns : throughputColumns
  const rows = [['client', ...columns.map(([title]) => title)], columns.concat([0]).map(() => '---')]
  for (const [client, runs] of byClient) {
    const good = runs.filter(run => run.records !== undefined)
    if (good.length === 0) continue
    const summary = summarize(good)
    rows.push([
      client.includes('=') ? client : `${good[0].name ?? client} ${good[0].version ?? ''}`.trim(),
      ...columns.map(([, form]) => form(summary)),
    ])
  }
  console.log(`\n${rows.map(row => `| ${row.join(' | ')} |`).join('\n')}\n`)
  for (const [client, runs] of byClient) {
    const good = runs.find(run => run.records !== undefined)
    if (good === undefined) continue
    const { wire, expected: _, arrived: __, isComplete: ___, ...run } = good
    console.log(`- ${client}: ${count(run.records)} records a run; asked for ${JSON.stringify(run.options)}`)
    if (wire.requests > 0)
      console.log(
        `  seen on the wire: Produce v${Object.keys(wire.versions)}, acks ${Object.keys(wire.acks)}, codec ${Object.keys(wire.codecs)}, ` +
          `${count((100 * wire.idempotentBatches) / wire.batches)} % of batches idempotent, largest batch ${count(wire.largestBatchBytes)} B`,
      )
    if (run.note) console.log(`  ${run.note}`)
  }
}

/** Of the rates of the first client and each of the others, round by round. */
function printRatios(byClient) {
  const [[first, theirs], ...others] = [...byClient]
  for (const [other, runs] of others) {
    const ratios = theirs.map((run, round) => runs[round]?.elapsedMs / run.elapsedMs)
    console.log(`- ${first} / ${other}: ${range(spread(ratios), fixed(2))} (min / median / max over the rounds)`)
  }
}

let broken = 0
for (const what of asked) {
  const clients = given.clients?.split(',') ?? works[what].clients
  const machine = {
    node: process.version,
    cpu: `${cpus().length} x ${cpus()[0].model.trim()}`,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
  }
  console.log(`## ${what}\n`)
  console.log(
    `${given.embedded ? 'the embedded broker' : given.bootstrap ? `cluster ${given.bootstrap}` : `ack-only broker, delay ${given['delay-ms']} ms`}; 1 topic, ${given.partitions} partitions; ` +
      `values of ${given.size} B (${given.values}, random base-64 text, ${given.distinct} different), ${given.keyed ? 'keys of 16 B' : 'no keys'}; ` +
      `acks ${given.acks}, idempotence ${given['no-idempotence'] ? 'off' : 'on where it can be'}, in flight ${given['in-flight']}, linger ${given['linger-ms']} ms, ` +
      `batch size ${given['batch-size']}, codec ${given.codec}; ` +
      `${what === 'throughput-futures' ? `${given.outstanding} outstanding; ` : ''}` +
      `${what === 'transactions' ? `${given['per-transaction']} records a transaction, or between two flushes; ` : ''}` +
      `${what === 'sendAll' ? `arrays of ${given['array-size']}, ${given.concurrent} at a time; ` : ''}` +
      `${repeats} rounds; node ${machine.node}, ${machine.cpu}, ${machine.memoryGb} GB, ${machine.platform}`,
  )
  const byClient = new Map(clients.map(client => [client, []]))
  for (let round = -discard; round < repeats; round++) {
    for (const client of clients) {
      const runs = byClient.get(client)
      if (runs.some(run => run.missing || run.skipped)) continue
      const run = await runOnce(what, client, await broker.topic())
      if (round >= 0 || run.missing || run.skipped) runs.push(run)
      if (run.missing || run.skipped) console.log(`- ${client} left out: ${run.missing ?? run.skipped}`)
      else if (run.failed) console.log(`- ${client} FAILED: ${run.failed}`)
      else if (!run.isComplete) console.log(`- ${client} LOST OR DOUBLED: ${run.arrived} arrived of ${run.expected}`)
      else if (process.stderr.isTTY)
        process.stderr.write(
          `\r${round + 1}/${repeats} ${client}: ${count((1000 * run.records) / run.elapsedMs)}/s   \n`,
        )
      if (run.failed || !run.isComplete) broken++
    }
  }
  printTable(what, byClient)
  if (what === 'transactions') printRatios(byClient)
  if (!given['no-store']) {
    const rows = [...byClient].map(([client, runs]) => {
      const good = runs.filter(run => run.records !== undefined)
      const [first] = good
      if (first === undefined) return { client, absent: runs[0]?.missing ?? runs[0]?.skipped ?? 'failed' }
      return {
        client,
        version: first.version,
        options: first.options,
        records: first.records,
        runs: good.length,
        ...summarize(good),
      }
    })
    await mkdir(here('results'), { recursive: true })
    const line = { at: new Date().toISOString(), what, machine, settings: given, rows }
    const round = (_, value) =>
      typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value
    await appendFile(here(`results/${what}.jsonl`), `${JSON.stringify(line, round)}\n`)
  }
  console.log()
}
await broker.stop()
process.exitCode = broken > 0 ? 1 : 0
