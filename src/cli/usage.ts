import { ConfigError } from '../base/errors/index.ts'
import { exitCode, type Io } from './io.ts'

/** Says all that is wrong with a command line, one sentence a line. Returns the exit code. */
export function usageProblems(command: string, problems: readonly string[], io: Io): number {
  for (const problem of problems) io.stderr.write(`${command}: ${problem}\n`)
  io.stderr.write(`Try: ${command} --help\n`)
  return exitCode.usage
}

/** What a `ConfigError` says, one sentence each. Any other error is thrown on. */
export function problemsOf(error: unknown): string[] {
  if (!(error instanceof ConfigError)) throw error
  return error.problems.map(problem => problem.message)
}
