import { createServer, type Server } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/time/clock.ts'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import type { Io, StopSignal } from '../../src/cli/io.ts'
import { runCli } from '../../src/cli/program.ts'
import { createProducer } from '../../src/index.ts'
import { startMetricsServer } from '../../src/prometheus/index.ts'
import { builtCommand } from './built-command.ts'
import { runCommand, startCommand, until } from './run-command.ts'

/** A page that says what the test says, each time it is asked. */
let server: Server
let url: string
let page: (request: number) => string | { readonly status: number; readonly text: string }
let requests: number

beforeEach(async () => {
  requests = 0
  page = request => pageOf({ sent: request * 100 })
  server = createServer((_, response) => {
    const answer = page(++requests)
    if (typeof answer === 'string') response.end(answer)
    else response.writeHead(answer.status).end(answer.text)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/metrics`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

interface PageOf {
  readonly clientId?: string
  readonly sent?: number
  readonly failed?: number
  readonly topics?: readonly string[]
}

/** A page with a little of everything, and with metrics of others. */
function pageOf({ clientId = 'shop', sent = 100, failed = 0, topics = ['orders'] }: PageOf): string {
  const client = `client_id="${clientId}"`
  return `# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12
kafka_producer_request_records_sum{${client}} ${sent}
kafka_producer_record_outcomes_total{${client},outcome="acknowledged",code="NONE"} ${sent}
kafka_producer_record_outcomes_total{${client},outcome="not-written",code="NOT_ENOUGH_REPLICAS"} ${failed}
${topics.map(topic => `kafka_producer_records_sent_total{${client},topic="${topic}"} ${sent}\n`).join('')}
kafka_producer_info{${client},version="1.2.3"} 1
`
}

/** A run of the command with the test on the other end. Each look at the clock is half a second later than the last one. */
function start(
  args: readonly string[],
  terminal: { columns?: number; rows?: number; env?: Io['env'] } | undefined = undefined,
) {
  const written = { stdout: '', stderr: '' }
  const streamTo = (name: keyof typeof written) => {
    const stream = new PassThrough()
    stream.setEncoding('utf8')
    stream.on('data', text => {
      written[name] += text
    })
    return stream
  }
  let now = 0
  const listeners = new Set<(signal: StopSignal) => void>()
  const stdout = streamTo('stdout')
  const { env = {}, columns = 100, rows = 50 } = terminal ?? {}
  const io: Io = {
    stdin: Readable.from([]),
    stdout: terminal ? Object.assign(stdout, { isTTY: true, columns, rows }) : stdout,
    stderr: streamTo('stderr'),
    env,
    clock: {
      ...systemClock,
      now: () => {
        now += 500
        return now
      },
    },
    onSignal(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const doors = { producer: () => Promise.reject(), broker: () => Promise.reject() }
  const code = runCli(['metrics', '--url', url, '--interval', '100ms', ...args], io, doors, '0')
  return { written, stdout, code, interrupt: () => listeners.forEach(listener => void listener('SIGINT')) }
}

describe('ottla metrics', () => {
  test('--once shows one interval, with rates of it, and ends', async () => {
    const { written, code } = start(['--once'])

    expect(await code).toBe(0)
    expect(requests).toBe(2)
    expect(written.stdout).toMatch(/^shop {2}ottla 1\.2\.3 {2}http/)
    expect(written.stdout).toMatch(/^records +200\/s sent, 200\/s acknowledged, 0\/s failed/m)
    expect(written.stdout).toMatch(/^orders +200\/s/m)
    expect(written.stdout.includes('\x1b')).toBe(false)
    expect(written.stderr).toBe('')
  })

  test('without a terminal it prints a block for each interval, until Ctrl-C, and exits with 130', async () => {
    const { written, code, interrupt } = start([])
    await until(() => written.stdout.split('\nshop').length === 3)
    interrupt()

    expect(await code).toBe(130)
    expect(written.stdout.includes('\x1b')).toBe(false)
    expect(written.stdout.endsWith('\n\n')).toBe(true)
  })

  test('--json is one object a line', async () => {
    const { written, code, interrupt } = start(['--json'])
    await until(() => written.stdout.split('\n').length > 2)
    interrupt()
    await code

    const [first, second] = written.stdout.split('\n').map(line => (line === '' ? undefined : JSON.parse(line)))
    expect(first).toMatchObject({
      producer: 'shop',
      version: '1.2.3',
      seconds: 0.5,
      records: { sent: { perSecond: 200, total: 200 }, failed: { perSecond: 0, total: 0 } },
      failures: [{ outcome: 'not-written', code: 'NOT_ENOUGH_REPLICAS', records: { perSecond: 0, total: 0 } }],
      topics: [{ topic: 'orders', sent: { perSecond: 200, total: 200 } }],
      latencyMs: { delivery: null },
    })
    expect(second).toMatchObject({ records: { sent: { perSecond: 200, total: 300 } } })
  })

  test('on a terminal the block is drawn over, and cut to its size', async () => {
    const topics = Array.from({ length: 40 }, (_, index) => `topic-${index}-${'x'.repeat(60)}`)
    page = request => pageOf({ sent: request, topics })
    const { written, code, interrupt } = start([], { columns: 40, rows: 20 })
    await until(() => written.stdout.includes('F\x1b[J'))
    interrupt()
    await code

    const [first = '', second = ''] = written.stdout.split('\x1b[19F')
    expect(first.startsWith('\x1b[J')).toBe(true)
    expect(second.startsWith('\x1b[J')).toBe(true)
    const lines = first.slice('\x1b[J'.length).split('\n')
    expect(lines).toHaveLength(20)
    expect(Math.max(...lines.map(line => line.length))).toBe(39)
  })

  test.each([
    [{}, true],
    [{ NO_COLOR: '1' }, false],
  ])('what fails now is red on a terminal, with %j: %s', async (env, isRed) => {
    page = request => pageOf({ failed: request * 10 })
    const { written, code, interrupt } = start([], { env })
    await until(() => written.stdout.includes('failed'))
    interrupt()
    await code

    expect(written.stdout.includes('\x1b[31m20/s failed\x1b[39m')).toBe(isRed)
    expect(written.stdout).toMatch(/not-written +NOT_ENOUGH_REPLICAS +20 +20\/s/)
  })

  test('a terminal that is dumb is not drawn over', async () => {
    const { written, code, interrupt } = start([], { env: { TERM: 'dumb' } })
    await until(() => written.stdout.includes('shop'))
    interrupt()
    await code

    expect(written.stdout.includes('\x1b')).toBe(false)
  })

  test('more than fifteen topics are counted', async () => {
    page = request => pageOf({ sent: request, topics: Array.from({ length: 40 }, (_, index) => `topic-${index}`) })
    const { written, code } = start(['--once'])
    await code

    expect(written.stdout.match(/^topic-\d+ /gm)).toHaveLength(15)
    expect(written.stdout).toContain('\nand 25 more\n')
  })

  test('a name that would move the cursor is shown as harmless', async () => {
    page = () => pageOf({ topics: ['a\x1b[2Jb'] })
    const { written, code } = start(['--once'])
    await code

    expect(written.stdout).toContain('a?[2Jb')
    expect(written.stdout.includes('\x1b')).toBe(false)
  })

  test.each([
    ['a page for people', '<!DOCTYPE html><html></html>', /is no page of Prometheus metrics/],
    ['metrics of others alone', '# TYPE up gauge\nup 1\n', /there are no metrics of a producer at http/],
    ['an empty page', '', /there are no metrics of a producer/],
    ['an error', { status: 404, text: 'Nothing is here. The metrics are at /x.\n' }, /answers 404: Nothing is here/],
    ['an error for people', { status: 500, text: '<html>' }, /answers 500$/m],
  ])('%s: one sentence says so, and the exit code is 1', async (_, answer, sentence) => {
    page = () => answer
    const { written, code } = start([])

    expect(await code).toBe(1)
    expect(written.stderr).toMatch(sentence)
    expect(written.stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(written.stdout).toBe('')
  })

  test('of several producers one has to be named', async () => {
    page = request => pageOf({ sent: request }) + pageOf({ clientId: 'till', sent: request * 7 })
    const unnamed = start([])
    const unknown = start(['--producer', 'x'])
    const named = start(['--once', '--producer', 'till'])

    expect([await unnamed.code, await unknown.code, await named.code]).toEqual([1, 1, 0])
    expect(unnamed.written.stderr).toContain('there are 2 producers')
    expect(unnamed.written.stderr).toContain('"shop", "till"; say which with --producer')
    expect(unknown.written.stderr).toContain('there is no producer "x"')
    expect(named.written.stdout).toMatch(/^till /)
  })

  test('a page that goes away later is told of, and looked for again', async () => {
    page = request => (request === 3 ? { status: 503, text: 'restarting' } : pageOf({ sent: request }))
    const piped = start([])
    await until(() => piped.written.stderr !== '')
    await until(() => piped.written.stdout.split('\nshop').length > 2)
    piped.interrupt()
    expect(await piped.code).toBe(130)
    expect(piped.written.stderr).toBe(`ottla metrics: ${url} answers 503: restarting\n`)

    requests = 0
    const shown = start([], {})
    await until(() => shown.written.stdout.includes('answers 503'))
    await until(() => requests > 4)
    shown.interrupt()
    await shown.code
    expect(shown.written.stderr).toBe('')
  })

  test('--once does not wait for a page to come back', async () => {
    page = request => (request === 2 ? { status: 503, text: '' } : pageOf({}))
    const { written, code } = start(['--once'])

    expect(await code).toBe(1)
    expect(written.stderr).toContain('answers 503')
  })

  test('what is wrong with the command line is told together', async () => {
    const { written, code } = start(['--interval', '5 minutes', '--url', 'localhost:9464'])

    expect(await code).toBe(2)
    expect(written.stderr).toContain('--interval is a time from 100ms to 60m')
    expect(written.stderr).toContain('--url is an address')
    expect(requests).toBe(0)
  })

  test('whoever read it and went away ends it', async () => {
    const { stdout, code } = start([])
    await until(() => requests > 1)
    stdout.destroy()

    expect(await code).toBe(0)
  })
})

describe('the built command', () => {
  let main: string
  let broker: Broker

  beforeAll(async () => {
    main = await builtCommand()
  })
  beforeEach(async () => {
    broker = await startBroker({ topics: { orders: { partitions: 3 } } })
    return () => broker.close()
  })

  test('where nobody listens, one sentence says so, and how to serve metrics', async () => {
    const free = createTcpServer()
    await new Promise<void>(resolve => free.listen(0, '127.0.0.1', resolve))
    const { port } = free.address() as { port: number }
    await new Promise(resolve => free.close(resolve))

    const { code, stdout, stderr } = await runCommand(main, ['metrics', '--url', `http://127.0.0.1:${port}/metrics`])

    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^ottla metrics: http:\S+ cannot be read: nobody listens there\. .*startMetricsServer.*\n$/)
  })

  test('it shows what a producer does that serves its metrics', async () => {
    const producer = createProducer({ bootstrapServers: broker.bootstrapServers, clientId: 'checkout' })
    await using metrics = await startMetricsServer(producer, { port: 0 })
    await producer.send({ topic: 'orders', value: 'first' })
    const sending = setInterval(() => void producer.send({ topic: 'orders', value: 'v'.repeat(100) }), 5)

    const { code, stdout } = await runCommand(main, ['metrics', '--url', metrics.url, '--once', '--json'])
    clearInterval(sending)
    await producer.close()

    const report = JSON.parse(stdout)
    expect(code).toBe(0)
    expect(report.producer).toBe('checkout')
    expect(report.records.acknowledged.perSecond).toBeGreaterThan(1)
    expect(report.records.sent.total).toBeGreaterThanOrEqual(report.records.acknowledged.total)
    expect(report.topics).toMatchObject([{ topic: 'orders' }])
    expect(report.brokers).toMatchObject([{ broker: '1' }])
    for (const name of ['queue', 'request', 'delivery']) expect(report.latencyMs[name].p99).toBeGreaterThan(0)
    expect(report.requests.averageRecords).toBeGreaterThanOrEqual(1)
    expect(report.batches.averageBytes).toBeGreaterThan(100)
  })

  test('ottla produce --metrics-port serves what it does while it runs', async () => {
    const { child, written, ended } = startCommand(main, [
      ...['produce', '-b', broker.bootstrapServers, '-t', 'orders', '--metrics-port', '0'],
    ])
    child.stdin.write('one\ntwo\n')
    await until(() => /metrics are at \S+/.test(written.stderr) && broker.records('orders').length === 2)
    const [, address = ''] = /metrics are at (\S+)/.exec(written.stderr) ?? []
    const { stdout } = await runCommand(main, ['metrics', '--url', address, '--once', '--json', '--interval', '200ms'])
    child.stdin.end()

    expect((await ended).code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ producer: 'ottla-produce', records: { acknowledged: { total: 2 } } })
    await expect(fetch(address)).rejects.toThrow()
  })

  test('a --metrics-port that is taken, or none at all, is said before anything is sent', async () => {
    const produce = ['produce', '-b', broker.bootstrapServers, '-t', 'orders', '--metrics-port']
    const { port } = server.address() as { port: number }
    const taken = await runCommand(main, [...produce, String(port)], 'one\n')
    const none = await runCommand(main, [...produce, 'x'], 'one\n')

    expect([taken.code, none.code]).toEqual([1, 2])
    expect(taken.stderr).toContain(`port ${port} on 127.0.0.1 is in use`)
    expect(none.stderr).toContain('--metrics-port is a number from 0')
    expect(broker.records('orders')).toEqual([])
  })
})
