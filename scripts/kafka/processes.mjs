// @ts-check
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * A process of ours: its id, and when it began. Both, since the system gives an id to somebody else once its process is gone,
 * and nobody else's process may be killed.
 * @typedef {{ pid: number, began: string }} OwnProcess
 */

/**
 * When the process with this id began, in whatever unit the system counts; undefined when there is none.
 * @param {number} pid
 * @returns {string | undefined}
 */
export function beginning(pid) {
  if (process.platform !== 'linux') {
    try {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
    } catch {
      return undefined
    }
  }
  try {
    // proc(5): the name, in parentheses, may hold anything; behind it come state (3rd field), num_threads (20th), starttime (22nd).
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A killed JVM is a zombie while its last threads still hold files and ports: only then is it really gone.
    const gone = /^[ZX]/.test(fields[0] ?? '') && Number(fields[17]) <= 1
    return gone ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** @param {OwnProcess} own */
export function isRunning(own) {
  return beginning(own.pid) === own.began
}

/**
 * Starts a program that outlives this process; what it prints is appended to a file.
 * @param {string} program
 * @param {string[]} args
 * @param {{ logFile: string, folder: string }} where
 * @returns {OwnProcess}
 */
export function startDetached(program, args, { logFile, folder }) {
  const log = openSync(logFile, 'a')
  const child = spawn(program, args, { cwd: folder, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  child.unref()
  child.on('error', () => {}) // told by the missing process id
  if (child.pid === undefined) throw new Error(`${program} could not be started`)
  return { pid: child.pid, began: beginning(child.pid) ?? 'gone' }
}

/**
 * Ends a process and waits until it is gone.
 * @param {OwnProcess} own
 * @param {'SIGTERM' | 'SIGKILL'} signal
 */
export async function end(own, signal, timeoutMs = 60_000) {
  const deadline = performance.now() + timeoutMs
  if (isRunning(own)) process.kill(own.pid, signal)
  if (isRunning(own)) process.kill(own.pid, 'SIGCONT') // one that is paused does not see SIGTERM
  while (isRunning(own)) {
    if (performance.now() > deadline) {
      if (signal === 'SIGTERM') return end(own, 'SIGKILL', timeoutMs)
      throw new Error(`process ${own.pid} did not end within ${timeoutMs} ms`)
    }
    await delay(20)
  }
}
