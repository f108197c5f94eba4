import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'

/** One input: its name in messages, and how to open it. */
export interface Source {
  readonly name: string
  open(): Readable
}

const READ_BYTES = 256 * 1024

/** The inputs of a command line: its files, or standard input where none is given or one is `-`. */
export function sourcesOf(files: readonly string[], stdin: Readable): Source[] {
  const names = files.length === 0 ? ['-'] : files
  return names.map(file =>
    file === '-'
      ? { name: 'stdin', open: () => stdin }
      : { name: file, open: () => createReadStream(file, { highWaterMark: READ_BYTES }) },
  )
}

/** What speaks against reading these files, told before anything is sent. */
export async function unreadable(files: readonly string[]): Promise<string[]> {
  const problems: string[] = []
  for (const file of files) {
    if (file === '-') continue
    try {
      if ((await stat(file)).isDirectory()) problems.push(`${file} is a directory`)
      else await access(file, constants.R_OK)
    } catch (error) {
      problems.push(`cannot read ${file}: ${reasonOf(error)}`)
    }
  }
  if (files.filter(file => file === '-').length > 1) problems.push('standard input (-) is given more than once')
  return problems
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  ENOTDIR: 'a part of its path is not a directory',
}

/** An error of the file system in words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return reasons[code ?? ''] ?? message
}

/** The chunks of a stream, until it ends or `signal` fires. A failed read is thrown; being stopped is not. */
export async function* chunksOf(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const stop = () => stream.destroy()
  if (signal.aborted) return
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of stream) yield typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer)
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
