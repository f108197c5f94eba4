import { spawn } from 'node:child_process'

export interface ProgramCall {
  readonly program: string
  readonly args: readonly string[]
  /** Written to its standard input, which is closed then. */
  readonly input?: Buffer | string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Ends the program, with SIGKILL. */
  readonly signal?: AbortSignal
  /** Gets all that was printed to standard output so far, each time that more has come. */
  readonly onOutput?: (printed: string) => void
  /** Ends it early, with SIGTERM, once this resolves. Such an end is no failure. */
  readonly enough?: Promise<unknown>
}

export interface Printed {
  readonly stdout: Buffer
  readonly stderr: string
}

const mostComplaints = 16_000

/** Runs a program to its end and gives what it printed. Rejects where it fails, with its last words. */
export function runProgram(call: ProgramCall): Promise<Printed> {
  const { program, args, input = '', env, cwd, signal, onOutput, enough } = call
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(env && { env: { ...process.env, ...env } }),
      ...(cwd !== undefined && { cwd }),
      ...(signal && { signal, killSignal: 'SIGKILL' as const }),
    })
    const output: Buffer[] = []
    let complaints = ''
    let done = false
    child.stdout.on('data', (chunk: Buffer) => {
      output.push(chunk)
      onOutput?.(Buffer.concat(output).toString())
    })
    enough?.then(() => {
      done = true
      child.kill('SIGTERM')
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints = (complaints + text).slice(-mostComplaints)
    })
    child.on('error', cause => reject(new Error(`${told(call)}: ${cause.message}\n${complaints}`, { cause })))
    child.on('close', (code, killedBy) => {
      const stdout = Buffer.concat(output)
      if (code === 0 || done) return resolve({ stdout, stderr: complaints })
      reject(new Error(`${told(call)} ended with ${code ?? killedBy}\n${stdout.toString().slice(-4000)}${complaints}`))
    })
    // One that fails at once does not read its input; its exit code says why.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** The call as one would type it, without a class path. */
function told({ program, args }: ProgramCall): string {
  const shown = args.filter((arg, at) => arg !== '-cp' && args[at - 1] !== '-cp')
  return [program, ...shown].join(' ').slice(0, 600)
}
