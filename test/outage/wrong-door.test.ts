import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type Producer } from '../../src/index.ts'

const slackMs = 3000
const open: { close(): unknown }[] = []

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

/** A server that is no broker. */
class Stranger {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  port = 0
  connections = 0

  constructor(onBytes: (socket: Socket, bytes: Buffer) => void) {
    this.#server = createServer(socket => {
      this.connections++
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('data', bytes => onBytes(socket, bytes as Buffer))
    })
    open.push(this)
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as { port: number }).port
    return `127.0.0.1:${this.port}`
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) await new Promise(resolve => this.#server.close(resolve))
  }
}

/** What a TLS server answers to bytes that are no ClientHello: alert, fatal, unexpected message. */
const tlsAlert = Buffer.from([0x15, 3, 3, 0, 2, 2, 10])
const webAnswer = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

const strangers: [what: string, message: RegExp, answer: (socket: Socket) => void][] = [
  ['a TLS port', /TLS/, socket => socket.end(tlsAlert)],
  ['a TLS port that only hangs up', /TLS port/, socket => socket.destroy()],
  ['a web server', /web server/, socket => socket.end(webAnswer)],
  ['an SSH server', /SSH-2\.0|SSH-/, socket => socket.write('SSH-2.0-OpenSSH_9.2\r\n')],
  ['a server that says nothing', /said nothing/, () => {}],
  [
    'a server that sends an endless frame',
    /no connection|said nothing|takes at most|longer|bytes/,
    socket => socket.write(Buffer.from([127, 255, 255, 255, 0, 0])),
  ],
]

function producerFor(bootstrapServers: string | string[]): Producer {
  const producer = createProducer({
    bootstrapServers,
    socketConnectionSetupTimeoutMs: 400,
    socketConnectionSetupTimeoutMaxMs: 400,
    requestTimeoutMs: 400,
    maxBlockMs: 1000,
    reconnectBackoffMs: 50,
    reconnectBackoffMaxMs: 200,
    retryBackoffMs: 50,
    retryBackoffMaxMs: 200,
  })
  open.push({ close: () => producer.close({ timeoutMs: 0 }) })
  return producer
}

/** The error of a rejected promise, and after how long it came. */
async function failureOf(promise: PromiseLike<unknown>): Promise<{ error: Error & { code: string }; afterMs: number }> {
  const startedAt = performance.now()
  try {
    await promise
  } catch (error) {
    return { error: error as Error & { code: string }, afterMs: performance.now() - startedAt }
  }
  throw new Error('it should have failed')
}

describe.each(strangers)('%s instead of a broker', (_, message, answer) => {
  test('connect says so in time', async () => {
    const producer = producerFor(await new Stranger(answer).listen())

    const { error, afterMs } = await failureOf(producer.connect())

    expect(error.message).toMatch(message)
    expect(error.message).toMatch(/127\.0\.0\.1:\d+/)
    expect(afterMs).toBeLessThan(800 + slackMs)
  })

  test('send tries on, with pauses, until maxBlockMs, and says why', async () => {
    const stranger = new Stranger(answer)
    const producer = producerFor(await stranger.listen())

    const { error, afterMs } = await failureOf(producer.send({ topic: 'readings', value: 'x' }))

    expect(error).toMatchObject({ code: 'METADATA_TIMEOUT', outcome: 'not-written' })
    expect(error.message).toMatch(message)
    expect(afterMs).toBeLessThan(1000 + slackMs)
    // A refused ApiVersions is tried a second time in its oldest version: two connections an attempt.
    expect(stranger.connections).toBeGreaterThanOrEqual(2)
    expect(stranger.connections).toBeLessThan(50)
  })
})

