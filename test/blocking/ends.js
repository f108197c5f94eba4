// A process that ends with records under way, in the way it is told to. Started by exit.test.ts:
// node ends.js <folder of the built package> <bootstrap servers> <topic> <how> <records> [options as JSON]
import { writeSync } from 'node:fs'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [dist = '', bootstrapServers = '', topic = '', how = '', records = '', options = '{}'] = process.argv.slice(2)
const { createProducer } = await import(pathToFileURL(`${dist}/index.js`).href)
const given = JSON.parse(options)
const ownFlush = ['exit-handler', 'before-exit', 'uncaught-handler', 'signal-handler'].includes(how)
const { warm, ...producerOptions } = given
const producer = createProducer({ bootstrapServers, clientId: 'ending', flushOnExit: !ownFlush, ...producerOptions })
const count = Number(records)
const say = text => writeSync(1, `${text}\n`)

let told = 0
let failed = 0
const send = n =>
  producer.send({ topic, key: `key-${n % 10}`, value: String(n) }, error => {
    told++
    if (error) failed++
  })
process.on('exit', () => say(`told ${told}, failed ${failed}`)) // after the producer's own, which was there first

const flush = () => {
  producer.flush().get({ timeoutMs: 20_000 })
  say('flushed')
}
if (how === 'exit-handler') process.on('exit', flush)
if (how === 'uncaught-handler')
  process.on('uncaughtException', error => {
    flush()
    say(error.message)
    process.exit(3)
  })
if (how === 'signal-handler')
  process.on('SIGTERM', () => {
    flush()
    process.exit(4)
  })
if (how === 'before-exit')
  process.once('beforeExit', () => {
    for (let n = 0; n < count; n++) send(n)
    flush()
  })

// Half of them are on the wire when the process ends, where there was time to connect.
if (how !== 'before-exit') {
  let n = 0
  if (warm) {
    send(n++)
    await producer.flush()
  }
  while (n < count / 2) send(n++)
  if (warm) await new Promise(setImmediate)
  while (n < count) send(n++)
}

switch (how) {
  case 'exit':
  case 'exit-handler':
    process.exit(0)
    break
  case 'throw':
  case 'uncaught-handler':
    throw new Error('this was not caught')
  case 'rejection':
    void Promise.reject(new Error('this was not caught'))
    break
  case 'SIGTERM':
  case 'SIGINT':
  case 'SIGHUP':
    process.kill(process.pid, how)
    break
  case 'signal-handler':
    process.kill(process.pid, 'SIGTERM')
    break
  case 'return':
  case 'before-exit':
    break
  default:
    throw new Error(`how? ${how}`)
}
