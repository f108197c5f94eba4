import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { startCluster } from '../../scripts/kafka/cluster.mjs'
import { newestKafka } from '../../scripts/kafka/versions.mjs'
import { type Installed, installAll } from './install.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    compatibility: {
      readonly bootstrapServers: string
      /** Makes the names of this run its own, on a cluster that outlives it. */
      readonly run: string
      readonly installed: Installed
    }
  }
}

interface Running {
  readonly bootstrapServers: string
  stop(): Promise<void>
}

/**
 * One broker for all cells, in a process of its own: the embedded one; or, with OTTLA_COMPATIBILITY_ON=kafka, a real Kafka, to
 * prove that what is asked of the embedded broker is what Kafka does. An address in it names a cluster that runs already.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const installed = await installAll()
  const broker = await start(process.env.OTTLA_COMPATIBILITY_ON ?? 'ottla')
  const run = randomBytes(3).toString('hex')
  project.provide('compatibility', { bootstrapServers: broker.bootstrapServers, run, installed })
  return () => broker.stop()
}

async function start(on: string): Promise<Running> {
  if (on === 'ottla') return startEmbedded()
  if (on !== 'kafka') return { bootstrapServers: on, stop: async () => {} }
  const cluster = await startCluster({
    version: newestKafka,
    nodes: 1,
    autoCreateTopics: false,
    ownedByThisProcess: true,
  })
  return { bootstrapServers: cluster.bootstrapServers, stop: () => cluster.down() }
}

async function startEmbedded(): Promise<Running> {
  const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
  const child = spawn(process.execPath, [command, 'broker', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const bootstrapServers = await new Promise<string>((resolve, reject) => {
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      const address = /broker on (\S+?),/.exec(printed)?.[1]
      if (address !== undefined) resolve(address)
    })
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`ottla broker ended with ${code}; was it built?\n${printed}`)))
  })
  child.once('exit', (code, signal) => {
    // Every cell that follows will fail; this says why.
    if (signal !== 'SIGTERM' && code !== 0) console.error(`ottla broker ended with ${code ?? signal}`)
  })
  return {
    bootstrapServers,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}
