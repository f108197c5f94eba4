import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../base/time/clock.ts'

/** The signals that end a run early, with the exit code a shell expects after them. */
export const signalExitCodes: Readonly<Record<'SIGINT' | 'SIGTERM', number>> = { SIGINT: 130, SIGTERM: 143 }
export type StopSignal = keyof typeof signalExitCodes

/** All that a command touches outside itself, so that a test can be on the other end. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** Tells of each signal until the returned function is called. */
  onSignal(listener: (signal: StopSignal) => void): () => void
}

/** How a command ends. Source: the habits of kcat and grep; 128 + signal after a signal. */
export const exitCode = {
  ok: 0,
  /** At least one record was not acknowledged, or the run could not go on. */
  failed: 1,
  /** The command line is wrong; nothing was sent. */
  usage: 2,
} as const
