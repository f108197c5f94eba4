import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, KafkaError, TimeoutError } from '../../base/errors/index.ts'
import { type Clock, systemClock } from '../../base/time/clock.ts'
import type { ProducerOptions } from '../../client/producer/options.ts'
import type { TransactionalProducer } from '../../client/producer/transactions.ts'
import type { SendCallback } from '../../client/producer/types.ts'
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
  /** What is done while the thread is blocked. */
  duringBlock: () => void = () => {}
  /** How often the thread was blocked for a record. */
  blocks = 0
  /** The most records that were open at once. */
  mostOpen = 0
  blockingConnects = 0
  /** What ends a blocking wait before its result is there. */
  blockError: KafkaError = new TimeoutError('no acknowledgement yet')
  blockingConnectError: KafkaError | undefined

  on() {
    return this
  }
  connect() {
    const connected = this.connectError ? Promise.reject(this.connectError) : Promise.resolve()
    const get = () => {
      this.blockingConnects++
      if (this.blockingConnectError) throw this.blockingConnectError
    }
    return Object.assign(connected, { get })
  }
  send(record: ProducerRecord, callback?: SendCallback) {
    const text = (bytes: unknown) => (bytes === null || bytes === undefined ? null : String(bytes))
    const headers = (record.headers ?? []) as [string, Uint8Array | null][]
    const count = this.sent.push({
      key: text(record.key),
      value: text(record.value),
      headers: headers.map(([name, value]) => [name, text(value)]),
      partition: record.partition,
    })
    const future = callback ? undefined : this.#futureOf(count - 1)
    this.callbacks[count - 1] = callback ?? future!.settle
    if (callback) setImmediate(() => this.settle(count - 1, this.answer(count - 1)))
    this.mostOpen = Math.max(this.mostOpen, this.callbacks.filter(open => open !== undefined).length)
    return future
  }
  /** Its record is answered while somebody is blocked on it, or by `settle`. */
  #futureOf(index: number) {
    let result: { error: KafkaError | null } | undefined
    let settle: SendCallback = () => {}
    const promise = new Promise<void>((resolve, reject) => {
      settle = error => {
        result = { error }
        if (error) reject(error)
        else resolve()
      }
    })
    const get = () => {
      this.blocks++
      this.duringBlock()
      this.settle(index, this.answer(index))
      if (!result) throw this.blockError
      if (result.error) throw result.error
    }
    return Object.defineProperty(Object.assign(promise, { get, settle }), 'settled', {
      get: () => result !== undefined,
    })
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

interface Surroundings {
  tty?: boolean
  env?: Io['env']
  clock?: Clock
}

