import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { startBroker } from '../../src/broker/index.ts'
import { createProducer, type RecordMetadata } from '../../src/index.ts'
import { builtCommand } from '../cli/built-command.ts'
import { dataFolder, fetchAll } from './data-folder.ts'

const program = fileURLToPath(new URL('./broker-process.js', import.meta.url))
let dist: string

beforeAll(async () => {
  dist = dirname(dirname(await builtCommand()))
})

async function startProcess(dataDir: string): Promise<{ child: ChildProcess; bootstrapServers: string }> {
  const child = spawn(process.execPath, [program, dist, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout!, 'data')
  return { child, bootstrapServers: String(line).trim() }
}

interface Sent {
  readonly id: number
  readonly metadata: RecordMetadata
}

/** Sends records one behind the other until the broker has been killed, after so many were acknowledged; gives those. */
async function writeUntilKilled(dataDir: string, firstId: number, killAfter: number): Promise<Sent[]> {
  const { child, bootstrapServers } = await startProcess(dataDir)
  const acknowledged: Sent[] = []
  const producer = createProducer({ bootstrapServers, deliveryTimeoutMs: 3_000, requestTimeoutMs: 1_000, lingerMs: 0 })
  const exited = once(child, 'exit')
  let failed = false
  for (let id = firstId; !failed; id++) {
    producer.send({ topic: 'orders', partition: id % 2, value: `${id}` }, (error, metadata) => {
      if (error) failed = true
      else acknowledged.push({ id, metadata: metadata! })
      if (acknowledged.length === killAfter) child.kill('SIGKILL')
    })
    if (!producer.hasRoom || id % 200 === 0) await new Promise(resolve => setImmediate(resolve))
    if (child.killed) break
  }
  await exited
  await producer.close({ timeoutMs: 0 }).catch(() => {})
  return acknowledged
}

test('after kill -9 every acknowledged record is there, once, at its offset and in order', {
  timeout: 120_000,
}, async () => {
  using folder = dataFolder()
  const acknowledged: Sent[] = []
  for (const [round, killAfter] of [1, 500, 5_000, 20_000].entries())
    acknowledged.push(...(await writeUntilKilled(folder.path, round * 100_000_000, killAfter)))

  await using broker = await startBroker({ dataDir: folder.path })
  const records = broker.records('orders')

  expect(acknowledged.length).toBeGreaterThanOrEqual(25_501)
  const byPlace = new Map(records.map(({ partition, offset, value }) => [`${partition} ${offset}`, value?.toString()]))
  const lost = acknowledged.filter(
    ({ id, metadata: { partition, offset } }) => byPlace.get(`${partition} ${offset}`) !== `${id}`,
  )
  expect(lost).toEqual([])
  for (const partition of [0, 1]) {
    const ids = records.flatMap(record => (record.partition === partition ? [Number(record.value)] : []))
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toEqual([...ids].sort((a, b) => a - b))
    await fetchAll(broker, 'orders', partition, 100_000) // looks at every CRC
  }
})
