import type { Connection } from '../../wire/network/index.ts'
import { apis, type Body } from '../../wire/protocol/index.ts'
import { type IsolationLevel, isolationNumber } from '../admin/index.ts'
import type { Portion } from './fetched-batches.ts'
import type { ReadPartition } from './read-partition.ts'

export type FetchAnswer = Body<typeof apis.fetch.response>
export type FetchedPartition = FetchAnswer['responses'][number]['partitions'][number]

/** How long a broker may wait for records. */
export const maxWaitMs = 500
/** Of one answer; a first batch that is larger comes all the same (KIP-74). */
const maxBytes = 8 * 2 ** 20
const partitionMaxBytes = 2 ** 20
const topicIdsFrom = 13
const noTopicId = 'AAAAAAAAAAAAAAAAAAAAAA'

export interface FetchQuestion {
  readonly topic: string
  readonly topicId: string
  readonly isolation: IsolationLevel
  readonly partitions: readonly {
    readonly partition: number
    readonly position: bigint
    readonly currentLeaderEpoch: number
  }[]
}

/** One long poll without a session (KIP-227), for partitions of one topic, the hungriest first. */
export async function fetchOnce(
  connection: Connection,
  question: FetchQuestion,
  timeoutMs: number,
): Promise<FetchAnswer> {
  const { topic, topicId, isolation, partitions } = question
  const highest = connection.versionOf(apis.fetch.request)
  // From v13 on topics have no name: without an id, as right after an upgrade, it has to be an older version.
  const version = topicId === noTopicId ? Math.min(highest, topicIdsFrom - 1) : highest
  const asked = partitions.map(({ partition, position, currentLeaderEpoch }) => ({
    partition,
    fetchOffset: position,
    currentLeaderEpoch,
    partitionMaxBytes,
  }))
  const draft = {
    maxWaitMs,
    minBytes: 1,
    maxBytes,
    isolationLevel: isolationNumber[isolation],
    topics: [{ ...(version < topicIdsFrom ? { topic } : { topicId }), partitions: asked }],
  }
  return await connection.request(apis.fetch, draft, { version, timeoutMs: timeoutMs + maxWaitMs })
}

/** What an answer brought of a partition, as it was asked for. */
export function portionOf(
  { records, abortedTransactions }: FetchedPartition,
  { partition, position, end }: ReadPartition,
  { topic, isolation }: { readonly topic: string; readonly isolation: IsolationLevel },
): Portion {
  const bytes = records === null ? Buffer.alloc(0) : asBuffer(records)
  const aborted = isolation === 'read_committed' ? (abortedTransactions ?? []) : null
  return { topic, partition, bytes, from: position, to: end, aborted }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
