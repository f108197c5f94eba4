import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Broker, type BrokerRequest, startBroker } from '../../src/broker/index.ts'
import { builtCommand } from './built-command.ts'
import { runCommand, startCommand, until } from './run-command.ts'

/** The command as a user runs it: a process of its own, against the embedded broker. */
let main: string
let folder: string
let broker: Broker
let topic: string
let runs = 0

beforeAll(async () => {
  main = await builtCommand()
  folder = await mkdtemp(join(tmpdir(), 'ottla-command-'))
  broker = await startBroker({ numPartitions: 6 })
})
afterAll(async () => {
  await broker?.close()
  if (folder) await rm(folder, { recursive: true })
})
beforeEach(() => {
  topic = `topic-${++runs}`
})

const start = (args: readonly string[]) => startCommand(main, args)
const run = (args: readonly string[], input: string | Buffer = '') => runCommand(main, args, input)

const produce = (input: string | Buffer, ...args: string[]) =>
  run(['produce', '-b', broker.bootstrapServers, '-t', topic, ...args], input)

const stored = () =>
  broker.records(topic).map(({ key, value, headers }) => ({
    key: key && String(key),
    value: value && String(value),
    headers: headers.map(([name, header]) => [name, header && String(header)]),
  }))

describe('ottla produce', () => {
  test('lines arrive as records, in order within a partition', async () => {
    const lines = Array.from({ length: 5000 }, (_, index) => `key-${index % 30}:value ${index}`)

    const { code, stderr } = await produce(lines.join('\n'), '-K', ':')

    expect(stderr).toContain('5,000 acknowledged')
    expect(code).toBe(0)
    const arrived = stored()
    expect(arrived.length).toBe(5000)
    for (let key = 0; key < 30; key++) {
      const numbers = arrived.filter(record => record.key === `key-${key}`).map(({ value }) => Number(value?.slice(6)))
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      expect(numbers.length).toBeGreaterThan(160)
    }
  })

  test('with --log-level the producer says on standard error what it does; without it nothing', async () => {
    const quiet = await produce('a\nb\n', '--quiet')
    const told = await produce('a\nb\n', '--quiet', '--log-level', 'info')
    const wrong = await produce('a\n', '--log-level', 'loud')

    expect([quiet.code, quiet.stderr]).toEqual([0, ''])
    expect(told.stderr.trimEnd().split('\n')).toEqual([
      `ottla produce: info: connected to broker 1: ${broker.bootstrapServers}`,
      expect.stringMatching(/^ottla produce: info: closed after .*: 2 records acknowledged, 0 not written/),
    ])
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringContaining('--log-level is debug, info, warn, error, not "loud"'),
    ])
  })

  test("keys, headers, tombstones and codecs in kcat's way", async () => {
    const { code } = await produce('k:;k2:v', '-K:', '-D;', '-Z', '-H', 'source=test', '-z', 'gzip', '-p', '4')

    expect(code).toBe(0)
    const headers = [['source', 'test']]
    expect(stored()).toEqual([
      { key: 'k', value: null, headers },
      { key: 'k2', value: 'v', headers },
    ])
    expect(broker.batches(topic, 4)[0]?.codec).toBe(1)
  })

  test('bytes that are not UTF-8 arrive unchanged', async () => {
    const bytes = Buffer.from(
      Array.from({ length: 256 }, (_, byte) => byte).filter(byte => byte !== 0x0a && byte !== 0x0d),
    )

    await produce(Buffer.concat([bytes, Buffer.from('\n'), bytes]))

    expect(broker.records(topic).map(({ value }) => value)).toEqual([bytes, bytes])
  })

  test('a real file of 10,000 lines that end in CR LF arrives byte for byte', async () => {
    const file = fileURLToPath(new URL('../../examples/data/birdstrikes.csv', import.meta.url))

    const { code, stdout } = await produce('', '--json', '-z', 'lz4', '-p', '0', file)

    expect(code).toBe(0)
    const digest = (text: string) => createHash('sha256').update(text).digest('hex')
    const lines = stored().map(({ value }) => value)
    expect(JSON.parse(stdout)).toMatchObject({ records: lines.length, acknowledged: lines.length, failed: 0 })
    expect(digest(lines.join('\n'))).toBe(digest((await readFile(file, 'utf8')).replaceAll('\r\n', '\n')))
  })

  test('a property file for a Java program is taken', async () => {
    const file = join(folder, 'client.properties')
    await writeFile(file, '# comment\nlinger.ms = 20\ncompression.type=snappy\n')

    expect((await produce('a\n', '--property-file', file, '-p', '0')).code).toBe(0)
    expect(broker.batches(topic, 0)[0]?.codec).toBe(2)
  })

  test.each(['1', '0'])('--acks %s: the record arrives, without idempotence', async acks => {
    const { code, stderr } = await produce(
      'a\n',
      '--acks',
      acks,
      '-X',
      'delivery.timeout.ms=5000',
      '-X',
      'request.timeout.ms=4000',
    )

    expect(code).toBe(0)
    expect(stderr).toContain('turns idempotence off')
    await until(() => broker.topics.includes(topic) && broker.records(topic).length === 1)
  })

  test('a record that is refused is named, and the exit code is 1', async () => {
    const { code, stderr } = await produce(`a\n${'x'.repeat(5000)}\nb\n`, '-X', 'max.request.size=2000')

    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^stdin:2: ${topic} RECORD_TOO_LARGE \\(not-written\\): `, 'm'))
    expect(stderr).toContain('2 acknowledged, 1 not written')
    expect(stored().length).toBe(2)
  })

  test('a line of 100 MB is refused without being kept', async () => {
    const { child, ended } = start(['produce', '-b', broker.bootstrapServers, '-t', topic])
    const megabyte = Buffer.alloc(1_000_000, 'x')
    for (let i = 0; i < 100; i++) if (!child.stdin.write(megabyte)) await once(child.stdin, 'drain')
    child.stdin.end('\nsmall\n')
    const { code, stderr } = await ended

    expect(code).toBe(1)
    expect(stderr).toContain('RECORD_TOO_LARGE (not-written): 100000000 bytes')
    expect(stored().map(({ value }) => value)).toEqual(['small'])
  })

  test('wrong options are told together, without a stack trace', async () => {
    const { code, stderr } = await produce('', '-X', 'lingr.ms=5', '-X', 'batch.size=-1', '-z', 'brotli')

    expect(code).toBe(2)
    expect(stderr).toContain('linger.ms')
    expect(stderr).toContain('batch')
    expect(stderr).toContain('brotli')
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  test('where nobody listens, one sentence says so', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    server.close()
    await once(server, 'close')

    const { code, stderr } = await run(
      ['produce', '-b', `127.0.0.1:${port}`, '-t', topic, '-X', 'socket.connection.setup.timeout.ms=1000'],
      'a\n',
    )

    expect(code).toBe(1)
    expect(stderr).toContain(`127.0.0.1:${port}`)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  test('Ctrl-C waits for what was sent and exits with 130', async () => {
    const { child, ended } = start(['produce', '-b', broker.bootstrapServers, '-t', topic])
    child.stdin.write('one\ntwo\nunfinished')
    await until(() => broker.topics.includes(topic) && broker.records(topic).length === 2)

    child.kill('SIGINT')
    const { code, stderr } = await ended

    expect(code).toBe(130)
    expect(stderr).toContain('2 acknowledged')
    expect(stderr).toContain('stopped by SIGINT')
    expect(stored().length).toBe(2)
  })

  test('the second Ctrl-C quits though the broker does not answer, and says what is unknown', async () => {
    const silent = await startBroker({ topics: [topic] })
    const { child, ended } = start(['produce', '-b', silent.bootstrapServers, '-t', topic])
    child.stdin.write('one\n')
    await until(() => silent.records(topic).length === 1)
    silent.pause(1)
    child.stdin.write('two\n')
    // The record is on its way once the bytes have left us; a second line on standard error tells that the first Ctrl-C was seen.
    await new Promise(resolve => setTimeout(resolve, 300))
    child.kill('SIGINT')
    await once(child.stderr, 'data')
    child.kill('SIGINT')
    const { code, stderr } = await ended
    silent.resume(1)
    await silent.close()

    expect(code).toBe(130)
    expect(stderr).toMatch(new RegExp(`stdin:2: ${topic}.* \\((unknown|not-written)\\)`))
    expect(stderr).toContain('1 acknowledged, 1 ')
  })

  test('a reader of the summary that goes away does no harm', async () => {
    const { child, ended } = start(['produce', '-b', broker.bootstrapServers, '-t', topic, '--json'])
    child.stdout.destroy()
    child.stderr.destroy()
    child.stdin.end('a\nb\n')

    expect((await ended).code).toBe(0)
    expect(stored().length).toBe(2)
  })
})

describe('ottla produce --sync', () => {
  /** The batches that came, each once: on a busy machine one may be sent a second time by another connection, and is recognised. */
  const produced = () => {
    const batches = broker
      .requests('Produce')
      .flatMap(request => request.batches.filter(batch => batch.topic === topic))
    return [...new Map(batches.map(batch => [`${batch.partition} ${batch.baseSequence}`, batch])).values()]
  }

  /** The second record of partition 0, however often it is sent. */
  const second = {
    topic: '',
    times: Number.POSITIVE_INFINITY,
    when: ({ batches }: BrokerRequest) => batches.some(({ baseSequence }) => baseSequence === 1),
  }
  beforeEach(() => {
    second.topic = topic
  })

  test('each line is acknowledged before the next is sent: a request a record, in the order of the lines', async () => {
    const lines = Array.from({ length: 300 }, (_, index) => `key-${index % 30}:value ${index}`)

    const { code, stdout } = await produce(lines.join('\n'), '--sync', '--json', '-K', ':')

    expect(code).toBe(0)
    const summary = JSON.parse(stdout)
    expect(summary).toMatchObject({ records: 300, acknowledged: 300, failed: 0 })
    expect(summary.latencyMs.p50).toBeGreaterThan(0)
    // One after the other they cannot take longer than the run.
    expect(summary.latencyMs.p50 * 150).toBeLessThan(summary.seconds * 1000)
    const places = produced()
    expect(places.map(({ recordCount }) => recordCount)).toEqual(lines.map(() => 1))
    const inPartitions = new Map(places.map(({ partition }) => [partition, broker.records(topic, partition)]))
    const inOrder = places.map(({ partition }) => inPartitions.get(partition)?.shift())
    expect(inOrder.map(record => `${record?.key}:${record?.value}`)).toEqual(lines)
  })

  test('a record that is refused is named, the others are delivered, and the exit code is 1', async () => {
    const { code, stderr } = await produce(`a\n${'x'.repeat(5000)}\nb\n`, '--sync', '-X', 'max.request.size=2000')

    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^stdin:2: ${topic} RECORD_TOO_LARGE \\(not-written\\): `, 'm'))
    expect(stderr).toContain('2 acknowledged, 1 not written')
    expect(stored().map(({ value }) => value)).toEqual(expect.arrayContaining(['a', 'b']))
    expect(stored().length).toBe(2)
  })

  test('what the broker refuses is named as well', async () => {
    broker.createTopic(topic, { partitions: 1, config: { 'max.message.bytes': '500' } })

    const { code, stderr } = await produce(`a\n${'x'.repeat(600)}\nc\n`, '--sync')

    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^stdin:2: ${topic} RECORD_TOO_LARGE \\(.*the broker takes no record`, 'm'))
    expect(stored().map(({ value }) => value)).toEqual(['a', 'c'])
  })

  test('keys, headers, tombstones and codecs are as without it', async () => {
    const { code } = await produce(
      'k:;k2:v',
      '--sync',
      '-K:',
      '-D;',
      '-Z',
      '-H',
      'source=test',
      '-z',
      'gzip',
      '-p',
      '4',
    )

    expect(code).toBe(0)
    const headers = [['source', 'test']]
    expect(stored()).toEqual([
      { key: 'k', value: null, headers },
      { key: 'k2', value: 'v', headers },
    ])
    expect(broker.batches(topic, 4).map(({ codec }) => codec)).toEqual([1, 1])
  })

  test.each([
    ['acks 1', ['--acks', '1']],
    ['acks 0', ['--acks', '0']],
    ['acks all, without idempotence', ['-X', 'enable.idempotence=false']],
  ])('%s: each record once, in order', async (_, flags) => {
    const lines = Array.from({ length: 200 }, (_, index) => `${index}`)

    const { code, stderr } = await produce(lines.join('\n'), '--sync', '-p', '0', ...flags)

    expect(stderr).toMatch(/: 200 (acknowledged|written to the connection)/)
    expect(code).toBe(0)
    await until(() => broker.topics.includes(topic) && broker.records(topic).length >= 200)
    expect(stored().map(({ value }) => value)).toEqual(lines)
  })

  test('a line is sent as soon as it is typed, and Ctrl-C ends the reading', async () => {
    const { child, ended } = start(['produce', '-b', broker.bootstrapServers, '-t', topic, '--sync'])
    child.stdin.write('one\n')
    await until(() => broker.topics.includes(topic) && broker.records(topic).length === 1)
    child.stdin.write('two\nunfinished')
    await until(() => broker.records(topic).length === 2)

    child.kill('SIGINT')
    const { code, stderr } = await ended

    expect(code).toBe(130)
    expect(stderr).toContain('2 acknowledged')
    expect(stored().length).toBe(2)
  })

  test('while a record waits for its answer the progress line goes on, and Ctrl-C is heard', async () => {
    const held = broker.faults.hold('Produce', { ...second, phase: 'after' })
    const flags = ['-p', '0', '--sync', '--progress']
    const { child, ended } = start(['produce', '-b', broker.bootstrapServers, '-t', topic, ...flags])
    const shown = textOf(child.stderr)
    child.stdin.write('one\ntwo\nthree\n')
    await until(() => shown().includes('1 acknowledged'))

    child.kill('SIGINT')
    await until(() => shown().includes('stopping: waiting for 1 record'))
    held.release()
    const { code, stderr } = await ended

    expect(code).toBe(130)
    expect(stderr).toContain('2 acknowledged')
    expect(stored().length).toBe(2)
  })

  test('the second Ctrl-C gives up a record that nobody answers', async () => {
    broker.faults.swallowAnswer('Produce', second)
    const { child, ended } = start(['produce', '-b', broker.bootstrapServers, '-t', topic, '-p', '0', '--sync'])
    const shown = textOf(child.stderr)
    child.stdin.write('one\ntwo\nthree\n')
    await until(() => broker.topics.includes(topic) && broker.records(topic).length === 2)

    child.kill('SIGINT')
    await until(() => shown().includes('stopping: waiting for 1 record'))
    child.kill('SIGINT')
    const { code, stderr } = await ended

    expect(code).toBe(130)
    expect(stderr).toMatch(new RegExp(`^stdin:2: ${topic}-0 CLOSED \\(unknown\\): `, 'm'))
    expect(stderr).toContain('1 acknowledged, 1 unknown')
  })

  test('where nobody listens, one sentence says so', async () => {
    const silent = await startBroker()
    const address = silent.bootstrapServers
    await silent.close()

    const { code, stderr } = await run(['produce', '-b', address, '-t', topic, '--sync'], 'a\n')

    expect(code).toBe(1)
    expect(stderr).toContain(address)
    expect(stderr).not.toMatch(/^\s+at /m)
  })
})

test('ottla broker takes what ottla produce sends', async () => {
  const server = start(['broker', '--port', '0', '--topic', `${topic}:2`])
  const [introduction] = (await once(server.child.stdout, 'data')) as [Buffer]
  const address = /127\.0\.0\.1:\d+/.exec(String(introduction))?.[0] ?? ''

  const { code, stderr } = await run(['produce', '-b', address, '-t', topic], 'hello\n')
  server.child.kill('SIGINT')

  expect([code, stderr.includes('1 acknowledged')]).toEqual([0, true])
  expect((await server.ended).code).toBe(0)
})

/** What has come so far. */
function textOf(stream: Readable): () => string {
  let text = ''
  stream.on('data', data => {
    text += data
  })
  return () => text
}
