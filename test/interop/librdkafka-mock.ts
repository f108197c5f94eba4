import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What runs a mock cluster, or why this machine cannot have it. */
export type Installed = { readonly node: string; readonly client: string } | { readonly missing: string }

export interface RunningMock extends AsyncDisposable {
  readonly bootstrapServers: string
}

const script = (name: string) => fileURLToPath(new URL(`../../scripts/interop/${name}`, import.meta.url))

/** Downloads what is not there yet, in a process of its own, so that this thread goes on answering. */
export async function installMock(): Promise<Installed> {
  const { stdout } = await promisify(execFile)(process.execPath, [script('install-mock.mjs')])
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
}

/** Starts three brokers of librdkafka's mock cluster in a child process. Rejects with what the child said where it fails. */
export async function startMock({ node, client }: { node: string; client: string }): Promise<RunningMock> {
  const child = spawn(node, [script('librdkafka-mock.mjs'), client], { stdio: ['pipe', 'pipe', 'pipe'] })
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-2000)
  })
  const lines = createInterface({ input: child.stdout })
  const failed = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the mock cluster ended with ${code ?? signal}: ${complaints}`)
  })
  const line = await Promise.race([once(lines, 'line'), failed])
  failed.catch(() => {}) // it is to end, later
  const { bootstrapServers } = JSON.parse(String(line[0])) as { bootstrapServers: string }
  return { bootstrapServers, [Symbol.asyncDispose]: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
