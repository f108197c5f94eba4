import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, KafkaError } from '../../base/errors/index.ts'
import { systemClock } from '../../base/time/clock.ts'
import type { ProducerOptions } from '../../client/producer/options.ts'
import type { Producer, SendCallback } from '../../client/producer/types.ts'
import type { ProducerRecord } from '../../client/record/record.ts'
import type { Io, StopSignal } from '../io.ts'
import { runCli } from '../program.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ottla-cli-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

/** What a record is copied to at once, since its buffers may be used again. */
interface Sent {
  key: string | null
  value: string | null
  headers: [string, string | null][]
  partition: number | undefined
}

/** A producer that answers as the test says, and keeps what it was given. */
class FakeProducer {
  readonly sent: Sent[] = []
  readonly callbacks: SendCallback[] = []
  hasRoom = true
  rooms = 0
  closedWith: number | undefined
  /** How the record with this number (from 0) ends; undefined leaves it open. */
  answer: (index: number) => KafkaError | null | undefined = () => null
  connectError: KafkaError | undefined

  on() {
    return this
  }
  async connect() {
    if (this.connectError) throw this.connectError
  }
  send(record: ProducerRecord, callback: SendCallback) {
    const text = (bytes: unknown) => (bytes === null || bytes === undefined ? null : String(bytes))
    const headers = (record.headers ?? []) as [string, Uint8Array | null][]
    const index = this.sent.push({
      key: text(record.key),
      value: text(record.value),
      headers: headers.map(([name, value]) => [name, text(value)]),
      partition: record.partition,
    })
    this.callbacks.push(callback)
    setImmediate(() => this.settle(index - 1, this.answer(index - 1)))
  }
  settle(index: number, answer: KafkaError | null | undefined) {
    const callback = this.callbacks[index]
    if (answer === undefined || !callback) return
    delete this.callbacks[index]
    if (answer) callback(answer, undefined)
    else callback(null, undefined as never)
  }
  async room() {
    this.rooms++
    await new Promise(resolve => setImmediate(resolve))
    this.hasRoom = true
  }
  async flush({ signal }: { signal?: AbortSignal } = {}) {
    while (this.callbacks.some(callback => callback !== undefined)) {
      if (signal?.aborted) throw new KafkaError('ABORTED', 'aborted')
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  async close({ timeoutMs }: { timeoutMs: number }) {
    this.closedWith = timeoutMs
    for (const index of this.callbacks.keys()) {
      this.settle(index, new KafkaError('CLOSED', 'the producer was closed', { outcome: 'unknown' }))
    }
  }
}

interface Run {
  code: number
  stdout: string
  stderr: string
  producer: FakeProducer
  options: ProducerOptions | undefined
}

function harness(input: Readable | string = '', { tty = false, env = {} }: { tty?: boolean; env?: Io['env'] } = {}) {
  const producer = new FakeProducer()
  const listeners = new Set<(signal: StopSignal) => void>()
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const stdin = typeof input === 'string' ? Readable.from([Buffer.from(input)]) : input
  const io: Io = {
    stdin,
    stdout,
    stderr: Object.assign(stderr, { isTTY: tty, columns: 100 }),
    env,
    clock: systemClock,
    onSignal(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  let options: ProducerOptions | undefined
  const door = {
    createProducer(given: ProducerOptions) {
      options = given
      return producer as unknown as Producer
    },
    fromProperties(given: string | Readonly<Record<string, string>>): Partial<ProducerOptions> {
      const entries = typeof given === 'string' ? given.split('\n').map(line => line.split('=')) : Object.entries(given)
      const names: Record<string, string> = { 'linger.ms': 'lingerMs', 'max.request.size': 'maxRequestSize' }
      const wrong = entries.map(([name]) => name!).filter(name => name && !(name in names))
      if (wrong.length > 0) throw new ConfigError(wrong.map(option => ({ option, message: `unknown ${option}` })))
      return Object.fromEntries(entries.filter(([name]) => name).map(([name, value]) => [names[name!], Number(value)]))
    },
  }
  const run = async (...args: string[]): Promise<Run> => {
    const code = await runCli(
      args,
      io,
      { producer: async () => door, broker: async () => ({ startBroker: () => Promise.reject(new Error('unused')) }) },
      '1.2.3',
    )
    return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? ''), producer, options }
  }
  const signal = (name: StopSignal) => {
    for (const listener of [...listeners]) listener(name)
  }
  return { producer, run, signal, listeners }
}

const produce = (input: string, ...args: string[]) => harness(input).run('produce', '-t', 'orders', ...args)

describe('input', () => {
  test('each line of standard input is a record, and the summary counts them', async () => {
    const { code, producer, stderr } = await produce('a\nb\r\n\nc')

    expect(code).toBe(0)
    expect(producer.sent.map(record => record.value)).toEqual(['a', 'b', '', 'c'])
    expect(stderr).toMatch(/^4 records, 3 B in .* records\/s\): 4 acknowledged\nlatency p50 /)
  })

  test('files are read in turn, standard input where a dash stands', async () => {
    await writeFile(join(folder, 'one.txt'), '1\n2')
    await writeFile(join(folder, 'two.txt'), '3\n')

    const { producer } = await produce('middle\n', join(folder, 'one.txt'), '-', join(folder, 'two.txt'))

    expect(producer.sent.map(record => record.value)).toEqual(['1', '2', 'middle', '3'])
  })

  test("kcat's flags: delimiters, keys, headers, tombstones, partition", async () => {
    const { producer } = await produce(
      'k:v;:w;k2:;x',
      '-K:',
      '-D',
      ';',
      '-k',
      'fixed',
      '-Z',
      '-H',
      'a=1',
      '-H',
      'b',
      '-p',
      '3',
    )

    const headers = [
      ['a', '1'],
      ['b', null],
    ]
    expect(producer.sent).toEqual([
      { key: 'k', value: 'v', headers, partition: 3 },
      { key: 'fixed', value: 'w', headers, partition: 3 },
      { key: 'k2', value: null, headers, partition: 3 },
      { key: 'fixed', value: 'x', headers, partition: 3 },
    ])
  })

  test("kafka-console-producer's reader properties", async () => {
    const properties = ['parse.key=true', 'key.separator=:', 'parse.headers=true', 'null.marker=NULL']
    const { producer } = await produce('h:1\tk:NULL', ...properties.flatMap(pair => ['--reader-property', pair]))

    expect(producer.sent).toEqual([{ key: 'k', value: null, headers: [['h', '1']], partition: undefined }])
  })

  test('a file can be one record', async () => {
    await writeFile(join(folder, 'whole.bin'), 'a\nb\n')

    const { producer } = await produce('', '--whole-file', join(folder, 'whole.bin'))

    expect(producer.sent.map(record => record.value)).toEqual(['a\nb\n'])
  })

  test('-c stops after so many records', async () => {
    expect((await produce('1\n2\n3\n', '-c', '2')).producer.sent.length).toBe(2)
  })

  test('the loop waits wherever the producer has no room', async () => {
    const { producer, run } = harness('1\n2\n3\n')
    const send = producer.send.bind(producer)
    producer.send = (...args) => {
      producer.hasRoom = false
      send(...args)
    }

    expect((await run('produce', '-t', 'orders')).code).toBe(0)
    expect(producer.rooms).toBe(3)
  })
})

describe('failures', () => {
  const refused = new KafkaError('NOT_ENOUGH_REPLICAS', 'too few replicas', { outcome: 'not-written' })
  const lost = new KafkaError('DELIVERY_TIMEOUT', 'no answer', { outcome: 'unknown' })

  test('one record that was not acknowledged makes the exit code 1, and is named', async () => {
    const { producer, run } = harness('a\nb\nc\n')
    producer.answer = index => [null, refused, lost][index]

    const { code, stderr } = await run('produce', '-t', 'orders', '-p', '1')

    expect(code).toBe(1)
    expect(stderr).toContain('stdin:2: orders-1 NOT_ENOUGH_REPLICAS (not-written): too few replicas\n')
    expect(stderr).toContain('stdin:3: orders-1 DELIVERY_TIMEOUT (unknown): no answer\n')
    expect(stderr).toContain('sending them again can write them twice')
    expect(stderr).toContain('1 acknowledged, 1 not written, 1 unknown')
  })

  test('ten are named, the others counted', async () => {
    const { producer, run } = harness('x\n'.repeat(25))
    producer.answer = () => refused

    const { stderr } = await run('produce', '-t', 'orders', '--quiet')

    expect(stderr.match(/^stdin:/gm)?.length).toBe(10)
    expect(stderr).toContain('and 15 more records that were not acknowledged')
  })

  test('a malformed line is named, nothing after it is sent, and what was sent is waited for', async () => {
    const { code, producer, stderr } = await produce('k\tv\nno key\nk\tw\n', '--reader-property', 'parse.key=true')

    expect(code).toBe(1)
    expect(producer.sent.length).toBe(1)
    expect(stderr).toContain('stdin:2: orders MALFORMED_LINE (not-written): no key separator "\\t" on the line')
    expect(stderr).toContain('1 acknowledged, 1 not written')
  })

  test('a line beyond the largest request is skipped and named', async () => {
    const { code, producer, stderr } = await produce(`a\n${'x'.repeat(70_000)}\nb\n`, '-X', 'max.request.size=1000')

    expect(code).toBe(1)
    expect(producer.sent.map(record => record.value)).toEqual(['a', 'b'])
    expect(stderr).toContain('stdin:2: orders RECORD_TOO_LARGE (not-written): 70000 bytes')
  })

  test('no broker to be reached: one sentence, nothing sent', async () => {
    const { producer, run } = harness('a\n')
    producer.connectError = new KafkaError('CONNECT_FAILED', 'nobody listens at localhost:1')

    const { code, stderr } = await run('produce', '-t', 'orders', '-q')

    expect(code).toBe(1)
    expect(producer.sent).toEqual([])
    expect(stderr).toBe('ottla produce: nobody listens at localhost:1 (CONNECT_FAILED)\n')
  })

  test('--json prints the summary on standard output', async () => {
    const { producer, run } = harness('a\nb\n')
    producer.answer = index => [null, refused][index]

    const { stdout } = await run('produce', '-t', 'orders', '--json')

    expect(JSON.parse(stdout)).toMatchObject({
      records: 2,
      acknowledged: 1,
      failed: 1,
      failures: [{ place: 'stdin:2', topic: 'orders', code: 'NOT_ENOUGH_REPLICAS', outcome: 'not-written' }],
    })
  })
})

describe('usage', () => {
  test('all that is wrong is told together, before anything is sent', async () => {
    const { code, producer, stderr } = await harness().run(
      'produce',
      ...[
        '-z',
        'brotli',
        '--acks',
        '2',
        '-p',
        'x',
        '-X',
        'linger',
        '-X',
        'lingr.ms=1',
        join(folder, 'missing.txt'),
        folder,
      ],
      ...['--reader-property', 'parse.kye=true', '--property-file', join(folder, 'none.properties')],
    )

    expect(code).toBe(2)
    expect(producer.sent).toEqual([])
    for (const word of [
      '--topic',
      'brotli',
      '--acks',
      '--partition',
      '-X',
      'lingr.ms',
      'missing.txt',
      'directory',
      'parse.kye',
      'none.properties',
    ]) {
      expect(stderr).toContain(word)
    }
    expect(stderr).not.toContain('    at ')
  })

  test('options the producer refuses are usage errors', async () => {
    const { code, stderr } = await produce('', '-X', 'linger.ms=-1')

    expect(code).toBe(2)
    expect(stderr).toMatch(/^ottla produce: .*lingerMs.*\nTry: ottla produce --help\n$/)
  })

  test('an unknown flag or command is answered with the nearest', async () => {
    const flag = await produce('', '--tpic', 'x')
    const command = await harness().run('prodce')

    expect([flag.code, command.code]).toEqual([2, 2])
    expect(flag.stderr).toContain('Did you mean --topic?')
    expect(command.stderr).toContain('Did you mean produce?')
  })

  test('help and version are no errors; nothing at all is', async () => {
    const help = await harness().run('produce', '--help')
    const version = await harness().run('--version')
    const nothing = await harness().run()

    expect([help.code, version.code, nothing.code]).toEqual([0, 0, 2])
    expect(help.stdout).toContain('Examples:')
    expect(version.stdout).toBe('ottla 1.2.3\n')
  })

  test('a flag wins over -X, and -X over the file', async () => {
    const file = join(folder, 'client.properties')
    await writeFile(file, 'linger.ms=1\nmax.request.size=7\n')

    const { options } = await produce('', '-F', file, '-X', 'linger.ms=2', '-z', 'zstd', '-b', 'kafka:1')

    expect(options).toMatchObject({
      lingerMs: 2,
      maxRequestSize: 7,
      compressionType: 'zstd',
      bootstrapServers: 'kafka:1',
    })
  })

  test('--acks 1 says that it turns idempotence off', async () => {
    const { options, stderr } = await produce('', '--acks', '1')

    expect(options).toMatchObject({ acks: '1', enableIdempotence: false })
    expect(stderr).toContain('idempotence off')
  })
})

describe('signals and terminals', () => {
  test('the first Ctrl-C ends reading and waits for what was sent', async () => {
    const stdin = new PassThrough()
    const { producer, run, signal } = harness(stdin)
    producer.answer = () => undefined
    stdin.write('a\nb\nunfinished')
    const running = run('produce', '-t', 'orders')
    await until(() => producer.sent.length === 2)

    signal('SIGINT')
    producer.settle(0, null)
    producer.settle(1, null)
    const { code, stderr } = await running

    expect(code).toBe(130)
    expect(producer.sent.length).toBe(2)
    expect(stderr).toContain('stopping: waiting for 2 records')
    expect(stderr).toContain('2 acknowledged')
  })

  test('the second Ctrl-C gives the open records up, with their outcome', async () => {
    const stdin = new PassThrough()
    const { producer, run, signal, listeners } = harness(stdin)
    producer.answer = () => undefined
    stdin.write('a\n')
    const running = run('produce', '-t', 'orders')
    await until(() => producer.sent.length === 1)

    signal('SIGINT')
    signal('SIGINT')
    const { code, stderr } = await running

    expect(code).toBe(130)
    expect(producer.closedWith).toBe(0)
    expect(stderr).toContain('stdin:1: orders CLOSED (unknown)')
    expect(listeners.size).toBe(0)
  })

  test('a progress line is drawn on a terminal, and nowhere else', async () => {
    const onTerminal = await harness('a\n', { tty: true }).run('produce', '-t', 'orders')
    const dumb = await harness('a\n', { tty: true, env: { TERM: 'dumb' } }).run('produce', '-t', 'orders')
    const piped = await harness('a\n').run('produce', '-t', 'orders')
    const refused = await harness('a\n', { tty: true }).run('produce', '-t', 'orders', '--no-progress')

    expect(onTerminal.stderr).toContain('\r\x1b[K0 records')
    for (const { stderr } of [dumb, piped, refused]) expect(stderr).not.toContain('\x1b')
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}
