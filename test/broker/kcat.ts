import { spawn, spawnSync } from 'node:child_process'

/** What `kcat -V` says of its librdkafka, or null where kcat is not installed. */
export const kcatVersion: string | null = (() => {
  const { status, stdout } = spawnSync('kcat', ['-V'], { encoding: 'utf8' })
  return status === 0 ? (/librdkafka ([^\s]+)/.exec(stdout)?.[1] ?? 'unknown') : null
})()

/** Long enough for a busy machine; a kcat that hangs ends here and fails its test. */
const timeoutMs = 20_000

/** Runs kcat with this input to its end and gives what it printed. Rejects when it fails. */
export function kcat(bootstrapServers: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('kcat', ['-b', bootstrapServers, ...args], { timeout: timeoutMs, killSignal: 'SIGKILL' })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout)
      else reject(new Error(`kcat ${args.join(' ')} ended with ${code ?? signal}: ${stderr}`))
    })
    // A kcat that fails at once does not read its input; its exit code says why.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}
