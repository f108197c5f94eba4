// Running a client that is a program of its own, with what it used of the machine.

import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { settings } from './client.mjs'
import { payloads } from './payloads.mjs'

/** What a program writes; rejects where it cannot be run. */
export function run(command, args) {
  return new Promise((resolve, reject) => {
    execFile(command, args, (error, stdout, stderr) => (error ? reject(error) : resolve(stdout + stderr)))
  })
}

const gnuTime = '/usr/bin/time'

/** Runs the program to its end under time(1): wall clock, CPU of all its threads, peak memory. */
export async function toolReport(command, args) {
  const timed = existsSync(gnuTime)
    ? [gnuTime, ['-f', '@%U %S %M', command, ...args]]
    : ['bash', ['-c', 'TIMEFORMAT="@%U %S 0"; time "$@"', 'time', command, ...args]]
  const child = spawn(...timed, { stdio: ['ignore', 'pipe', 'pipe'] })
  const startedAt = performance.now()
  process.once('disconnect', () => child.kill())
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  child.stderr.on('data', chunk => {
    output += chunk
  })
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  const elapsedMs = performance.now() - startedAt
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${output.slice(-2000)}`)
  const [, user, system, peakKb] = /@([\d.]+) ([\d.]+) (\d+)\s*$/.exec(output) ?? []
  return {
    elapsedMs,
    cpuMicros: (Number(user) + Number(system)) * 1e6,
    userMicros: Number(user) * 1e6,
    peakRssMb: Number(peakKb) / 1024 || null,
    output: output.replace(/@[\d. ]+\s*$/, ''),
  }
}

/** A file of the same payloads as the Node clients send, one a line; kept for the next run. */
export async function payloadFile({ keyed, lines }) {
  const folder = join(tmpdir(), 'ottla-benchmarks')
  await mkdir(folder, { recursive: true })
  const { size, distinct } = settings
  const path = join(folder, `${lines}x${size}-of-${distinct}${keyed ? '-keyed' : ''}.txt`)
  if (existsSync(path)) return path
  const values = payloads({ count: distinct, bytes: size, seed: 1 })
  const keys = keyed ? payloads({ count: distinct, bytes: 16, seed: 2 }) : null
  const line = index => (keys ? `${keys[index].toString('latin1')}:` : '') + values[index].toString('latin1')
  const block = Buffer.from(`${Array.from({ length: distinct }, (_, index) => line(index)).join('\n')}\n`)
  const file = await open(`${path}.part`, 'w')
  let left = lines
  for (; left >= distinct; left -= distinct) await file.write(block)
  await file.write(block.subarray(0, (block.length / distinct) * left))
  await file.close()
  await rename(`${path}.part`, path)
  return path
}
