import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { createProducer, type Producer } from '../../src/index.ts'
import { builtCommand } from './built-command.ts'
import { runCommand, startCommand, startUnread, until } from './run-command.ts'

let main: string
let broker: Broker
let producer: Producer
let topic: string
let runs = 0

beforeAll(async () => {
  main = await builtCommand()
  broker = await startBroker({ brokers: 3, autoCreateTopics: false })
  producer = createProducer({ bootstrapServers: broker.bootstrapServers })
})
afterAll(async () => {
  await producer?.close()
  await broker?.close()
})
beforeEach(() => {
  topic = `topic-${++runs}`
  broker.createTopic(topic, { partitions: 2 })
})

const argsOf = (args: readonly string[]) => ['tail', topic, '-b', broker.bootstrapServers, ...args]
const tail = (...args: string[]) => runCommand(main, argsOf(args))
const start = (...args: string[]) => startCommand(main, argsOf(args))
const all = ['--from', 'beginning', '--no-follow']
const lines = (stdout: string) => stdout.split('\n').filter(Boolean)

/** Sends values to a partition, one batch each. */
async function send(values: readonly string[], partition = 0): Promise<void> {
  for (const value of values) await producer.send({ topic, partition, value })
}

/** A run that follows has begun when its first long poll stands. */
const following = (of = topic) =>
  broker.waitForRequest(({ api, targets }) => api === 'Fetch' && targets[0]?.topic === of)

describe('what is read', () => {
  test('from the beginning to the end, in order within each partition', async () => {
    const values = Array.from({ length: 200 }, (_, index) => `${index}`)
    await producer.sendAll(values.map((value, index) => ({ topic, partition: index % 2, value })))

    const { code, stdout, stderr } = await tail(...all)

    expect([code, stderr]).toEqual([0, ''])
    const numbers = lines(stdout).map(Number)
    expect(numbers.filter(number => number % 2 === 0)).toEqual(values.filter((_, index) => index % 2 === 0).map(Number))
    expect(numbers.length).toBe(200)
  })

  test('an empty topic ends at once, and so does the end', async () => {
    const empty = await tail(...all)
    await send(['a'])
    const end = await tail('--no-follow')

    expect([empty.code, empty.stdout, end.code, end.stdout]).toEqual([0, '', 0, ''])
  })

  test('it ends where the partitions ended at the start, though more is written', async () => {
    await send(['a', 'b'])
    const held = broker.faults.hold('Fetch', { topic })
    const { ended } = start(...all, '-p', '0')
    await following()
    await send(['c'])
    held.release()

    const { code, stdout } = await ended

    expect([code, stdout]).toEqual([0, 'a\nb\n'])
  })

  test('what comes later is shown as it comes, and Ctrl-C ends with 130', async () => {
    await send(['before'])
    const { child, written, ended } = start()
    await following()
    await send(['one'])
    await until(() => written.stdout === 'one\n')
    await send(['two'], 1)
    await until(() => written.stdout === 'one\ntwo\n')

    child.kill('SIGINT')
    const { code, stderr } = await ended

    expect([code, stderr]).toEqual([130, ''])
  })

  test('-n ends after so many records of all partitions', async () => {
    await send(['a', 'b'])
    await send(['c', 'd'], 1)

    const { code, stdout } = await tail('--from', 'beginning', '-n', '3')

    expect([code, lines(stdout).length]).toEqual([0, 3])
  })

  test.each([
    ['2', ['c', 'd']],
    ['-1', ['d']],
    ['-100', ['a', 'b', 'c', 'd']],
    ['end', []],
  ])('--from %s', async (from, shown) => {
    await send(['a', 'b', 'c', 'd'])

    const { code, stdout } = await tail('--no-follow', '-p', '0', '--from', from)

    expect([code, lines(stdout)]).toEqual([0, shown])
  })

  test('--from a time: the first record of that time or later, in each partition', async () => {
    const at = Date.UTC(2026, 0, 31)
    for (const hour of [0, 1, 2])
      await producer.send({ topic, partition: 0, value: `${hour}`, timestamp: at + hour * 3_600_000 })
    await producer.send({ topic, partition: 1, value: 'old', timestamp: at })

    const iso = await tail('--no-follow', '--from', '2026-01-31T00:30:00Z')
    const epoch = await tail('--no-follow', '--from', `@${at + 7_200_000}`)

    expect([lines(iso.stdout), lines(epoch.stdout)]).toEqual([['1', '2'], ['2']]) // biome-ignore format: short
  })

  test('an offset that is not there begins at the nearest, and says so', async () => {
    await send(['a'])

    const { code, stdout, stderr } = await tail('--no-follow', '-p', '0', '--from', '50')

    expect([code, stdout]).toEqual([0, ''])
    expect(stderr).toBe(`ottla tail: ${topic}-0 has the offsets 0 to 1, not 50: reading from 1\n`)
  })

  test('every codec is read', async () => {
    for (const compressionType of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      await using compressing = createProducer({ bootstrapServers: broker.bootstrapServers, compressionType })
      await compressing.send({ topic, partition: 0, value: compressionType.repeat(500) })
    }

    const { stdout } = await tail(...all)

    expect(lines(stdout).map(line => line.length)).toEqual([2000, 2000, 3000, 1500, 2000])
  })

  test('batches larger than a partition gets in an answer are read', async () => {
    broker.createTopic(`${topic}-large`, { partitions: 1, config: { 'max.message.bytes': 5_000_000 } })
    const large = { bootstrapServers: broker.bootstrapServers, maxRequestSize: 5_000_000, bufferMemory: 64 * 2 ** 20 }
    await using generous = createProducer(large)
    for (const letter of ['a', 'b', 'c'])
      await generous.send({ topic: `${topic}-large`, value: letter.repeat(3_000_000) })

    const { code, stdout } = await runCommand(main, ['tail', `${topic}-large`, '-b', broker.bootstrapServers, ...all])

    expect([code, lines(stdout).map(line => [line[0], line.length])]).toEqual([
      0,
      [['a', 3_000_000], ['b', 3_000_000], ['c', 3_000_000]], // biome-ignore format: short
    ])
  })
})

