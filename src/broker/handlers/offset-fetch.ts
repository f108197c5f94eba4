import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body, type Draft } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { groupError } from './coordinator-check.ts'
import { once } from './repeats.ts'

type Request = Body<typeof apis.offsetFetch.request>
type Answer = Draft<typeof apis.offsetFetch.response>
type PartitionAnswer = NonNullable<Answer['topics']>[number]['partitions'][number]

/** What both forms of the answer are made of. */
interface TopicAnswer {
  readonly name: string
  readonly topicId?: string
  readonly partitions: readonly PartitionAnswer[]
}

interface GroupAnswer {
  readonly groupId: string
  readonly errorCode: number
  readonly topics: readonly TopicAnswer[]
}

/** Topics by name or, from v10 on, by id. Null: all that the group has committed. */
type Asked = readonly {
  readonly name: string
  readonly topicId: string
  readonly partitionIndexes: readonly number[]
}[]

/** Source: KafkaApis.handleOffsetFetchRequest, OffsetMetadataManager.fetchOffsets. Up to v7 one group. */
export const offsetFetchHandler = handler('OffsetFetch', apis.offsetFetch, {
  handle(call) {
    const { body, version } = call
    if (version >= 8)
      return {
        groups: once(body.groups, one => one.groupId).map(({ groupId, topics }) => group(call, groupId, topics)),
      }
    const asked = body.topics?.map(topic => ({ ...topic, topicId: '' })) ?? null
    const { errorCode, topics } = group(call, body.groupId, asked)
    if (errorCode === 0 || version >= 2) return { errorCode, topics }
    // v1 has no error of its own for the group.
    const failed = (asked ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map(index => nothing(index, errorCode)),
    }))
    return { topics: failed }
  },
})

function group(call: Call<Request>, groupId: string, asked: Asked | null): GroupAnswer {
  const errorCode = groupError({ ...call, faults: [] }, groupId, true) || injectedForAll(call)
  if (errorCode !== 0) return { groupId, errorCode, topics: [] }
  call.cluster.groups.find(groupId) // lets go what has expired
  return {
    groupId,
    errorCode,
    topics: asked ? asked.map(topic => ofTopic(call, groupId, topic)) : ofAll(call, groupId),
  }
}

/** A fault that names a topic or partition is given there, any other to the group. */
function injectedForAll(call: Call<Request>): number {
  const faults = call.faults.filter(({ rule }) => rule.topic === undefined && rule.partition === undefined)
  return anyInjectedError({ ...call, faults })?.code ?? 0
}

function ofTopic(call: Call<Request>, groupId: string, asked: Asked[number]): TopicAnswer {
  const { topicId, partitionIndexes } = asked
  const name = call.version >= 10 ? call.cluster.topicById(topicId)?.name : asked.name
  const partitions =
    name === undefined
      ? partitionIndexes.map(index => nothing(index, errorNumber('UNKNOWN_TOPIC_ID')))
      : partitionIndexes.map(index => ofPartition(call, groupId, name, index))
  return { name: asked.name, topicId, partitions }
}

function ofAll(call: Call<Request>, groupId: string): TopicAnswer[] {
  const { cluster, version } = call
  const names = new Set(cluster.groups.offsets.of(groupId).map(({ topic }) => topic))
  return [...names].flatMap(name => {
    const topicId = cluster.topic(name)?.id
    if (topicId === undefined && version >= 10) return []
    const committed = cluster.groups.offsets.of(groupId).filter(({ topic }) => topic === name)
    const partitions = committed.map(({ partition }) => ofPartition(call, groupId, name, partition))
    return [{ name, ...(topicId !== undefined && { topicId }), partitions }]
  })
}

function ofPartition(call: Call<Request>, groupId: string, topic: string, partitionIndex: number): PartitionAnswer {
  const injected = anyInjectedError(call, topic, partitionIndex)
  if (injected) return nothing(partitionIndex, injected.code)
  const { offsets } = call.cluster.groups
  // KIP-447: what a transaction is about to change is not told to whoever would read on from there.
  if (call.body.requireStable && offsets.hasPending(groupId, topic, partitionIndex))
    return nothing(partitionIndex, errorNumber('UNSTABLE_OFFSET_COMMIT'))
  const found = offsets.get(groupId, topic, partitionIndex)
  if (!found) return nothing(partitionIndex)
  const { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata } = found
  return { partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode: 0 }
}

const nothing = (partitionIndex: number, errorCode = 0): PartitionAnswer => ({
  ...{ partitionIndex, committedOffset: -1n, committedLeaderEpoch: -1, metadata: '', errorCode },
})
