#!/usr/bin/env node
// Records what another client and a broker say to each other, frame by frame, for test/conformance/golden-bytes.test.ts.
//
//   node scripts/record-golden-bytes.mjs --to localhost:9192 --listen 9193 --client 'kcat 1.7.1' --out kcat.json -- \
//     sh -c 'echo x | kcat -P -b localhost:9193 -t t'
//
// It listens on localhost, passes everything on to --to, runs the command after `--` and writes the file when it has
// ended. The listener behind --to must advertise the address listened on, or the client will go round the recorder after
// its first Metadata. With --append the file's exchanges are kept and the new ones added. Of each API and version the
// first --keep exchanges whose sizes differ are written: enough for a codec, and the file stays small. --keys limits the
// recorded APIs (numbers, with commas). No TLS. scripts/kafka/UseEveryApi.java is a command that uses nearly every API.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { parseArgs } from 'node:util'

/**
 * @typedef {{ key: number, version: number, request: string, response: string | null }} Exchange
 * @typedef {{ client: string, broker: string, exchanges: Exchange[] }} Recording
 */

const { values, positionals: command } = parseArgs({
  allowPositionals: true,
  options: {
    to: { type: 'string' },
    listen: { type: 'string' },
    client: { type: 'string' },
    broker: { type: 'string', default: 'Apache Kafka' },
    out: { type: 'string' },
    keep: { type: 'string', default: '2' },
    keys: { type: 'string' },
    append: { type: 'boolean', default: false },
  },
})
const { to, listen, client: clientName, out } = values
if (!to || !listen || !clientName || !out || command.length === 0) {
  console.error('needed: --to host:port --listen port --client "name version" --out file -- command arguments...')
  process.exit(2)
}
const [host = 'localhost', port = '9092'] = to.split(':')
const wantedKeys = values.keys?.split(',').map(Number)

/** @type {Exchange[]} */
const exchanges = values.append && existsSync(out) ? JSON.parse(readFileSync(out, 'utf8')).exchanges : []

/** @param {Exchange} exchange */
function keep(exchange) {
  if (wantedKeys && !wantedKeys.includes(exchange.key)) return
  const alike = exchanges.filter(({ key, version }) => key === exchange.key && version === exchange.version)
  const sizes = (/** @type {Exchange} */ { request, response }) => `${request.length}/${response?.length}`
  if (alike.length < Number(values.keep) && alike.every(other => sizes(other) !== sizes(exchange)))
    exchanges.push(exchange)
}

/**
 * Calls `use` with each whole frame, without its length.
 * @param {net.Socket} socket
 * @param {(frame: Buffer) => void} use
 */
function readFrames(socket, use) {
  let data = Buffer.alloc(0)
  socket.on('data', chunk => {
    data = Buffer.concat([data, chunk])
    while (data.length >= 4 && data.length >= 4 + data.readInt32BE(0)) {
      const end = 4 + data.readInt32BE(0)
      use(data.subarray(4, end))
      data = data.subarray(end)
    }
  })
}

const server = net.createServer(client => {
  const broker = net.connect(Number(port), host)
  /** Requests without their answers yet, by correlation id. @type {Map<number, Exchange>} */
  const open = new Map()
  const end = () => {
    client.destroy()
    broker.destroy()
    // Produce with acks=0 is never answered.
    for (const exchange of open.values()) if (exchange.key === 0) keep(exchange)
    open.clear()
  }
  for (const socket of [client, broker]) socket.setNoDelay(true).on('error', end).on('close', end)
  readFrames(client, frame => {
    const request = { key: frame.readInt16BE(0), version: frame.readInt16BE(2), request: frame.toString('hex') }
    open.set(frame.readInt32BE(4), { ...request, response: null })
  })
  readFrames(broker, frame => {
    const exchange = open.get(frame.readInt32BE(0))
    open.delete(frame.readInt32BE(0))
    if (exchange) keep({ ...exchange, response: frame.toString('hex') })
  })
  client.pipe(broker)
  broker.pipe(client)
})

await new Promise((done, fail) => {
  server.once('error', fail).listen(Number(listen), 'localhost', () => done(undefined))
})
const [program = '', ...programArguments] = command
const child = spawn(program, programArguments, { stdio: 'inherit' })
const status = await new Promise((done, fail) => {
  child.once('error', fail).once('exit', (code, signal) => done(signal ?? code))
})
server.close()
// The command's sockets end with it: give their last frames a turn of the loop.
await new Promise(done => setTimeout(done, 100))

exchanges.sort((a, b) => a.key - b.key || a.version - b.version)
const lines = exchanges.map(exchange => `    ${JSON.stringify(exchange)}`).join(',\n')
writeFileSync(
  out,
  `{\n  "client": ${JSON.stringify(clientName)},\n  "broker": ${JSON.stringify(values.broker)},\n  "exchanges": [\n${lines}\n  ]\n}\n`,
)
const seen = [...new Set(exchanges.map(({ key, version }) => `${key} v${version}`))].join(', ')
console.error(`${out}: ${exchanges.length} exchanges (${seen}); the command ended with ${status}`)
process.exit(status === 0 ? 0 : 1)
