import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BrokerInThread } from '../../src/testing/index.ts'
import { builtCommand } from '../cli/built-command.ts'
import { asText, startBrokerThread } from './broker-thread.ts'

let broker: BrokerInThread
let dist: string

beforeAll(async () => {
  dist = dirname(dirname(await builtCommand()))
  broker = await startBrokerThread()
})
afterAll(() => broker.close())

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))

async function run(program: string, topic: string, nodeOptions: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  await broker.createTopic(topic, { partitions: 1 })
  const args = [...nodeOptions, here(program), dist, broker.bootstrapServers, topic]
  return await promisify(execFile)(process.execPath, args, { timeout: 25_000, env: { ...process.env, ...env } })
}

test('in CommonJS, by a dynamic import', async () => {
  const { stdout } = await run('./from-commonjs.cjs', 'from-commonjs')
  expect(stdout).toBe('offset 0')
})

test('in worker threads, beside a main thread that blocks too; flushOnExit delivers when a worker thread ends', async () => {
  await run('./in-workers.js', 'in-workers')
  const records = asText(await broker.records('in-workers'))
  for (const name of ['main', 'first', 'second', 'ending'])
    expect(records.filter(({ key }) => key === name).map(({ value }) => value)).toEqual(
      Array.from({ length: 50 }, (_, n) => `${name} ${n}`),
    )
})

test('what a program preloads is not loaded into the courier', async () => {
  const preloaded = pathToFileURL(here('./preloaded.mjs')).href
  expect((await run('./from-commonjs.cjs', 'preloaded-1', ['--import', preloaded])).stdout).toBe('offset 0')
  const env = { NODE_OPTIONS: `--import ${preloaded}` }
  expect((await run('./from-commonjs.cjs', 'preloaded-2', [], env)).stdout).toBe('offset 0')
})
