import { spawnSync } from 'node:child_process'

const version = spawnSync('promtool', ['--version'], { encoding: 'utf8' })

/** undefined where `promtool` is missing. It comes with Prometheus; Debian's package is `prometheus`. */
export const promtoolVersion = version.status === 0 ? version.stdout.split('\n')[0] : undefined

/** What `promtool check metrics` has to say against a page of metrics; nothing where it finds it right. */
export function checkMetrics(text: string): string {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
  return status === 0 && stdout + stderr === '' ? '' : `${stdout}${stderr}(exit code ${status})`
}
