import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { systemClock } from '../../base/time/clock.ts'
import { startBroker } from '../../broker/index.ts'
import type { Io, StopSignal } from '../io.ts'
import { runCli } from '../program.ts'

function harness() {
  const listeners = new Set<(signal: StopSignal) => void>()
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const io: Io = {
    stdin: Readable.from([]),
    stdout,
    stderr,
    env: {},
    clock: systemClock,
    onSignal(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return {
    run: (...args: string[]) =>
      runCli(
        ['broker', ...args],
        io,
        { producer: () => Promise.reject(new Error('unused')), broker: async () => ({ startBroker }) },
        '0.0.0',
      ),
    interrupt: () => {
      for (const listener of [...listeners]) listener('SIGINT')
    },
    firstOutput: () => new Promise<string>(resolve => stdout.once('data', data => resolve(String(data)))),
    errors: () => String(stderr.read() ?? ''),
  }
}

test('it says how to connect, takes connections, and ends with Ctrl-C', async () => {
  const { run, interrupt, firstOutput } = harness()
  const output = firstOutput()

  const running = run('--port', '0', '--topic', 'orders:6')
  const text = await output
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(text)?.[1])
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.destroy()).on('error', reject)
    socket.on('close', () => resolve())
  })
  interrupt()

  expect(text).toContain('orders (6 partitions)')
  expect(text).toContain(`ottla produce -b 127.0.0.1:${port} -t orders`)
  expect(await running).toBe(0)
  await expect(startBroker({ port }).then(broker => broker.close())).resolves.toBeUndefined()
})

test('an address that others can reach wants a flag of its own', async () => {
  const { run, errors } = harness()

  expect(await run('--host', '0.0.0.0')).toBe(2)
  expect(errors()).toContain('--allow-remote')
})

test('all that is wrong is told together', async () => {
  const { run, errors } = harness()

  const wrong = ['--port', '99999', '--brokers', '2', '--topic', 'a:0', '--partitions', 'x', '--as-version', '1.0']
  expect(await run(...wrong, '--advertise', 'example:0', '--control-port', 'x', '--faults', 'no-such.json')).toBe(2)
  const told = errors()
  for (const flag of [...wrong.filter(word => word.startsWith('--')), '--advertise', '--control-port', '--faults'])
    expect(told).toContain(flag)
})

test('faults come from a file, clients are told another address, and the control port answers', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ottla-broker-'))
  const file = join(folder, 'faults.json')
  await writeFile(file, '{"faults": [{"api": "Produce", "action": {"type": "swallow"}}]}')
  const { run, interrupt, firstOutput } = harness()
  const output = firstOutput()
  const flags = ['--advertise', 'example.test:7000', '--as-version', '3.9', '--control-port', '0', '--brokers', '3']

  const running = run('--port', '0', '--faults', file, ...flags)
  const text = await output
  const url = /curl (http:\S+)\/status/.exec(text)![1]!
  const faults = (await (await fetch(`${url}/status`)).json()) as { bootstrapServers: string }
  interrupt()

  expect(await running).toBe(0)
  expect(faults.bootstrapServers).toBe('example.test:7000,example.test:7001,example.test:7002')
  expect(text).toContain('Faults are set')
  await expect(fetch(url)).rejects.toThrow()
  await rm(folder, { recursive: true })
})

test('each mistake in a file of faults is told with its path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ottla-broker-'))
  const file = join(folder, 'faults.json')
  await writeFile(file, '{"faults": [{"api": "Prod"}], "event": []}')
  const { run, errors } = harness()

  expect(await run('--faults', file)).toBe(2)
  const told = errors()
  for (const path of ['faults[0].api', 'faults[0].action', 'event']) expect(told).toContain(`${file}: ${path}: `)
  await rm(folder, { recursive: true })
})

test('an illegal topic name is a usage error, a port in use is not', async () => {
  const busy = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => busy.once('listening', resolve))
  const { port } = busy.address() as { port: number }
  const { run, errors } = harness()

  expect(await run('--port', '0', '--topic', 'a b')).toBe(2)
  expect(errors()).toContain("'a b'")
  expect(await run('--port', String(port))).toBe(1)
  expect(errors()).toMatch(/in use.*\n.*--port 0/)
  expect(await run('--port', '0', '--control-port', String(port))).toBe(1)
  expect(errors()).toMatch(/in use.*\n.*--control-port 0/)

  await new Promise(resolve => busy.close(resolve))
})

test('--data keeps what was written until the next start', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ottla-cli-data-'))
  try {
    const first = harness()
    const ended = first.run('--port', '0', '--topic', 'orders:2', '--data', folder)
    expect(await first.firstOutput()).toContain(`records are kept in ${folder}`)
    first.interrupt()
    expect(await ended).toBe(0)

    const again = await startBroker({ dataDir: folder })
    expect(again.topics).toEqual(['orders'])
    await again.close()
  } finally {
    await rm(folder, { recursive: true })
  }
})
