// Blocking sends with others mixed in between that nobody waits for, in a process of its own, since the test must kill brokers
// meanwhile: node mixes.js <folder of the built package> <bootstrap servers> <topic> <blocking sends> <other sends>
// Prints `under way` when a quarter is done, and at the end what became of each record, as JSON.
import { writeSync } from 'node:fs'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [dist = '', bootstrapServers = '', topic = '', blocking = '', others = ''] = process.argv.slice(2)
const { createProducer } = await import(pathToFileURL(`${dist}/index.js`).href)
const producer = createProducer({ bootstrapServers, requestTimeoutMs: 3000 })
const total = Number(blocking) + Number(others)
const share = Number(others) / Number(blocking)
/** Of each record: `partition:offset`, or an error's code and outcome. */
const told = new Array(total).fill('never told')
const slowest = { blocking: 0 }

let number = 0
/** Per key the numbers ascend. */
const next = () => ({ topic, key: `key-${number % 100}`, value: String(number++) })
const note = (index, error, metadata) => {
  if (told[index] !== 'never told') told[index] = 'told twice'
  else told[index] = error ? `${error.code} ${error.outcome}` : `${metadata.partition}:${metadata.offset}`
}

let due = 0
for (let done = 0; done < Number(blocking); done++) {
  for (due += share; due >= 1; due--) {
    const record = next()
    const index = number - 1
    // Half of them by callback, half by a future that is looked at in the end only.
    if (index % 2 === 0) producer.send(record, (error, metadata) => note(index, error, metadata))
    else
      producer.send(record).then(
        metadata => note(index, null, metadata),
        error => note(index, error),
      )
  }
  const record = next()
  const index = number - 1
  const startedAt = performance.now()
  try {
    note(index, null, producer.send(record).get())
  } catch (error) {
    note(index, error)
  }
  slowest.blocking = Math.max(slowest.blocking, performance.now() - startedAt)
  // Now and then the thread turns, so that its own connections are in use as well.
  if (done % 7 === 0) await new Promise(setImmediate)
  if (done === Math.floor(Number(blocking) / 4)) writeSync(1, 'under way\n')
}
await producer.flush()
await new Promise(setImmediate)
const { 'record-retry-total': retried } = producer.metrics()
await producer.close()
process.stdout.write(`${JSON.stringify({ told, retried, slowestMs: Math.round(slowest.blocking) })}\n`)