describe('how it is shown', () => {
  test('bytes come out as they went in, and what was produced can be produced again', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter(byte => byte !== 0x0a))
    await producer.send({ topic, partition: 0, key: 'k', value: bytes })

    const { ended } = startCommand(main, argsOf([...all, '-K', ':']), 'latin1')

    expect((await ended).stdout).toBe(`k:${bytes.toString('latin1')}\n`)
  })

  test('columns, and JSON', async () => {
    const timestamp = Date.UTC(2026, 0, 31)
    await producer.send({ topic, partition: 1, key: 'k', value: 'v', timestamp, headers: [['h', '1']] })
    await producer.send({ topic, partition: 1, value: null, timestamp })

    const text = await tail(...all, '--timestamps', '--offsets', '--headers', '--keys')
    const json = await tail(...all, '--json')

    const time = '2026-01-31T00:00:00.000Z'
    expect(text.stdout).toBe(`${time}\t1:0\th=1\tk\tv\n${time}\t1:1\t-\tnull\tnull\n`)
    const place = { topic, partition: 1, timestamp }
    expect(lines(json.stdout).map(line => JSON.parse(line))).toEqual([
      { ...place, offset: 0, key: 'k', value: 'v', headers: [['h', '1']] },
      { ...place, offset: 1, key: null, value: null, headers: [] },
    ])
  })
})

