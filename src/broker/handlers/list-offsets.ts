import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body, type Draft } from '../../wire/protocol/index.ts'
import { iterateRecords, readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { decompress } from '../decompress.ts'
import type { Partition } from '../topic.ts'
import { leaderError } from './leader-check.ts'

type Asked = Body<typeof apis.listOffsets.request>['topics'][number]['partitions'][number]
type PartitionAnswer = Draft<typeof apis.listOffsets.response>['topics'][number]['partitions'][number]
type Found = { readonly timestamp: bigint; readonly offset: bigint; readonly leaderEpoch: number }

const readCommitted = 1

const nothing: Found = { timestamp: -1n, offset: -1n, leaderEpoch: -1 }

/** Source: KafkaApis.handleListOffsetRequest, UnifiedLog.fetchOffsetByTimestamp. */
export const listOffsetsHandler = handler('ListOffsets', apis.listOffsets, {
  handle: call => ({
    topics: call.body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(asked => answer(call, name, asked)),
    })),
  }),
})

function answer(call: Call<Body<typeof apis.listOffsets.request>>, topic: string, asked: Asked): PartitionAnswer {
  const { partitionIndex } = asked
  const injected = anyInjectedError(call, topic, partitionIndex)
  if (injected) return { partitionIndex, errorCode: injected.code }
  const partition = call.cluster.topic(topic)?.partitions[partitionIndex]
  if (!partition) return { partitionIndex, errorCode: errorNumber('UNKNOWN_TOPIC_OR_PARTITION') }
  const errorCode = leaderError(call, partition, asked.currentLeaderEpoch)
  if (errorCode !== 0) return { partitionIndex, errorCode }
  const found = find(partition, asked.timestamp, call.body.isolationLevel === readCommitted)
  if (found !== 'not-available') return { partitionIndex, errorCode: 0, ...found }
  // A new leader does not know yet how far consumers had read (KIP-207).
  return { partitionIndex, errorCode: errorNumber(call.version >= 5 ? 'OFFSET_NOT_AVAILABLE' : 'LEADER_NOT_AVAILABLE') }
}

/** Source: Partition.fetchOffsetForTimestamp. */
function find(partition: Partition, timestamp: bigint, committedOnly: boolean): Found | 'not-available' {
  const { log, leaderEpoch, epochStartOffset } = partition
  const end = committedOnly ? partition.lastStableOffset : log.highWatermark
  const beyond = log.highWatermark < epochStartOffset ? 'not-available' : nothing
  const visible = (found: Found) => (found.offset < end ? found : beyond)
  switch (timestamp) {
    case -1n: // latest
      return log.highWatermark < epochStartOffset ? beyond : { timestamp: -1n, offset: end, leaderEpoch }
    case -2n: // earliest
    case -4n: // earliest local: nothing is tiered
      return { timestamp: -1n, offset: log.startOffset, leaderEpoch }
    case -3n: {
      const batch = log.batchOfMaxTimestamp()
      return visible(batch ? firstAt(batch.bytes, batch.maxTimestamp, batch.leaderEpoch) : nothing)
    }
    case -5n: // latest tiered
    case -6n: // earliest not yet uploaded
      return nothing
    default: {
      const batch = log.firstBatchAt(Number(timestamp))
      return visible(batch ? firstAt(batch.bytes, Number(timestamp), batch.leaderEpoch) : nothing)
    }
  }
}

function firstAt(batch: Buffer, timestamp: number, leaderEpoch: number): Found {
  // One by one: a small batch may unpack to millions of records.
  for (const record of iterateRecords(batch, 0, decompress))
    if (record.timestamp >= timestamp) {
      const offset = readBatchHeader(batch, 0).baseOffset + BigInt(record.offsetDelta)
      return { timestamp: BigInt(record.timestamp), offset, leaderEpoch }
    }
  return nothing
}
