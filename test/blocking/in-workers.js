// Several worker threads that block, each with a producer of its own, while the main thread blocks as well; one of them ends with
// records under way: node in-workers.js <folder of the built package> <bootstrap servers> <topic>
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

const [dist, bootstrapServers, topic] = isMainThread ? process.argv.slice(2) : workerData.args
const { createProducer } = await import(pathToFileURL(`${dist}/index.js`).href)
const name = isMainThread ? 'main' : workerData.name

function block() {
  const producer = createProducer({ bootstrapServers })
  for (let n = 0; n < 50; n++) producer.send({ topic, key: name, value: `${name} ${n}` }).get()
  producer.close().get()
}

function endWithRecordsUnderWay() {
  const producer = createProducer({ bootstrapServers, flushOnExit: true })
  for (let n = 0; n < 50; n++) producer.send({ topic, key: name, value: `${name} ${n}` })
  process.exit() // of this thread
}

if (isMainThread) {
  const ended = ['first', 'second', 'ending'].map(
    worker =>
      new Promise((resolve, reject) => {
        new Worker(new URL(import.meta.url), { workerData: { args: [dist, bootstrapServers, topic], name: worker } })
          .on('exit', resolve)
          .on('error', reject)
      }),
  )
  block()
  await Promise.all(ended)
} else if (name === 'ending') endWithRecordsUnderWay()
else block()
