#!/usr/bin/env node
import { createRequire } from 'node:module'
import { systemClock } from '../base/time/clock.ts'
import { type Io, type StopSignal, signalExitCodes } from './io.ts'
import { runCli } from './program.ts'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

const io: Io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  clock: systemClock,
  onSignal(listener) {
    const signals = Object.keys(signalExitCodes) as StopSignal[]
    for (const signal of signals) process.on(signal, listener)
    return () => {
      for (const signal of signals) process.off(signal, listener)
    }
  },
}

// Whoever read our output has gone (`ottla … | head`): the records are still sent, and there is nobody left to tell.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = 1
  })
}

try {
  process.exitCode = await runCli(
    process.argv.slice(2),
    io,
    { producer: () => import('../index.ts'), broker: () => import('../broker/index.ts') },
    version,
  )
} catch (error) {
  // Only a bug of ours arrives here: what the user or the cluster did is told by the commands.
  process.stderr.write(`ottla: internal error, please report it\n${(error as Error).stack}\n`)
  process.exitCode = 1
}
