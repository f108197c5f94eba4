import { decodeRecords, readBatchHeader } from '../wire/protocol/records/record-batch.ts'
import { decompress } from './decompress.ts'
import { advanceSequence } from './log/producer-state.ts'
import type { Topic } from './topic.ts'

/** A record as it stands in the log. */
export interface StoredRecord {
  readonly partition: number
  readonly offset: bigint
  /** Milliseconds since 1970; the time of the append where the topic has it so. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** In order, repeats kept. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
  /** −1 for a producer without idempotence; so are epoch and sequence. */
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly sequence: number
}

/** The header of a stored batch. */
export interface StoredBatchHeader {
  readonly baseOffset: bigint
  readonly recordCount: number
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly codec: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly maxTimestamp: number
  readonly timestampType: 'create-time' | 'log-append-time'
  readonly leaderEpoch: number
  readonly sizeInBytes: number
  readonly transactional: boolean
  /** It is the marker that ends a transaction. */
  readonly control: boolean
}

/** All records of a topic, or of one of its partitions, by partition and offset; not the markers of transactions, which no consumer sees. */
export function storedRecords(topic: Topic, partition?: number): StoredRecord[] {
  const found: StoredRecord[] = []
  for (const { index, log } of topic.partitions) {
    if (partition !== undefined && partition !== index) continue
    for (const { bytes } of log.batches()) {
      const { baseOffset, producerId, producerEpoch, baseSequence, attributes } = readBatchHeader(bytes, 0)
      if (attributes.control) continue
      for (const { offsetDelta, timestamp, key, value, headers } of decodeRecords(bytes, 0, decompress))
        found.push({
          partition: index,
          offset: baseOffset + BigInt(offsetDelta),
          timestamp,
          key,
          value,
          headers,
          producerId,
          producerEpoch,
          sequence: baseSequence < 0 ? -1 : advanceSequence(baseSequence, offsetDelta),
        })
    }
  }
  return found
}

/** The headers of the batches of one partition, oldest first. */
export function storedBatches(topic: Topic, partition: number): StoredBatchHeader[] {
  return (topic.partitions[partition]?.log.batches() ?? []).map(({ bytes }) => {
    const header = readBatchHeader(bytes, 0)
    const { baseOffset, recordCount, producerId, producerEpoch, baseSequence, maxTimestamp, sizeInBytes } = header
    const { codec, timestampType, transactional, control } = header.attributes
    const leaderEpoch = header.partitionLeaderEpoch
    return {
      ...{ baseOffset, recordCount, codec, producerId, producerEpoch, baseSequence },
      ...{ maxTimestamp, timestampType, leaderEpoch, sizeInBytes, transactional, control },
    }
  })
}
