import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Broker, startBroker } from '../../src/broker/index.ts'
import { builtCommand } from '../cli/built-command.ts'

let broker: Broker

beforeEach(async () => {
  broker = await startBroker({ topics: { readings: { partitions: 1 } } })
})
afterEach(() => broker.close())

const program = fileURLToPath(new URL('../blocking/ends.js', import.meta.url))

async function end(how: string, options: object) {
  const dist = dirname(dirname(await builtCommand()))
  const args = [program, dist, broker.bootstrapServers, 'readings', how, '100', JSON.stringify(options)]
  const startedAt = performance.now()
  return await new Promise<{ code: number | null; stdout: string; stderr: string; afterMs: number }>(resolve => {
    const child = execFile(process.execPath, args, { timeout: 25_000, killSignal: 'SIGKILL' }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr, afterMs: performance.now() - startedAt }),
    )
  })
}

test('what cannot be delivered at the end is reported by count and topic, and told to callbacks, in the time given', async () => {
  broker.pause(1)

  const { code, stdout, stderr, afterMs } = await end('exit', { flushOnExitTimeoutMs: 600 })

  expect(stderr).toBe(
    'ottla: 100 records were not delivered by ending when the process ended (readings: not written: 100)\n',
  )
  expect([code, stdout]).toEqual([0, 'told 100, failed 100\n'])
  expect(afterMs).toBeGreaterThan(600)
  broker.resume(1)
  expect(broker.records('readings')).toHaveLength(0)
})

test('what may have been written is reported as that', async () => {
  broker.faults.swallowAnswer('Produce', { skip: 1, times: Number.POSITIVE_INFINITY })

  const { stdout, stderr } = await end('exit', { flushOnExitTimeoutMs: 800, warm: true, batchSize: 1 })

  const [, unknown, notWritten] =
    /^ottla: 99 records were not delivered .*unknown whether written: (\d+); readings: not written: (\d+)\)$/m.exec(
      stderr,
    ) ?? []
  expect([Number(unknown) + Number(notWritten), stdout]).toEqual([99, 'told 100, failed 99\n'])
  expect(broker.records('readings')).toHaveLength(1 + Number(unknown))
})

test('without idempotence what is on the wire already cannot be sent again: it is reported, never written twice', async () => {
  broker.faults.delay('Produce', 300, { skip: 1 })

  const { stderr } = await end('exit', { enableIdempotence: false, acks: 1, warm: true, flushOnExitTimeoutMs: 2_000 })

  expect(stderr).toContain('records were not delivered by ending when the process ended')
  expect(stderr).toContain('unknown whether written')
  await new Promise(resolve => setTimeout(resolve, 400)) // what was on its way arrives, or does not
  const values = broker.records('readings').map(({ value }) => String(value))
  expect(new Set(values).size).toBe(values.length)
})

test('with flushOnExit a logger hears of what happened until the end, though no later turn comes', async () => {
  const dist = dirname(dirname(await builtCommand()))
  const program = `
    import { createProducer } from ${JSON.stringify(pathToFileURL(`${dist}/index.js`).href)}
    const options = { flushOnExit: true, flushOnExitTimeoutMs: 600, clientId: 'p', logger: console }
    const producer = createProducer({ bootstrapServers: '${broker.bootstrapServers}', ...options })
    await producer.send({ topic: 'readings', value: 'x' })
    for (let n = 0; n < 10; n++) producer.send({ topic: 'readings', value: 'x' }, () => {})
    process.exit()`
  broker.faults.hold('Produce', { skip: 1 })

  const output = await new Promise<string>(resolve =>
    execFile(process.execPath, ['--input-type=module', '-e', program], { timeout: 25_000 }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    ),
  )

  expect(output).toMatch(/^ottla p: connected to broker 1: /)
  expect(output).toMatch(/^ottla p: records for readings failed, .* the process ended before .*10 records/m)
})
