// @ts-check
// librdkafka's mock cluster as a process of its own: node librdkafka-mock.mjs <folder of kafka-crab-js>, on the Node that package wants.
// Prints one line of JSON, {"bootstrapServers":"127.0.0.1:…"}, and ends when its standard input does.
// The cluster lives inside a librdkafka client that is told `test.mock.num.brokers` (CONFIGURATION.md of librdkafka); it listens on
// free ports of 127.0.0.1 which nobody can ask the client for: they are this process's own listening sockets.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const brokers = 3

process.stdin.on('end', () => process.exit(0)).resume()

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('which folder holds kafka-crab-js?')
const { KafkaClient } = await import(pathToFileURL(join(folder, 'dist', 'index.js')).href)
const client = new KafkaClient({ brokers: 'the.mock.replaces.it:9092', clientId: 'mock' })
const producer = client.createProducer({ configuration: { 'test.mock.num.brokers': `${brokers}` } })
// A record that was acknowledged: the cluster is up.
await producer.send({ topic: 'is-the-mock-up', messages: [{ payload: Buffer.from('yes') }] })
const ports = listeningPorts()
if (ports.length !== brokers) throw new Error(`the mock should listen on ${brokers} ports, and listens on: ${ports}`)
console.log(JSON.stringify({ bootstrapServers: ports.map(port => `127.0.0.1:${port}`).join(',') }))

/** The TCP ports on which this process listens, from proc(5): /proc/net/tcp names sockets by inode, the links in fd say which are ours. */
function listeningPorts() {
  const own = new Set()
  for (const descriptor of readdirSync('/proc/self/fd')) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))
      if (inode) own.add(inode[1])
    } catch {
      // The folder was read through a descriptor that is closed again.
    }
  }
  const listening = '0A'
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .slice(1)
    .map(line => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === listening && own.has(inode))
    .map(([, local]) => Number.parseInt(/** @type {string} */ (local?.split(':')[1]), 16))
    .sort((a, b) => a - b)
}
