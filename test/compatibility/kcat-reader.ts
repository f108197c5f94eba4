import type { Place } from './cells.ts'
import { runProgram } from './run-program.ts'

/** The values of a topic, one line each, as kcat reads them to the end. */
export async function readValuesWithKcat(
  { bootstrapServers, signal }: Place,
  topic: string,
  isolation: 'read_committed' | 'read_uncommitted',
): Promise<string[]> {
  const options = ['-X', `isolation.level=${isolation}`, '-X', 'check.crcs=true', '-X', 'fetch.wait.max.ms=10']
  const args = ['-C', '-b', bootstrapServers, '-t', topic, '-o', 'beginning', '-e', '-q', ...options]
  const { stdout } = await runProgram({ program: 'kcat', args, signal })
  return linesOf(stdout)
}

/** So many values, read as a member of a group from where the group has committed. Commits them. */
export async function readGroupWithKcat(
  { bootstrapServers, signal }: Place,
  topic: string,
  group: string,
  count: number,
  partitionsToo = false,
): Promise<string[]> {
  const options = ['-X', 'auto.offset.reset=earliest', '-X', 'fetch.wait.max.ms=10', '-c', String(count), '-q', '-u']
  const format = partitionsToo ? ['-f', '%p %s\n'] : []
  const args = ['-b', bootstrapServers, ...options, ...format, '-G', group, topic]
  const { stdout } = await runProgram({ program: 'kcat', args, signal })
  return linesOf(stdout)
}

function linesOf(bytes: Buffer): string[] {
  const lines = bytes.toString().split('\n')
  lines.pop() // behind the last line's end
  return lines
}
