import { spawn } from 'node:child_process'

/**
 * Produces with kcat: each line is a key and a value, parted by a colon. Does not block this thread, in which the embedded
 * broker may be at work.
 */
export function writeWithKcat(
  bootstrapServers: string,
  topic: string,
  lines: Buffer | string,
  options: readonly string[] = [],
): Promise<void> {
  const args = ['-P', '-b', bootstrapServers, '-t', topic, '-K:', ...options]
  return new Promise((resolve, reject) => {
    const child = spawn('kcat', args, { stdio: ['pipe', 'ignore', 'pipe'], timeout: 60_000 })
    let complaints = ''
    child.stderr.on('data', chunk => {
      complaints = (complaints + chunk).slice(-1000)
    })
    child.on('error', reject)
    child.on('close', code => {
      if (code === 0) resolve()
      else reject(new Error(`kcat ended with exit code ${code}\n${complaints}`))
    })
    child.stdin.on('error', () => {}) // it ended early: its exit code tells
    child.stdin.end(lines)
  })
}
