import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The built command as a user starts it: a process of its own. Its output is read as Latin-1 with `latin1`, else as UTF-8. */
export function startCommand(main: string, args: readonly string[], encoding: BufferEncoding = 'utf8') {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  const written = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding(encoding)
    child[name].on('data', data => {
      written[name] += data
    })
  }
  // A child that ends before it has read everything is what some tests are about.
  child.stdin.on('error', () => {})
  const ended = once(child, 'close').then(([code]): Ended => ({ code: code as number | null, ...written }))
  return { child, written, ended }
}

export async function runCommand(main: string, args: readonly string[], input: string | Buffer = ''): Promise<Ended> {
  const { child, ended } = startCommand(main, args)
  child.stdin.end(input)
  return await ended
}

/** A child whose output is not read: what it writes stays in the pipe. */
export function startUnread(main: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
}

export async function until(condition: () => boolean, withinMs = 10_000): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not so within ${withinMs} ms: ${condition}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
