import type { TopicConfigEntry, TopicDescription } from '../../client/admin/index.ts'
import { counted } from './quantities.ts'
import { integerJson } from './record-lines.ts'

/** Where a partition's log begins and ends; undefined: nobody could be asked. */
export interface PartitionOffsets {
  readonly first: bigint | undefined
  readonly end: bigint | undefined
}

/** Everything that is told of one topic. */
export interface TopicReport {
  readonly topic: TopicDescription
  /** By partition number. */
  readonly offsets: ReadonlyMap<number, PartitionOffsets>
  /** What differs from Kafka's defaults; undefined: it may not be seen. */
  readonly configs: readonly TopicConfigEntry[] | undefined
}

export function listedJson(topic: TopicDescription): string {
  return `${JSON.stringify({
    topic: topic.name,
    ...(topic.id !== undefined && { id: topic.id }),
    internal: topic.isInternal,
    partitions: topic.partitions.length,
    replicationFactor: replicationFactorOf(topic),
  })}\n`
}

/** Partitions may differ in it while they are being moved: that of most of them would mislead, that of the first is one they have. */
export const replicationFactorOf = ({ partitions }: TopicDescription): number => partitions[0]?.replicas.length ?? 0

export function reportJson({ topic, offsets, configs }: TopicReport): string {
  const partitions = topic.partitions.map(({ partition, leader, leaderEpoch, replicas, inSyncReplicas }) => {
    const { first, end } = offsets.get(partition) ?? {}
    const plain = {
      partition,
      leader: leader < 0 ? null : leader,
      leaderEpoch: leaderEpoch < 0 ? null : leaderEpoch,
      replicas,
      inSyncReplicas,
    }
    return `{${JSON.stringify(plain).slice(1, -1)},"firstOffset":${offsetJson(first)},"endOffset":${offsetJson(end)}}`
  })
  const entries = configs?.map(({ name, value, origin, isSensitive }) => ({
    name,
    value: isSensitive ? null : value,
    origin,
  }))
  const head = JSON.stringify({
    topic: topic.name,
    ...(topic.id !== undefined && { id: topic.id }),
    internal: topic.isInternal,
  })
  return `${head.slice(0, -1)},"partitions":[${partitions.join(',')}],"config":${JSON.stringify(entries ?? null)}}\n`
}

const offsetJson = (offset: bigint | undefined) => (offset === undefined ? 'null' : integerJson(offset))

const titles = ['partition', 'leader', 'epoch', 'replicas', 'in sync', 'first', 'end'] as const

export function reportText({ topic, offsets, configs }: TopicReport): string {
  const { name, id, isInternal, partitions } = topic
  const about = [
    counted(partitions.length, 'partition'),
    counted(replicationFactorOf(topic), 'replica'),
    ...(isInternal ? ['internal'] : []),
    ...(id === undefined ? [] : [`id ${id}`]),
  ]
  const rows = partitions.map(({ partition, leader, leaderEpoch, replicas, inSyncReplicas }) => {
    const { first, end } = offsets.get(partition) ?? {}
    return [
      String(partition),
      leader < 0 ? 'none' : String(leader),
      leaderEpoch < 0 ? '-' : String(leaderEpoch),
      replicas.join(','),
      inSyncReplicas.join(','),
      first === undefined ? '-' : String(first),
      end === undefined ? '-' : String(end),
    ]
  })
  const settings = (configs ?? []).map(({ name: key, value, origin, isSensitive }) => {
    const shown = isSensitive ? '(secret)' : (value ?? 'null')
    return `  ${key}=${shown}${origin === 'topic' ? '' : `  (set for the ${origin})`}\n`
  })
  return `${name}: ${about.join(', ')}\n${settings.join('')}${table([[...titles], ...rows])}`
}

/** Numbers to the right, two blanks between columns. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => `  ${row.map((cell, column) => cell.padStart(widths[column]!)).join('  ')}\n`).join('')
}
