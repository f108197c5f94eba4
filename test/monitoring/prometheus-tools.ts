import { spawnSync } from 'node:child_process'

/** Whether Debian's package `prometheus` is installed, with promtool; what is not tried without it is said aloud. */
export function hasPrometheus(whatIsNotTried: string): boolean {
  const isThere = ['prometheus', 'promtool'].every(name => spawnSync(name, ['--version']).status === 0)
  if (!isThere) process.stderr.write(`SKIPPED: ${whatIsNotTried}: prometheus and promtool are not installed\n`)
  return isThere
}
