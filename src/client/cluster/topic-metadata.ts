import { type BrokerErrorCode, brokerErrorCode, errorNumber } from '../../base/errors/index.ts'
import type { apis, Body } from '../../wire/protocol/index.ts'

export type MetadataAnswer = Body<(typeof apis.metadata)['response']>
type TopicAnswer = MetadataAnswer['topics'][number]
type PartitionAnswer = TopicAnswer['partitions'][number]

/** What the cluster said of one topic. Never changed: news make a new one. */
export interface TopicMetadata {
  readonly name: string
  /** The zero id where the cluster has none, or it is not known. */
  readonly id: string
  /** The topic's error in the last answer. Partitions learnt before are kept beside it. */
  readonly error: BrokerErrorCode | undefined
  /** The index is the partition's number. Empty until the topic is known. */
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionMetadata {
  readonly partition: number
  /** −1: none now. */
  readonly leader: number
  /** −1: unknown. Comparable only within one topic id. */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
  readonly error: BrokerErrorCode | undefined
}

/** What topics have for an id where there are no topic ids (before Kafka 2.8). */
export const zeroTopicId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Before Metadata v9 the epochs of an answer may be older than its leaders (KAFKA-9212; MetadataResponse.java). */
const reliableEpochsFrom = 9
const leaderNotAvailable = brokerErrorCode(errorNumber('LEADER_NOT_AVAILABLE'))
const replicaNotAvailable = errorNumber('REPLICA_NOT_AVAILABLE')

/**
 * What an answer says of a topic, together with what was known. Per partition the newer leader epoch wins. Epochs are
 * comparable only within one topic id: those of a topic that was deleted and made anew begin at 0 again.
 */
export function mergeTopic(
  answer: TopicAnswer,
  known: TopicMetadata | undefined,
  version: number,
  isBroker: (id: number) => boolean,
): TopicMetadata {
  const name = answer.name!
  const error = answer.errorCode === 0 ? undefined : brokerErrorCode(answer.errorCode)
  const idKnown = known !== undefined && known.id !== zeroTopicId
  const idTold = answer.topicId !== zeroTopicId
  const id = idTold || !idKnown ? answer.topicId : known.id
  // Omitted is not deleted: what was learnt before is kept beside the error.
  if (error !== undefined && answer.partitions.length === 0)
    return { name, id: known?.id ?? id, error, partitions: known?.partitions ?? [] }
  const isSame = known !== undefined && known.id === id
  // Without ids nothing tells a topic from its successor, but it was gone in between.
  const older = isSame && (idKnown || known.error === undefined) ? known.partitions : []
  const partitions = densePartitions(answer.partitions).map((row, partition) =>
    mergePartition(partition, row, older[partition], version, isBroker),
  )
  // Topics do not shrink: an answer with fewer partitions is an older one.
  return { name, id, error, partitions: [...partitions, ...older.slice(partitions.length)] }
}

/** What is told of a topic elsewhere, together with what is known here: per partition the newer leader epoch, as in `mergeTopic`. */
export function newerOf(told: TopicMetadata, known: TopicMetadata | undefined): TopicMetadata {
  if (known === undefined || known.id !== told.id) return told
  const partitions = told.partitions.map((row, partition) => {
    const own = known.partitions[partition]
    return own !== undefined && own.leaderEpoch > row.leaderEpoch && row.leaderEpoch >= 0 ? own : row
  })
  return { ...told, partitions: [...partitions, ...known.partitions.slice(partitions.length)] }
}

/** Rows by partition number. Kafka sends all partitions of a topic, so a number beyond their count cannot be one. */
function densePartitions(rows: readonly PartitionAnswer[]): (PartitionAnswer | undefined)[] {
  const dense = new Array<PartitionAnswer | undefined>(rows.length).fill(undefined)
  for (const row of rows)
    if (row.partitionIndex >= 0 && row.partitionIndex < rows.length) dense[row.partitionIndex] = row
  return dense
}

function mergePartition(
  partition: number,
  row: PartitionAnswer | undefined,
  older: PartitionMetadata | undefined,
  version: number,
  isBroker: (id: number) => boolean,
): PartitionMetadata {
  if (row === undefined)
    return (
      older ?? { partition, leader: -1, leaderEpoch: -1, replicas: [], inSyncReplicas: [], error: leaderNotAvailable }
    )
  const leaderEpoch = version >= reliableEpochsFrom ? row.leaderEpoch : -1
  if (older !== undefined && leaderEpoch >= 0 && leaderEpoch < older.leaderEpoch) return older
  const leader = row.leaderId >= 0 && isBroker(row.leaderId) ? row.leaderId : -1
  // A missing follower does not concern a producer (MetadataResponse.java takes this error out as well).
  const isError = row.errorCode !== 0 && row.errorCode !== replicaNotAvailable
  const error = isError ? brokerErrorCode(row.errorCode) : leader < 0 ? leaderNotAvailable : undefined
  return { partition, leader, leaderEpoch, replicas: row.replicaNodes, inSyncReplicas: row.isrNodes, error }
}

/** Whether something that matters to a producer differs. */
export function isNews(topic: TopicMetadata, known: TopicMetadata | undefined): boolean {
  if (known === undefined) return topic.error === undefined
  if (topic === known) return false
  if (topic.id !== known.id || topic.error?.code !== known.error?.code) return true
  if (topic.partitions.length !== known.partitions.length) return true
  return topic.partitions.some((row, index) => {
    const before = known.partitions[index]!
    return row.leader !== before.leader || row.leaderEpoch !== before.leaderEpoch
  })
}

/** Why a topic should be asked for again; undefined: nothing is missing, or asking again does not help. */
export function whatIsMissing(topic: TopicMetadata): string | undefined {
  const { name, error } = topic
  if (error !== undefined) return error.retriable ? `topic ${name}: ${error.name}` : undefined
  const row = topic.partitions.find(partition => partition.leader < 0 || partition.error?.refreshesMetadata === true)
  return row && `${name}-${row.partition} has no leader`
}
