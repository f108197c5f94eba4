import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Cluster } from '../../scripts/kafka/cluster.mjs'
import { runTool } from '../../scripts/kafka/java.mjs'

/** A record batch as it lies in a broker's segment file. */
export interface DumpedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number
  /** −1 without idempotence, as are the producer's id and epoch. */
  readonly baseSequence: number
  readonly lastSequence: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly isTransactional: boolean
  readonly isControl: boolean
  /** In bytes, with the batch's header. */
  readonly size: number
  readonly magic: number
  readonly codec: string
  readonly crc: number
  readonly isValid: boolean
  readonly records: readonly DumpedRecord[]
}

export interface DumpedRecord {
  readonly offset: number
  readonly timestamp: number
  /** −1 for null. */
  readonly keySize: number
  readonly valueSize: number
  readonly sequence: number
  readonly headerKeys: readonly string[]
  /** As text, where it is text; undefined for null. */
  readonly key: string | undefined
  readonly value: string | undefined
  /** Of the record that ends a transaction. */
  readonly marker: 'COMMIT' | 'ABORT' | undefined
}

/** The batches of one partition, read by Kafka's DumpLogSegments from the files of its leader. Keys and values must be one line. */
export async function dumpLog(cluster: Cluster, topic: string, partition = 0): Promise<DumpedBatch[]> {
  const [batches = []] = await dumpLogs(cluster, [topic], partition)
  return batches
}

/** The same of several topics, with one run of the tool, which takes more than a second. */
export async function dumpLogs(cluster: Cluster, topics: readonly string[], partition = 0): Promise<DumpedBatch[][]> {
  const folders: string[] = []
  for (const topic of topics)
    folders.push(cluster.partitionFolder(await cluster.leaderOf(topic, partition), topic, partition))
  return dumpFolders(folders)
}

/** The same of partitions whose folders are known. */
export async function dumpFolders(folders: readonly string[]): Promise<DumpedBatch[][]> {
  const files = folders.map(folder => {
    const segments = readdirSync(folder).filter(name => name.endsWith('.log'))
    return segments.sort().map(name => join(folder, name))
  })
  const args = ['--deep-iteration', '--print-data-log', '--files', files.flat().join(',')]
  const dumps = parseDump((await runTool('DumpLogSegments', args)).toString())
  return files.map(segments => segments.flatMap(file => dumps.get(file) ?? []))
}

/** What the tool printed, by file. */
function parseDump(text: string): Map<string, DumpedBatch[]> {
  const files = new Map<string, DumpedBatch[]>()
  let batches: DumpedBatch[] = []
  let records: DumpedRecord[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('Dumping ')) {
      batches = []
      files.set(line.slice('Dumping '.length), batches)
    } else if (line.startsWith('baseOffset:')) {
      records = []
      batches.push({ ...batchOf(line), records })
    } else if (line.startsWith('| offset:')) records.push(recordOf(line))
  }
  return files
}

function batchOf(line: string): Omit<DumpedBatch, 'records'> {
  const fields = new Map(Array.from(line.matchAll(/(\w+): (\S+)/g), ([, name = '', value = '']) => [name, value]))
  const text = (name: string) => {
    const value = fields.get(name)
    if (value === undefined) throw new Error(`DumpLogSegments printed no ${name}: ${line}`)
    return value
  }
  const number = (name: string) => Number(text(name))
  return {
    baseOffset: number('baseOffset'),
    lastOffset: number('lastOffset'),
    count: number('count'),
    baseSequence: number('baseSequence'),
    lastSequence: number('lastSequence'),
    producerId: BigInt(text('producerId')),
    producerEpoch: number('producerEpoch'),
    isTransactional: text('isTransactional') === 'true',
    isControl: text('isControl') === 'true',
    size: number('size'),
    magic: number('magic'),
    codec: text('compresscodec').toLowerCase(),
    crc: number('crc'),
    isValid: text('isvalid') === 'true',
  }
}

function recordOf(line: string): DumpedRecord {
  const form =
    /^\| offset: (\d+) \w+: (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: (-?\d+) headerKeys: \[(.*?)\](?: endTxnMarker: (COMMIT|ABORT).*)?(?: key: (.*?))?(?: payload: (.*))?$/
  const match = form.exec(line)
  if (!match) throw new Error(`DumpLogSegments printed a record in another way: ${line}`)
  const [, offset, timestamp, keySize, valueSize, sequence, headerKeys = '', marker, key, value] = match
  return {
    offset: Number(offset),
    timestamp: Number(timestamp),
    keySize: Number(keySize),
    valueSize: Number(valueSize),
    sequence: Number(sequence),
    headerKeys: headerKeys === '' ? [] : headerKeys.split(','),
    key: Number(keySize) < 0 ? undefined : key,
    value: Number(valueSize) < 0 ? undefined : value,
    marker: marker as DumpedRecord['marker'],
  }
}