function harness(input: Readable | string = '', { tty = false, env = {}, clock = systemClock }: Surroundings = {}) {
  const producer = new FakeProducer()
  const listeners = new Set<(signal: StopSignal) => void>()
  const written = { stdout: '', stderr: '' }
  const writable = (name: keyof typeof written) =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += chunk
        done()
      },
    })
  const stdin = typeof input === 'string' ? Readable.from([Buffer.from(input)]) : input
  const io: Io = {
    stdin,
    stdout: writable('stdout'),
    stderr: Object.assign(writable('stderr'), { isTTY: tty, columns: 100 }),
    env,
    clock,
    onSignal(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  let options: ProducerOptions | undefined
  const door = {
    createProducer(given: ProducerOptions) {
      options = given
      return producer as unknown as TransactionalProducer
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
    return { code, ...written, producer, options }
  }
  const signal = (name: StopSignal) => {
    for (const listener of [...listeners]) listener(name)
  }
  return { producer, run, signal, listeners, written }
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

describe('--sync', () => {
  const sync = (...args: string[]) => ['produce', '-t', 'orders', '--sync', ...args]
  const refused = new KafkaError('NOT_ENOUGH_REPLICAS', 'too few replicas', { outcome: 'not-written' })
  const lost = new KafkaError('DELIVERY_TIMEOUT', 'no answer', { outcome: 'unknown' })

  test('each record has its answer before the next line is sent', async () => {
    const { code, producer, stderr } = await harness('a\nb\nc\nd').run(...sync())

    expect(code).toBe(0)
    expect(producer.sent.map(record => record.value)).toEqual(['a', 'b', 'c', 'd'])
    expect([producer.mostOpen, producer.blocks, producer.blockingConnects]).toEqual([1, 4, 1])
    expect(stderr).toContain('4 acknowledged')
    // Else all are under way together, and nothing blocks.
    const { producer: other } = await produce('a\nb\nc\nd')
    expect([other.mostOpen, other.blocks, other.blockingConnects]).toEqual([4, 0, 0])
  })

  test('failures are counted and named as ever, and the others are sent', async () => {
    const { producer, run } = harness(`a\n\nb\n${'x'.repeat(70_000)}\nc\n`)
    producer.answer = index => [null, refused, lost, null][index]

    const { code, stderr } = await run(...sync('-p', '1', '-X', 'max.request.size=1000'))

    expect(code).toBe(1)
    expect(producer.sent.map(record => record.value)).toEqual(['a', '', 'b', 'c'])
    expect(stderr).toContain('stdin:2: orders-1 NOT_ENOUGH_REPLICAS (not-written): too few replicas\n')
    expect(stderr).toContain('stdin:3: orders-1 DELIVERY_TIMEOUT (unknown): no answer\n')
    expect(stderr).toContain('stdin:4: orders-1 RECORD_TOO_LARGE (not-written): 70000 bytes')
    expect(stderr).toContain('2 acknowledged, 2 not written, 1 unknown')
  })

  test.each([
    ['with it', ['--sync']],
    ['without', []],
  ])('a fatal failure ends the run, %s', async (_, flags) => {
    const stdin = new PassThrough()
    const { producer, run } = harness(stdin)
    const fatal = new KafkaError('CLUSTER_AUTHORIZATION_FAILED', 'not allowed', { fatal: true, outcome: 'not-written' })
    producer.answer = () => fatal
    stdin.write('a\n')

    const { code, stderr } = await run('produce', '-t', 'orders', ...flags)

    expect(code).toBe(1)
    expect(producer.sent.length).toBe(1)
    expect(stderr).toContain('stdin:1: orders CLUSTER_AUTHORIZATION_FAILED (not-written): not allowed\n')
    expect(stderr).toContain('ottla produce: not allowed\n')
  })

  test('a fatal failure: no other line of the same chunk is sent', async () => {
    const { producer, run } = harness('a\nb\nc\n')
    producer.answer = () => new KafkaError('CLUSTER_AUTHORIZATION_FAILED', 'not allowed', { fatal: true })

    expect((await run(...sync())).code).toBe(1)
    expect(producer.sent.length).toBe(1)
  })

  test('the latency of a record is the time that it was waited for', async () => {
    let nowMs = 0
    const { producer, run } = harness('a\nb\nc\nd\n', { clock: { ...systemClock, now: () => nowMs } })
    const waitsMs = [7, 7, 7, 200]
    producer.duringBlock = () => {
      nowMs += waitsMs.shift() ?? 0
    }

    const { stdout } = await run(...sync('--json'))

    const { p50, p99, max } = JSON.parse(stdout).latencyMs
    expect(p50).toBeCloseTo(7, 0)
    expect([p99, max]).toEqual([200, 200])
  })

  test('connections that are not ready in time do not hold the run up; what forbids to block ends it', async () => {
    const slow = harness('a\n')
    slow.producer.blockingConnectError = new TimeoutError('connect: not done yet')
    const forbidden = harness('a\n')
    forbidden.producer.blockingConnectError = new KafkaError('COURIER_FAILED', 'no thread can be started here')

    const [first, second] = [await slow.run(...sync()), await forbidden.run(...sync('-q'))]

    expect([first.code, first.producer.sent.length]).toEqual([0, 1])
    expect([second.code, second.producer.sent.length]).toEqual([1, 0])
    expect(second.stderr).toBe('ottla produce: no thread can be started here (COURIER_FAILED)\n')
  })

  test('where it cannot be blocked any more, the record is waited for all the same, and the run ends', async () => {
    const { producer, run } = harness('a\nb\n')
    producer.answer = () => undefined
    producer.blockError = new KafkaError('COURIER_FAILED', 'the thread did not start', { outcome: 'unknown' })
    producer.duringBlock = () => void setImmediate(() => setImmediate(() => producer.settle(0, null)))

    const { code, stderr } = await run(...sync())

    expect(code).toBe(1)
    expect(producer.sent.length).toBe(1)
    expect(stderr).toContain('1 acknowledged')
    expect(stderr).toContain('ottla produce: the thread did not start (COURIER_FAILED)\n')
  })

  test('Ctrl-C is heard between two records of a chunk', async () => {
    const { producer, run, signal } = harness('a\nb\nc\n')
    // The signal comes while the thread is blocked: the event loop tells of it when it has its turn.
    producer.duringBlock = () => void setImmediate(() => signal('SIGINT'))

    const { code, stderr } = await run(...sync())

    expect(code).toBe(130)
    expect(producer.sent.length).toBe(1)
    expect(stderr).toContain('1 acknowledged')
  })

  test('Ctrl-C is heard while a record is open: the first waits for it, the second gives it up', async () => {
    const patient = harness('a\nb\n')
    patient.producer.answer = () => undefined
    const waiting = patient.run(...sync())
    await until(() => patient.producer.blocks > 2)
    patient.signal('SIGINT')
    await until(() => patient.written.stderr.includes('stopping: waiting for 1 record'))
    patient.producer.settle(0, null)
    const waited = await waiting

    const hasty = harness('a\nb\n')
    hasty.producer.answer = () => undefined
    const running = hasty.run(...sync())
    await until(() => hasty.producer.blocks > 2)
    hasty.signal('SIGINT')
    hasty.signal('SIGINT')
    const quit = await running

    expect([waited.code, waited.producer.sent.length]).toEqual([130, 1])
    expect(waited.stderr).toContain('1 acknowledged')
    expect([quit.code, quit.producer.sent.length, quit.producer.closedWith]).toEqual([130, 1, 0])
    expect(quit.stderr).toContain('stdin:1: orders CLOSED (unknown)')
  })

  test('the progress line goes on while a record is open', async () => {
    const { producer, run, written } = harness('a\nb\n', { tty: true })
    producer.answer = index => (index === 0 ? null : undefined)
    const running = run(...sync())

    await until(() => written.stderr.includes('1 acknowledged'))
    producer.settle(1, null)

    expect((await running).code).toBe(0)
    expect(written.stderr).toMatch(/2 records {2}[\d,]+\/s {2}1 acknowledged/)
  })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}
