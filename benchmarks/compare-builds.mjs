// Compares builds of ottla in one process, by turns of 200,000 records: what disturbs the machine strikes all of them, so
// that a difference of some percent shows where separate processes would only show noise. Trust the ratios, not the figures.
//
//   node benchmarks/compare-builds.mjs callbacks dist/index.js /tmp/other/dist/index.js

import { fork } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { payloads } from './peers/payloads.mjs'

const [work, ...builds] = process.argv.slice(2)
if (!['callbacks', 'futures', 'unwatched', 'many'].includes(work) || builds.length === 0) {
  console.error('node benchmarks/compare-builds.mjs callbacks|futures|unwatched|many <index.js> <index.js> ...')
  process.exit(2)
}
const turn = 200_000
const rounds = 24
const warmRounds = 4
const settings = { outstanding: 20_000, arraySize: 1000, concurrent: 8 }

const broker = fork(fileURLToPath(new URL('ack-only-broker.mjs', import.meta.url)), ['--partitions', '6'])
const { port } = await new Promise(ready => broker.once('message', ready))
const topic = 'benchmark'
const records = payloads({ count: 10_000, bytes: 100, seed: 1 }).map(value => ({ topic, value }))

const contenders = []
for (const [index, build] of builds.entries()) {
  const { createProducer } = await import(resolve(build))
  // Each build has its own copy of the loops, else they would share what V8 learns about them.
  const loop = (await import(`./peers/loops.mjs?${index}`))[work]
  const producer = createProducer({ bootstrapServers: `127.0.0.1:${port}` })
  await producer.send({ topic, value: 'first' })
  const client = {
    send: ({ value }) => producer.send({ topic, value }),
    sendWithCallback: ({ value }, callback) => producer.send({ topic, value }, callback),
    sendUnwatched: ({ value }) => {
      producer.send({ topic, value })
    },
    sendMany: array => producer.sendAll(array),
    hasRoom: () => producer.hasRoom,
    room: () => producer.room(),
    flush: () => producer.flush(),
  }
  contenders.push({ build, producer, run: () => loop(client, records, turn, settings), cpu: [], wall: [] })
}

for (let round = 0; round < rounds; round++)
  for (let place = 0; place < contenders.length; place++) {
    const contender = contenders[(place + round) % contenders.length]
    const cpuBefore = process.cpuUsage()
    const startedAt = performance.now()
    await contender.run()
    const wallMs = performance.now() - startedAt
    const { user, system } = process.cpuUsage(cpuBefore)
    if (round < warmRounds) continue
    contender.cpu.push((user + system) / turn)
    contender.wall.push((1000 * wallMs) / turn)
  }

const sorted = values => values.sort((a, b) => a - b)
console.log(
  `${work}, ${turn} records a turn, ${rounds - warmRounds} turns each, by turns in one process; µs a record\n`,
)
console.log('| build | CPU median | CPU least | wall median | wall least |\n| --- | --- | --- | --- | --- |')
for (const { build, cpu, wall } of contenders) {
  const figures = [sorted(cpu), sorted(wall)].flatMap(all => [all[all.length >> 1], all[0]])
  console.log(`| ${build} | ${figures.map(figure => figure.toFixed(3)).join(' | ')} |`)
}
await Promise.all(contenders.map(({ producer }) => producer.close({ timeoutMs: 5_000 })))
broker.kill()
