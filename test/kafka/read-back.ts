import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { endOffsets } from '../../scripts/kafka/admin.mjs'
import { runTool } from '../../scripts/kafka/java.mjs'
import { hasKcat } from '../../scripts/kafka/requirements.mjs'

/** A record as a program that is not ours found it on a broker. */
export interface FoundRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly timestampType: 'create' | 'append'
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
}

const readTimeoutMs = 120_000

/** Whether kcat is there to read with; looked up once. */
export const kcatIsInstalled: boolean = hasKcat()

/** Every record of a topic, partition by partition, byte for byte, read by kcat (librdkafka), which checks each batch's CRC. */
export async function readWithKcat(
  bootstrapServers: string,
  topic: string,
  isolation: 'read_uncommitted' | 'read_committed' = 'read_uncommitted',
): Promise<FoundRecord[]> {
  // The end of a partition shows when a fetch comes back empty; kcat would have the broker hold that one for half a second.
  const properties = ['check.crcs=true', `isolation.level=${isolation}`, 'fetch.wait.max.ms=10']
  const { stdout } = await promisify(execFile)(
    'kcat',
    [
      '-C',
      '-b',
      bootstrapServers,
      '-t',
      topic,
      '-o',
      'beginning',
      '-e',
      '-q',
      '-J',
      ...properties.flatMap(each => ['-X', each]),
    ],
    // kcat puts the bytes of keys and values into its JSON as they are: read as Latin-1, each character is one of them.
    { encoding: 'latin1', maxBuffer: 2 ** 30, timeout: readTimeoutMs },
  )
  const lines = stdout.split('\n').filter(line => line !== '')
  return inOrder(lines.map(line => fromKcat(JSON.parse(line) as KcatRecord)))
}

interface KcatRecord {
  readonly partition: number
  readonly offset: number
  readonly tstype: string
  readonly ts: number
  readonly key: string | null
  readonly payload: string | null
  readonly headers?: readonly (string | null)[]
}

function fromKcat({ partition, offset, tstype, ts, key, payload, headers = [] }: KcatRecord): FoundRecord {
  const pairs: [string, Buffer | null][] = []
  for (let i = 0; i < headers.length; i += 2) pairs.push([latin1(headers[i])?.toString() ?? '', latin1(headers[i + 1])])
  const timestampType = tstype === 'logappend' ? 'append' : 'create'
  return { partition, offset, timestamp: ts, timestampType, key: latin1(key), value: latin1(payload), headers: pairs }
}

function latin1(text: string | null | undefined): Buffer | null {
  return text === null || text === undefined ? null : Buffer.from(text, 'latin1')
}

// Control characters that separate; keys, values and headers that are read with the console consumer must not hold them.
const column = '\x1f'
const row = '\x1e'
const headerEnd = '\x1d'
const nothing = '\x1c'

/**
 * Every record of a topic, partition by partition, read by Kafka's own console consumer. It prints text: for bytes that
 * are not text, and for names of headers with a colon, read with kcat. It joins a consumer group, unless told a partition.
 */
export async function readWithConsoleConsumer(
  bootstrapServers: string,
  topic: string,
  partition?: number,
): Promise<FoundRecord[]> {
  const found: FoundRecord[] = []
  await scanWithConsoleConsumer(bootstrapServers, topic, record => found.push(record), partition)
  return inOrder(found)
}

/**
 * The same record by record, in the order in which the console consumer prints them, for topics that are too large to keep.
 * Offsets of one partition come in order.
 */
export async function scanWithConsoleConsumer(
  bootstrapServers: string,
  topic: string,
  onRecord: (record: FoundRecord) => void,
  partition?: number,
): Promise<number> {
  const ends = await endOffsets(bootstrapServers, topic)
  const count = partition === undefined ? ends.reduce((sum, end) => sum + end, 0) : (ends[partition] ?? 0)
  if (count === 0) return 0
  const read = await scan(bootstrapServers, topic, count, onRecord, { partition })
  // It ends with exit code 0 where nothing came for a minute.
  if (read !== count) throw new Error(`the console consumer read ${read} of ${count} records of ${topic}`)
  return count
}

/**
 * The first so many committed records of a topic, or fewer where a minute brings no more: no offset tells how many there are. So that
 * nothing may follow them unseen, let the newest of each partition be one that is known, and look for all of these.
 */
export async function scanCommitted(
  bootstrapServers: string,
  topic: string,
  count: number,
  onRecord: (record: FoundRecord) => void,
): Promise<number> {
  return await scan(bootstrapServers, topic, count, onRecord, { isolation: 'read_committed' })
}

/** All committed records of a topic, of which there are `most` at most: where there are fewer it waits a quarter of a minute for more. */
export async function readCommitted(bootstrapServers: string, topic: string, most: number): Promise<FoundRecord[]> {
  const found: FoundRecord[] = []
  if (most === 0) return found
  const committed = { isolation: 'read_committed', idleMs: 15_000 } as const
  await scan(bootstrapServers, topic, most, record => found.push(record), committed)
  return found
}

interface Scan {
  readonly partition?: number | undefined
  readonly isolation?: 'read_committed'
  /** How long it waits for more before it ends. */
  readonly idleMs?: number
}

async function scan(
  bootstrapServers: string,
  topic: string,
  count: number,
  onRecord: (record: FoundRecord) => void,
  { partition, isolation, idleMs = 60_000 }: Scan,
): Promise<number> {
  const shape = {
    'print.timestamp': true,
    'print.partition': true,
    'print.offset': true,
    'print.headers': true,
    'print.key': true,
    'key.separator': column,
    'headers.separator': headerEnd,
    'line.separator': row,
    'null.literal': nothing,
  }
  const args = ['--bootstrap-server', bootstrapServers, '--topic', topic]
  if (partition === undefined) args.push('--from-beginning')
  else args.push('--partition', String(partition), '--offset', 'earliest')
  if (isolation !== undefined) args.push('--isolation-level', isolation)
  args.push('--max-messages', String(count), '--timeout-ms', String(idleMs))
  for (const [name, value] of Object.entries(shape)) args.push('--formatter-property', `${name}=${value}`)
  let rest = ''
  let read = 0
  await runTool('ConsoleConsumer', args, {
    timeoutMs: 10 * 60_000,
    onOutput: chunk => {
      const rows = (rest + chunk.toString('latin1')).split(row)
      rest = rows.pop() ?? ''
      read += rows.length
      for (const each of rows) onRecord(fromConsole(each))
    },
  })
  return read
}

function fromConsole(line: string): FoundRecord {
  const [timestamp = '', partition = '', offset = '', headers = '', key = '', value = ''] = line.split(column)
  return {
    partition: Number(partition.slice('Partition:'.length)),
    offset: Number(offset.slice('Offset:'.length)),
    timestamp: Number(timestamp.slice(timestamp.indexOf(':') + 1)),
    timestampType: timestamp.startsWith('LogAppendTime') ? 'append' : 'create',
    key: printed(key),
    value: printed(value),
    headers: headers === 'NO_HEADERS' ? [] : headers.split(headerEnd).map(headerOf),
  }
}

function headerOf(text: string): [string, Buffer | null] {
  const colon = text.indexOf(':')
  return [Buffer.from(text.slice(0, colon), 'latin1').toString(), printed(text.slice(colon + 1))]
}

function printed(text: string): Buffer | null {
  return text === nothing ? null : Buffer.from(text, 'latin1')
}

function inOrder(records: FoundRecord[]): FoundRecord[] {
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}
