import { type BrokerErrorCode, brokerErrorCode } from '../../base/errors/index.ts'
import type { apis, Body } from '../../wire/protocol/index.ts'

type MetadataAnswer = Body<(typeof apis.metadata)['response']>

export interface PartitionMetadata {
  readonly partition: number
  /** Broker id; −1 while there is none. */
  readonly leader: number
  /** −1 where the broker tells none (before Metadata v7). */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
}

export interface TopicMetadata {
  readonly name: string
  /** The zero id where the cluster has no topic ids (before Metadata v10). */
  readonly id: string
  readonly error: BrokerErrorCode | undefined
  /** Index is partition; empty while unknown. */
  readonly partitions: readonly PartitionMetadata[]
}

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** The brokers of an answer, without those that nobody could connect to. */
export function brokersOf(answer: MetadataAnswer): Map<number, BrokerAddress> {
  const brokers = new Map<number, BrokerAddress>()
  for (const { nodeId, host, port } of answer.brokers)
    if (isUsable(nodeId, host, port)) brokers.set(nodeId, { host, port })
  return brokers
}

/** A hostile or broken cluster may announce anything. */
export const isUsable = (nodeId: number, host: string, port: number): boolean =>
  nodeId >= 0 && port >= 1 && port <= 65535 && /^[\x21-\x7e]{1,255}$/.test(host)

/** One topic of an answer merged with what was known: per partition the newer leader epoch wins, within one topic id. */
export function mergeTopic(
  answered: MetadataAnswer['topics'][number],
  known: TopicMetadata | undefined,
): TopicMetadata {
  const name = answered.name ?? known?.name ?? ''
  const error = answered.errorCode === 0 ? undefined : brokerErrorCode(answered.errorCode)
  // Missing once is not deleted: what was known stays, beside the error.
  if (error !== undefined && answered.partitions.length === 0)
    return { name, id: known?.id ?? answered.topicId, error, partitions: known?.partitions ?? [] }
  const sameTopic = known !== undefined && known.id === answered.topicId
  const count = answered.partitions.length
  const partitions: PartitionMetadata[] = Array.from({ length: count }, (_, partition) => ({
    partition,
    leader: -1,
    leaderEpoch: -1,
    replicas: [],
    inSyncReplicas: [],
  }))
  for (const own of answered.partitions) {
    if (own.partitionIndex < 0 || own.partitionIndex >= count) continue
    const older = sameTopic ? known.partitions[own.partitionIndex] : undefined
    const isStale = older !== undefined && own.leaderEpoch >= 0 && own.leaderEpoch < older.leaderEpoch
    partitions[own.partitionIndex] = isStale
      ? older
      : {
          partition: own.partitionIndex,
          leader: own.leaderId,
          leaderEpoch: own.leaderEpoch,
          replicas: own.replicaNodes,
          inSyncReplicas: own.isrNodes,
        }
  }
  // A topic does not shrink: partitions that one answer leaves out are kept.
  if (sameTopic) for (const older of known.partitions.slice(count)) partitions.push(older)
  return { name, id: answered.topicId, error, partitions }
}

/** Whether an answer told something new about a topic. */
export function differs(a: TopicMetadata | undefined, b: TopicMetadata): boolean {
  if (a === undefined) return true
  if (a.id !== b.id || a.error?.code !== b.error?.code || a.partitions.length !== b.partitions.length) return true
  return b.partitions.some((own, index) => {
    const older = a.partitions[index]!
    return own.leader !== older.leader || own.leaderEpoch !== older.leaderEpoch
  })
}