test('nobody listens: connect says so at once, and send recovers when somebody does', async () => {
  const broker = await startBroker({ topics: ['readings'] })
  open.push(broker)
  await broker.stop(1)
  const producer = producerFor(broker.bootstrapServers)

  const { error, afterMs } = await failureOf(producer.connect())
  expect(error).toMatchObject({ code: 'CONNECT_FAILED', message: expect.stringMatching(/ECONNREFUSED/) })
  expect(afterMs).toBeLessThan(slackMs)

  const sent = producer.send({ topic: 'readings', value: 'x' })
  await new Promise(go => setTimeout(go, 200))
  expect(sent.settled).toBe(false)
  await broker.start(1)
  await sent
})

test('a broker that hangs from the beginning: metadata is asked for a few times, not in a loop', async () => {
  const broker = await startBroker({ topics: ['readings'] })
  open.push(broker)
  broker.faults.ignore('Metadata', { times: Number.POSITIVE_INFINITY })
  const producer = producerFor(broker.bootstrapServers)

  const sends = await Promise.allSettled(
    Array.from({ length: 5000 }, () => producer.send({ topic: 'readings', value: 'x' })),
  )

  expect(sends.every(send => send.status === 'rejected' && send.reason.code === 'METADATA_TIMEOUT')).toBe(true)
  expect(broker.requestCount('Metadata')).toBeGreaterThanOrEqual(2)
  expect(broker.requestCount('Metadata')).toBeLessThan(10)
})

test('a topic without a leader: metadata is asked for with pauses while records wait', async () => {
  const broker = await startBroker({ topics: { readings: { partitions: 1 } } })
  open.push(broker)
  const producer = producerFor(broker.bootstrapServers)
  await producer.send({ topic: 'readings', value: 'x' })
  broker.moveLeader('readings', 0, -1)
  const before = broker.requestCount('Metadata')

  const sends = Array.from({ length: 1000 }, () => producer.send({ topic: 'readings', value: 'x' }))
  await new Promise(go => setTimeout(go, 1000))
  const asked = broker.requestCount('Metadata') - before
  broker.moveLeader('readings', 0, 1)
  await Promise.all(sends)

  expect(asked).toBeGreaterThan(1)
  expect(asked).toBeLessThan(30)
})

describe.skipIf(process.platform !== 'linux')('an address that swallows connections', () => {
  let child: ChildProcess
  const fillers: Socket[] = []

  /** A process that listens, is stopped, and whose queue of connections is full: what a firewall that drops looks like. */
  async function blackHole(): Promise<string> {
    const listen = `const s = require('net').createServer(); s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))`
    child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] })
    open.push({
      close: () => {
        for (const socket of fillers.splice(0)) socket.destroy()
        child.kill('SIGKILL')
      },
    })
    const [line] = await once(child.stdout!, 'data')
    const port = Number(String(line))
    child.kill('SIGSTOP')
    for (;;) {
      const socket = tcpConnect(port, '127.0.0.1')
      socket.on('error', () => {})
      fillers.push(socket)
      const connected = await Promise.race([
        once(socket, 'connect').then(() => true),
        new Promise<boolean>(resolve => setTimeout(resolve, 300, false)),
      ])
      if (!connected) return `127.0.0.1:${port}`
    }
  }

  test('alone: connect ends at its time-out', async () => {
    const producer = producerFor(await blackHole())

    const { error, afterMs } = await failureOf(producer.connect())

    expect(error).toMatchObject({ code: 'CONNECT_TIMEOUT' })
    expect(afterMs).toBeLessThan(400 + slackMs)
  })

  test('one of three: the first record is acknowledged within the connection time-out', async () => {
    const broker: Broker = await startBroker({ topics: ['readings'] })
    open.push(broker)
    const [dead, live] = [await blackHole(), broker.bootstrapServers]

    for (let attempt = 0; attempt < 5; attempt++) {
      const producer = createProducer({ bootstrapServers: [dead, dead.replace('127.0.0.1', 'localhost'), live] })
      const startedAt = performance.now()
      await producer.send({ topic: 'readings', value: 'x' })
      // socketConnectionSetupTimeoutMs is 10 s: the others are tried beside the dead one, not after it.
      expect(performance.now() - startedAt).toBeLessThan(2000 + slackMs)
      await producer.close()
    }
  })
})
