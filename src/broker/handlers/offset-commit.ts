import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body } from '../../wire/protocol/index.ts'
import { type Call, handler, injectedError, topicOf } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import type { OffsetCommit } from '../groups/offsets.ts'
import type { Topic } from '../topic.ts'
import { errorOf, groupError } from './coordinator-check.ts'

type Request = Body<typeof apis.offsetCommit.request>
type Asked = Request['topics'][number]

/** Kafka's `offset.metadata.max.bytes`; it counts UTF-16 units. */
const maxMetadataLength = 4096

/** Source: KafkaApis.handleOffsetCommitRequest, OffsetMetadataManager.commitOffset. */
export const offsetCommitHandler = handler('OffsetCommit', apis.offsetCommit, {
  handle(call) {
    const { body, cluster, version } = call
    const { groupId, generationIdOrMemberEpoch: generationId, memberId, groupInstanceId } = body
    const refusal =
      groupRefusal(call) ||
      errorOf(() => cluster.groups.checkCommit(groupId, generationId, memberId, groupInstanceId, version))
    const commits: OffsetCommit[] = []
    const codes = new Map<Asked['partitions'][number], number>()
    for (const asked of body.topics)
      for (const one of asked.partitions) {
        const topic = topicOf(cluster, version >= 10, asked)
        const errorCode = refusal || partitionError(call, topic, asked, one)
        codes.set(one, errorCode)
        if (errorCode === 0) commits.push(commitOf(call, topic!.name, one))
      }
    // What could not be written is committed for none.
    const failure = errorOf(() => cluster.groups.offsets.commit(groupId, commits))
    const topics = body.topics.map(asked => ({
      name: asked.name,
      topicId: asked.topicId,
      partitions: asked.partitions.map(one => {
        const injected = injectedError(call, 'after', nameOf(cluster, asked), one.partitionIndex)
        const errorCode = injected?.code ?? (codes.get(one) || failure)
        return { partitionIndex: one.partitionIndex, errorCode }
      }),
    }))
    return { topics }
  },
})

const nameOf = (cluster: Cluster, { name, topicId }: Asked): string => name || cluster.topicById(topicId)?.name || ''

/** Injected errors are given partition by partition. */
function groupRefusal(call: Call<Request>): number {
  return groupError({ ...call, faults: [] }, call.body.groupId, true)
}

function partitionError(
  call: Call<Request>,
  topic: Topic | undefined,
  asked: Asked,
  one: Asked['partitions'][number],
): number {
  const injected = injectedError(call, 'before', topic?.name ?? asked.name, one.partitionIndex)
  if (injected) return injected.code
  if (!topic) return errorNumber(call.version >= 10 ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION')
  const isTooLong = (one.committedMetadata?.length ?? 0) > maxMetadataLength
  return isTooLong ? errorNumber('OFFSET_METADATA_TOO_LARGE') : 0
}

function commitOf({ body, cluster }: Call<Request>, topic: string, one: Asked['partitions'][number]): OffsetCommit {
  const { retentionTimeMs } = body
  return {
    topic,
    partition: one.partitionIndex,
    offset: one.committedOffset,
    leaderEpoch: one.committedLeaderEpoch,
    metadata: one.committedMetadata ?? '',
    ...(retentionTimeMs !== -1n && { expireTimestamp: expiry(cluster.clock.wallTime(), retentionTimeMs) }),
  }
}

const latest = 2n ** 63n - 1n

/** A client may ask for longer than a timestamp reaches. */
function expiry(now: number, retentionTimeMs: bigint): bigint {
  const at = BigInt(now) + retentionTimeMs
  return at > latest ? latest : at
}
