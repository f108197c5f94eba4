import type { Target } from './request-log.ts'

type Row = Readonly<Record<string, unknown>>

/** The transactional ids that a request is about, wherever its API keeps them. */
export function transactionalIdsOf(body: unknown): string[] {
  const { transactionalId, v3AndBelowTransactionalId, transactionalIds, transactions } = body as Row
  return texts([
    transactionalId,
    v3AndBelowTransactionalId,
    ...rows(transactionalIds),
    ...rows(transactions).map(one => (one as Row).transactionalId),
    ...coordinatorKeys(body as Row, 1),
  ])
}

/** The consumer groups that a request is about. */
export function groupsOf(body: unknown): string[] {
  const { groupId, groups, groupsNames, groupIds } = body as Row
  return texts([
    groupId,
    ...rows(groupsNames),
    ...rows(groupIds),
    ...rows(groups).map(one => (typeof one === 'string' ? one : (one as Row).groupId)),
    ...coordinatorKeys(body as Row, 0),
  ])
}

/** FindCoordinator: a key and what kind it is; lists of keys since v4. */
function coordinatorKeys({ keyType, key, coordinatorKeys: keys }: Row, type: number): unknown[] {
  return keyType === type ? [key, ...rows(keys)] : []
}

/** What the default of targets needs of the cluster: topics by their ids. */
interface TopicsById {
  topicById(id: string): { readonly name: string } | undefined
}

/** The topics and partitions that stand in a body under the names that Kafka's requests give them. */
export function targetsOf(body: unknown, cluster: TopicsById): Target[] {
  const { transactions, groups, markers } = body as Row
  const holders = [body, ...rows(transactions), ...rows(groups), ...rows(markers)]
  return holders.flatMap(holder =>
    typeof holder === 'object' && holder !== null
      ? ['topics', 'v3AndBelowTopics', 'topicPartitions'].flatMap(list =>
          rows((holder as Row)[list]).flatMap(topic => topicTargets(topic, cluster)),
        )
      : [],
  )
}

function topicTargets(topic: unknown, cluster: TopicsById): Target[] {
  if (typeof topic !== 'object' || topic === null) return []
  const { name, topic: alsoName, topicId, partitions, partitionIndexes } = topic as Row
  const named =
    texts([name, alsoName])[0] ?? (typeof topicId === 'string' ? cluster.topicById(topicId)?.name : undefined)
  if (named === undefined) return []
  const indexes = [...rows(partitions), ...rows(partitionIndexes)].map(indexOf).filter(index => index !== undefined)
  return indexes.length === 0 ? [{ topic: named }] : indexes.map(partition => ({ topic: named, partition }))
}

function indexOf(partition: unknown): number | undefined {
  if (typeof partition === 'number') return partition
  const { partitionIndex, partition: index } = partition as Row
  return [partitionIndex, index].find(found => typeof found === 'number')
}

function rows(list: unknown): readonly unknown[] {
  return Array.isArray(list) ? list : []
}

function texts(found: readonly unknown[]): string[] {
  return found.filter((text): text is string => typeof text === 'string' && text !== '')
}
