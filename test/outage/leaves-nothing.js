// A process that uses producers, closes them and then has nothing left to do: it must end by itself. Started by
// process-exit.test.ts: node leaves-nothing.js <folder of the built package> <bootstrap servers> <what it does>
import { existsSync, readdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [dist = '', bootstrapServers = '', what = ''] = process.argv.slice(2)
const { createProducer } = await import(pathToFileURL(`${dist}/index.js`).href)
const unhandled = []
process.on('unhandledRejection', reason => unhandled.push(String(reason)))
process.on('uncaughtException', error => unhandled.push(String(error)))

const topic = 'readings'
const options = { bootstrapServers, requestTimeoutMs: 5000, deliveryTimeoutMs: 30_000 }

const doings = {
  async 'sends and closes'() {
    const producer = createProducer(options)
    for (let i = 0; i < 1000; i++) producer.send({ topic, key: `k${i}`, value: 'x' })
    await producer.close()
  },
  async 'never connects'() {
    await createProducer(options).close()
  },
  async 'makes a thousand that never connect'() {
    const producers = Array.from({ length: 1000 }, () => createProducer(options))
    await Promise.all(producers.map(producer => producer.close()))
  },
  async 'closes while it connects'() {
    const producer = createProducer(options)
    producer.send({ topic, value: 'x' })
    producer.connect()
    await producer.close({ timeoutMs: 0 })
  },
  async 'closes during an outage'() {
    const producer = createProducer(options)
    for (let i = 0; i < 1000; i++) producer.send({ topic, value: 'x' })
    producer.flush({ timeoutMs: 50 })
    producer.partitionsFor(topic)
    producer.room()
    await producer.close({ timeoutMs: 100 })
  },
  async 'blocks and closes'() {
    const producer = createProducer(options)
    producer.connect().get()
    for (let i = 0; i < 100; i++) producer.send({ topic, key: `k${i}`, value: 'x' }).get()
    await producer.send({ topic, value: 'x' })
    await producer.close()
  },
  async 'blocks and blocks until it is closed'() {
    const producer = createProducer(options)
    producer.send({ topic, value: 'x' }).get()
    producer.close().get()
    await new Promise(resolve => setTimeout(resolve, 100)) // what was told to end ends when the thread goes on
  },
  async 'blocks and never closes'() {
    const producer = createProducer(options)
    producer.send({ topic, value: 'x' })
    producer.send({ topic, value: 'x' }).get()
  },
  async 'sends, waits and never closes'() {
    await createProducer(options).send({ topic, value: 'x' })
    await new Promise(resolve => setTimeout(resolve, 400))
  },
  async 'blocks during an outage'() {
    const producer = createProducer(options)
    try {
      producer.send({ topic, value: 'x' }).get({ timeoutMs: 200 })
    } catch (error) {
      if (error.code !== 'TIMEOUT') throw error
    }
    await producer.close({ timeoutMs: 100 })
  },
  async 'opens and closes 200'() {
    globalThis.gc()
    const before = process.memoryUsage().heapUsed
    for (let round = 0; round < 20; round++)
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const producer = createProducer(options)
          await producer.send({ topic, value: 'x' })
          await producer.close()
        }),
      )
    await new Promise(setImmediate)
    globalThis.gc()
    return process.memoryUsage().heapUsed - before
  },
}

/** Those of this process, as far as the system tells. */
const threads = () => (existsSync('/proc/self/task') ? readdirSync('/proc/self/task').length : 0)

await Promise.all(Array.from({ length: 8 }, () => stat('.'))) // the pool's threads are there from now on
const threadsBefore = threads()
const grownBytes = (await doings[what]()) ?? 0
await new Promise(setImmediate)
// Standard output is a pipe: it stands in the list itself, and holds nobody up.
const left = process.getActiveResourcesInfo().filter(name => name !== 'PipeWrap')
const moreThreads = threads() - threadsBefore
process.stdout.write(JSON.stringify({ left, unhandled, grownBytes, moreThreads, endedAt: Date.now() }))
