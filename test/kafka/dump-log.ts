import { existsSync, readdirSync } from 'node:fs'
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
}

/** The batches of one partition, read by Kafka's DumpLogSegments from the files of its leader. Keys and values must be one line. */
export async function dumpLog(cluster: Cluster, topic: string, partition = 0): Promise<DumpedBatch[]> {
  const folder = cluster.partitionFolder(await cluster.leaderOf(topic, partition), topic, partition)
  if (!existsSync(folder)) throw new Error(`${topic}-${partition} has no folder ${folder}`)
  const segments = readdirSync(folder).filter(name => name.endsWith('.log'))
  const files = segments.sort().map(name => join(folder, name))
  const output = await runTool('DumpLogSegments', ['--deep-iteration', '--print-data-log', '--files', files.join(',')])
  return parseDump(output.toString())
}

export function parseDump(text: string): DumpedBatch[] {
  const batches: (DumpedBatch & { records: DumpedRecord[] })[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('baseOffset:')) batches.push({ ...batchOf(line), records: [] })
    else if (line.startsWith('| offset:')) batches.at(-1)?.records.push(recordOf(line))
  }
  return batches
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
    /^\| offset: (\d+) \w+: (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: (-?\d+) headerKeys: \[(.*?)\](?: key: (.*?))?(?: payload: (.*))?$/
  const match = form.exec(line)
  if (!match) throw new Error(`DumpLogSegments printed a record in another way: ${line}`)
  const [, offset, timestamp, keySize, valueSize, sequence, headerKeys = '', key, value] = match
  return {
    offset: Number(offset),
    timestamp: Number(timestamp),
    keySize: Number(keySize),
    valueSize: Number(valueSize),
    sequence: Number(sequence),
    headerKeys: headerKeys === '' ? [] : headerKeys.split(','),
    key: Number(keySize) < 0 ? undefined : key,
    value: Number(valueSize) < 0 ? undefined : value,
  }
}
