import type { Client } from './cells.ts'
import type { Codec, PlainRecord } from './log-reader.ts'
import { type ProgramCall, runProgram } from './run-program.ts'

/** A client library, driven by a small program in its language that does one operation a run. */
export interface Library extends Omit<Client, 'table'> {
  /** How its program is started; the arguments of the operation are added. */
  readonly start: Pick<ProgramCall, 'program' | 'args' | 'env' | 'cwd'>
  readonly writes: readonly Codec[]
  readonly reads: readonly Codec[]
  readonly operations: readonly (keyof Operations)[]
  /** What its API does not do, with any broker, of what a row asks for otherwise. */
  readonly lacks?: readonly ('growing topics' | 'empty values')[]
  /** Rows that are known not to work, and why. */
  readonly lacking?: Readonly<Record<string, string>>
}

/** What a library is asked for beside writing, reading and deleting topics, which all can do. */
export const everyOperation = [
  'group',
  'share',
  'transactions',
  'copy',
  'createTopic',
  'configs',
  'offsets',
  'groups',
  'deleteRecords',
] as const satisfies readonly (keyof Operations)[]

/** What a program can be asked for: its task and its answer. Bytes are Base64, null stays null. */
export interface Operations {
  /** Writes the records, in their order, to partition 0. */
  produce: { task: { topic: string; codec: Codec; idempotent: boolean; records: JsonRecord[] }; answer: unknown }
  /** Reads partition 0 from its beginning until it has so many records. */
  consume: {
    task: { topic: string; group: string; count: number; isolation: 'read_committed' | 'read_uncommitted' }
    answer: JsonRecord[]
  }
  /** Reads so many records as the only member of the group, commits what it read, and leaves. */
  group: { task: { topic: string; group: string; count: number }; answer: JsonRecord[] }
  /** Two members of the group, until each has partitions and together they have all: the partitions of each. */
  share: { task: { topic: string; group: string; partitions: number }; answer: number[][] }
  /** Commits the values of one transaction, aborts those of the next, and so on by turns. */
  transactions: { task: { topic: string; transactionalId: string; values: string[][] }; answer: unknown }
  /** Copies so many records in one transaction, with the offsets of the group that it reads as. */
  copy: {
    task: { source: string; target: string; group: string; transactionalId: string; count: number }
    answer: unknown
  }
  /** Creates a topic, then gives it more partitions; whether it is listed, and how many partitions it has then. */
  createTopic: {
    task: { topic: string; partitions: number; config: Record<string, string>; morePartitions: number }
    answer: { listed: boolean; partitions: number }
  }
  deleteTopic: { task: { topic: string }; answer: unknown }
  /** Sets one configuration of a topic: its value before and after, as described. */
  configs: { task: { topic: string; name: string; value: string }; answer: { before: string; after: string } }
  /** The first offset, the next one, and the first at or after a time, of partition 0. */
  offsets: {
    task: { topic: string; timestamp: number }
    answer: { earliest: number; latest: number; atTimestamp: number }
  }
  /** Looks a group without members up, then deletes it. */
  groups: {
    task: { topic: string; group: string }
    answer: { listed: boolean; state: string; members: number; committed: number; listedAfterwards: boolean }
  }
  /** Deletes the records of partition 0 before an offset. */
  deleteRecords: { task: { topic: string; before: number }; answer: unknown }
}

export interface JsonRecord {
  key: string | null
  value: string | null
  headers: [name: string, value: string | null][]
  timestamp: number
}

/** Has the program of a library do one operation. */
export async function ask<Name extends keyof Operations>(
  library: Library,
  name: Name,
  task: Operations[Name]['task'],
  { bootstrapServers, signal }: { bootstrapServers: string; signal: AbortSignal },
): Promise<Operations[Name]['answer']> {
  const { args, ...start } = library.start
  const call = { ...start, args: [...args, bootstrapServers, name], input: JSON.stringify(task), signal }
  const { stdout, stderr } = await runProgram(call)
  const last = stdout.toString().trimEnd().split('\n').at(-1) ?? ''
  try {
    return JSON.parse(last)
  } catch {
    throw new Error(`${library.name} ${name}: its answer is no JSON: ${last.slice(0, 500)}\n${stderr}`)
  }
}

const base64 = (bytes: Buffer | null) => bytes?.toString('base64') ?? null
const fromBase64 = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'))

export const toJson = ({ key, value, headers, timestamp }: PlainRecord): JsonRecord => ({
  key: base64(key),
  value: base64(value),
  headers: headers.map(([name, each]) => [name, base64(each)]),
  timestamp,
})

export const fromJson = ({ key, value, headers, timestamp }: JsonRecord): PlainRecord => ({
  key: fromBase64(key),
  value: fromBase64(value),
  headers: headers.map(([name, each]) => [name, fromBase64(each)]),
  timestamp,
})