describe('what goes wrong meanwhile', () => {
  test('a leader that moves is followed, without a loss and without a record twice', async () => {
    const { child, written, ended } = start('-p', '0')
    await following()
    for (let value = 0; value < 30; value++) {
      await send([`${value}`])
      if (value % 7 === 3) broker.moveLeader(topic, 0, (value % 3) + 1)
    }
    await until(() => lines(written.stdout).length >= 30)
    child.kill('SIGINT')
    await ended

    expect(lines(written.stdout)).toEqual(Array.from({ length: 30 }, (_, value) => `${value}`))
  })

  test('lost connections, errors that pass, throttling and damaged answers do no harm', async () => {
    await send(Array.from({ length: 20 }, (_, value) => `${value}`))
    broker.faults.closeBefore('Fetch', { topic, reset: true })
    broker.faults.failBefore('Fetch', 'NOT_LEADER_OR_FOLLOWER', { topic })
    broker.faults.failBefore('Fetch', 'KAFKA_STORAGE_ERROR', { topic })
    broker.faults.garbage('Fetch', { topic })
    broker.faults.throttle('Fetch', 200, { topic })
    broker.faults.failBefore('ListOffsets', 'LEADER_NOT_AVAILABLE', { topic })

    const { code, stdout } = await tail(...all, '-p', '0')

    expect(broker.faults.remaining).toBe(0)
    expect([code, lines(stdout)]).toEqual([0, Array.from({ length: 20 }, (_, value) => `${value}`)])
  })

  test('an offset that is gone by the time it is fetched: told, and it goes on at the earliest', async () => {
    const small = `${topic}-small`
    broker.createTopic(small, { partitions: 1, config: { 'retention.bytes': 500 } })
    await producer.send({ topic: small, value: 'first' })
    const held = broker.faults.hold('Fetch', { topic: small, times: 1 })
    const { child, written, ended } = startCommand(main, ['tail', small, '-b', broker.bootstrapServers, '--from', '0'])
    await following(small)
    for (let value = 0; value < 20; value++) await producer.send({ topic: small, value: `${value}` })
    const { startOffset } = broker.partition(small, 0)
    held.release()
    await until(() => lines(written.stdout).at(-1) === '19')
    child.kill('SIGINT')
    await ended

    expect(startOffset).toBeGreaterThan(0n)
    expect(written.stderr).toBe(
      `ottla tail: ${small}-0 no longer has offset 0: going on at its beginning, ${startOffset}\n`,
    )
    expect(lines(written.stdout)[0]).toBe(`${startOffset - 1n}`)
  })

  test('a topic that is deleted ends it with a sentence', async () => {
    const { ended } = start()
    await following()
    broker.deleteTopic(topic)

    const { code, stderr } = await ended

    expect(code).toBe(1)
    expect(stderr).toContain(`topic ${topic} is gone: it was deleted (UNKNOWN_TOPIC_OR_PARTITION)\n`)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  test('a topic that is made anew is read from its beginning', async () => {
    await send(['old'], 0)
    const { child, written, ended } = start('--from', 'beginning')
    await until(() => written.stdout === 'old\n')
    broker.recreateTopic(topic)
    await using fresh = createProducer({ bootstrapServers: broker.bootstrapServers })
    await fresh.send({ topic, partition: 0, value: 'new' })

    await until(() => written.stdout === 'old\nnew\n')
    child.kill('SIGINT')

    expect((await ended).stderr).toContain('was deleted and made anew')
  })

  test('a cluster that is away for a while is waited for', async () => {
    const { child, written, ended } = start()
    await following()
    for (const id of [1, 2, 3]) await broker.stop(id)
    for (const id of [1, 2, 3]) await broker.start(id)
    await send(['back'])

    await until(() => written.stdout === 'back\n', 20_000)
    child.kill('SIGINT')

    expect((await ended).code).toBe(130)
  })
})

describe('who reads the output', () => {
  test('may go away: it ends quietly', async () => {
    await producer.sendAll(Array.from({ length: 5000 }, () => ({ topic, value: 'x'.repeat(500) })))
    const { child, ended } = start('--from', 'beginning')
    await once(child.stdout, 'data')
    child.stdout.destroy()

    const { code, stderr } = await ended

    expect([code, stderr]).toEqual([0, ''])
  })

  test('may stop reading: the fetching stops, and a Ctrl-C is still heard', async () => {
    const megabytes = 40
    broker.createTopic(`${topic}-much`, { partitions: 1 })
    const batch = Array.from({ length: 10 }, () => ({ topic: `${topic}-much`, value: 'x'.repeat(100_000) }))
    for (let sent = 0; sent < megabytes; sent++) await producer.sendAll(batch)
    broker.clearRequests()
    const child = startUnread(main, ['tail', `${topic}-much`, '-b', broker.bootstrapServers, '--from', 'beginning'])
    const ended = once(child, 'close')
    await until(() => broker.requests('Fetch').length >= 2)
    await new Promise(resolve => setTimeout(resolve, 1000))
    // An answer has a megabyte of a partition at most: one is being written, one waits, one may be under way.
    expect(broker.requests('Fetch').length).toBeLessThanOrEqual(4)

    child.kill('SIGINT')
    // What the pipe holds is still read, so that it closes.
    child.stdout?.resume()

    expect((await ended)[0]).toBe(130)
  })
})

describe('wrong command lines of ottla tail', () => {
  test('all that is wrong is told at once, and nothing is connected to', async () => {
    broker.clearRequests()

    const { code, stderr } = await runCommand(main, [
      ...['tail', '-b', broker.bootstrapServers, '--from', 'yesterday', '-p', 'x', '-n', '0', '--value-format', 'xml'],
      ...['--key-format', 'xml', '--json', '--keys', '-X', 'lingr.ms=1'],
    ])

    expect(code).toBe(2)
    for (const part of [
      'no topic',
      '--from is beginning, end',
      '-p, --partition',
      '-n, --count',
      '--value-format is text, hex',
    ])
      expect(stderr).toContain(part)
    for (const part of ['--key-format', '--json and --keys exclude each other', 'linger.ms', 'Try: ottla tail --help'])
      expect(stderr).toContain(part)
    expect(broker.requests(({ clientId }) => clientId === 'ottla-tail')).toEqual([])
  })

  test('an unknown topic or partition is one sentence', async () => {
    const unknown = await runCommand(main, ['tail', 'nix', '-b', broker.bootstrapServers])
    const partition = await tail('-p', '2')

    expect([unknown.code, partition.code]).toEqual([1, 1])
    expect(unknown.stderr).toMatch(/^ottla tail: .*topic nix.*it does not exist.*\n$/)
    expect(partition.stderr).toMatch(/^ottla tail: topic .* has no partition 2, but 0 to 1 .*\n$/)
    expect(broker.topics).not.toContain('nix')
  })

  test('where nobody listens, one sentence says so', async () => {
    const { code, stderr } = await runCommand(main, ['tail', 'a', '-b', '127.0.0.1:1'])

    expect(code).toBe(1)
    expect(stderr).toMatch(/^ottla tail: .*127\.0\.0\.1:1.*\n$/)
  })
})
