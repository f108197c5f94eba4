import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { builtCommand } from '../cli/built-command.ts'

let broker: Broker
let dist: string

beforeAll(async () => {
  dist = dirname(dirname(await builtCommand()))
  broker = await startBroker({ brokers: 3, topics: ['readings'] })
})

afterAll(() => broker.close())

interface Left {
  left: string[]
  unhandled: string[]
  grownBytes: number
  moreThreads: number
  endedAt: number
}

/** Runs the program to its end; killed where it does not end by itself. */
async function run(
  what: string,
  { bootstrapServers } = broker,
): Promise<Left & { exitCode: number | null; lingeredMs: number }> {
  const program = fileURLToPath(new URL('./leaves-nothing.js', import.meta.url))
  const args = ['--expose-gc', program, dist, bootstrapServers, what]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000 })
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  const [exitCode] = await once(child, 'exit')
  const left = JSON.parse(output) as Left
  return { ...left, exitCode, lingeredMs: Date.now() - left.endedAt }
}

const nothingLeft = { left: [], unhandled: [], exitCode: 0, moreThreads: 0 }

test.each([
  'sends and closes',
  'never connects',
  'makes a thousand that never connect',
  'closes while it connects',
  'blocks and closes',
  'blocks and blocks until it is closed',
])('a process that %s ends by itself, with nothing left open', async what => {
  const ended = await run(what)

  expect(ended).toMatchObject(nothingLeft)
  expect(ended.lingeredMs).toBeLessThan(2000)
})

test('a process that blocked and forgot to close its producer ends by itself: nothing is held open', async () => {
  const ended = await run('blocks and never closes')

  expect(ended).toMatchObject({ unhandled: [], exitCode: 0 })
  expect(ended.lingeredMs).toBeLessThan(2000)
})

test.each(['GetTelemetrySubscriptions', 'PushTelemetry'] as const)(
  'a process that forgot to close its producer ends by itself while a broker does not answer its telemetry: %s',
  async what => {
    const telemetry = { subscriptions: { all: { metrics: ['*'], intervalMs: 100 } } }
    await using asking = await startBroker({ topics: ['readings'], telemetry })
    const fault = asking.faults.hold(what)

    const ended = await run('sends, waits and never closes', asking)

    expect(ended).toMatchObject({ unhandled: [], exitCode: 0 })
    expect(fault.fired).toBe(1)
    expect(ended.lingeredMs).toBeLessThan(2000)
  },
)

test.each([
  ['closes', 'paused'],
  ['closes', 'stopped'],
  ['blocks', 'paused'],
  ['blocks', 'stopped'],
])('a process that %s while the brokers are %s ends by itself', async (does, how) => {
  const ids = [1, 2, 3]
  if (how === 'paused') for (const id of ids) broker.pause(id)
  else await Promise.all(ids.map(id => broker.stop(id)))
  try {
    const ended = await run(`${does} during an outage`)

    expect(ended).toMatchObject(nothingLeft)
    expect(ended.lingeredMs).toBeLessThan(2000)
  } finally {
    for (const id of ids) {
      broker.resume(id)
      await broker.start(id)
    }
  }
})

test('a process that closes while the courier waits for an answer sees the end of it', async () => {
  const silence = broker.faults.swallowAnswer('Produce', { times: Number.POSITIVE_INFINITY })
  try {
    // It once ended in the middle of `await close()`, with exit code 13: nothing held the process any more.
    for (let time = 0; time < 5; time++) expect(await run('blocks during an outage')).toMatchObject(nothingLeft)
  } finally {
    silence.remove()
  }
})

test('two hundred producers that were opened and closed leave neither connections, handles nor memory', async () => {
  const ended = await run('opens and closes 200')

  expect(ended).toMatchObject(nothingLeft)
  expect(ended.lingeredMs).toBeLessThan(2000)
  // 50 KiB each would be a leak: one producer's connections alone have buffers of more. What is compiled meanwhile is less.
  expect(ended.grownBytes).toBeLessThan(200 * 50 * 1024)
  await vi.waitFor(() => expect(broker.connections()).toBe(0), 10_000)
})
