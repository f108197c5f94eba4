import { decompress } from '../../src/broker/decompress.ts'
import { apis } from '../../src/wire/protocol/index.ts'
import { type BatchHeader, decodeRecords, readBatchHeader } from '../../src/wire/protocol/records/record-batch.ts'
import { RawConnection } from '../broker/raw-connection.ts'

/** A batch as the broker gives it out, byte for byte as its producer wrote it. */
export interface BatchInLog {
  readonly codec: Codec
  readonly producerId: bigint
  readonly baseSequence: number
  readonly transactional: boolean
  readonly control: boolean
  readonly records: readonly PlainRecord[]
}

export interface PlainRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof codecs)[number]

const fetchVersion = 11

/** Every batch of one partition, control batches too. The topic's leader must be the first bootstrap server. */
export async function readLog(bootstrapServers: string, topic: string, partition = 0): Promise<BatchInLog[]> {
  const [address = ''] = bootstrapServers.split(',')
  const colon = address.lastIndexOf(':')
  await using connection = await RawConnection.to(address.slice(0, colon), Number(address.slice(colon + 1)))
  const found: BatchInLog[] = []
  for (let fetchOffset = 0n; ; ) {
    const wanted = { partition, fetchOffset, partitionMaxBytes: 8 * 1024 * 1024 }
    const body = { maxWaitMs: 0, minBytes: 0, topics: [{ topic, partitions: [wanted] }] }
    const answer = await connection.call(apis.fetch, fetchVersion, body)
    const got = answer.responses[0]?.partitions[0]
    if (got === undefined) throw new Error(`the answer to Fetch lacks ${topic}-${partition}`)
    if (got.errorCode !== 0) throw new Error(`Fetch of ${topic}-${partition}: error ${got.errorCode}`)
    const bytes = got.records === null ? Buffer.alloc(0) : Buffer.from(got.records)
    if (bytes.length === 0) return found
    for (let at = 0; at < bytes.length; ) {
      const header = readBatchHeader(bytes, at)
      found.push(batchAt(bytes, at, header))
      fetchOffset = header.baseOffset + BigInt(header.lastOffsetDelta) + 1n
      at += header.sizeInBytes
    }
  }
}

function batchAt(bytes: Buffer, at: number, { attributes, producerId, baseSequence }: BatchHeader): BatchInLog {
  const { codec, transactional, control } = attributes
  const records = control ? [] : decodeRecords(bytes, at, decompress)
  return {
    codec: codecs[codec] ?? 'none',
    producerId,
    baseSequence,
    transactional,
    control,
    records: records.map(({ key, value, headers, timestamp }) => ({ key, value, headers, timestamp })),
  }
}
