import type { LogConfig } from './log/segment.ts'

/** What Kafka calls the type of a configuration value; the number is DescribeConfigs' `config_type`. */
const configTypes = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 } as const

interface TopicConfigRow {
  readonly type: keyof typeof configTypes
  readonly default: string
  readonly legal?: readonly string[]
  /** The lowest number that is legal. */
  readonly least?: number
  /** False: stored and shown, as tools set it, but this broker does not act on it. */
  readonly applied: boolean
}

const row = (type: TopicConfigRow['type'], standard: string, legal?: readonly string[]): TopicConfigRow => ({
  type,
  default: standard,
  applied: true,
  ...(legal && { legal }),
})
const atLeast = (least: number, type: TopicConfigRow['type'], standard: string): TopicConfigRow => ({
  ...row(type, standard),
  least,
})
const stored = (type: TopicConfigRow['type'], standard: string): TopicConfigRow => ({
  type,
  default: standard,
  applied: false,
})

/** Topic configuration by Kafka's names and defaults (4.x). Source: TopicConfig.java, LogConfig.java. */
const rows = {
  'cleanup.policy': row('list', 'delete', ['delete', 'compact', 'compact,delete', 'delete,compact']),
  'compression.type': row('string', 'producer', ['producer']),
  'max.message.bytes': row('int', '1048588'),
  'message.timestamp.type': row('string', 'CreateTime', ['CreateTime', 'LogAppendTime']),
  'message.timestamp.before.max.ms': row('long', '9223372036854775807'),
  'message.timestamp.after.max.ms': row('long', '3600000'),
  'min.insync.replicas': row('int', '1'),
  'retention.bytes': row('long', '-1'),
  'delete.retention.ms': atLeast(0, 'long', '86400000'),
  'file.delete.delay.ms': stored('long', '60000'),
  'flush.messages': atLeast(1, 'long', '9223372036854775807'),
  'flush.ms': atLeast(0, 'long', '9223372036854775807'),
  'index.interval.bytes': atLeast(0, 'int', '4096'),
  'max.compaction.lag.ms': stored('long', '9223372036854775807'),
  'min.cleanable.dirty.ratio': atLeast(0, 'double', '0.5'),
  'min.compaction.lag.ms': atLeast(0, 'long', '0'),
  preallocate: stored('boolean', 'false'),
  'retention.ms': atLeast(-1, 'long', '604800000'),
  'segment.bytes': atLeast(14, 'int', '1073741824'),
  'segment.index.bytes': atLeast(4, 'int', '10485760'),
  'segment.jitter.ms': stored('long', '0'),
  'segment.ms': atLeast(1, 'long', '604800000'),
  'unclean.leader.election.enable': stored('boolean', 'false'),
} as const satisfies Record<string, TopicConfigRow>

export type TopicConfigName = keyof typeof rows
/** Topic configuration by Kafka's names; numbers and booleans may be given as such. */
export type TopicConfig = { readonly [Name in TopicConfigName]?: string | number | boolean }

export const topicConfigNames = Object.keys(rows) as TopicConfigName[]

export const isTopicConfigName = (name: string): name is TopicConfigName => Object.hasOwn(rows, name)

/** The number DescribeConfigs gives for the type of a configuration. */
export const topicConfigType = (name: TopicConfigName): number => configTypes[rows[name].type]

/** Kafka's own default. */
export const topicConfigDefault = (name: TopicConfigName): string => rows[name].default

/** Whether a value is a list, to which entries can be added. */
export const topicConfigIsList = (name: TopicConfigName): boolean => rows[name].type === 'list'

const isWhole = (type: TopicConfigRow['type']) => type === 'int' || type === 'long'

/** Why a value is not legal for a topic configuration, or null. */
export function topicConfigProblem(name: string, value: string | null): string | null {
  if (!isTopicConfigName(name)) return `Unknown topic config name: ${name}`
  const { type, legal, least }: TopicConfigRow = rows[name]
  if (value === null) return `Null value not supported for topic configs: ${name}`
  if (legal && !legal.includes(value))
    return `Invalid value ${value} for configuration ${name}: one of ${legal.join(', ')}`
  const illegalNumber = type === 'double' ? !(Number(value) >= 0) : isWhole(type) && !/^-?\d{1,19}$/.test(value)
  if (illegalNumber)
    return `Invalid value ${value} for configuration ${name}: Not a number of type ${type.toUpperCase()}`
  if (least !== undefined && Number(value) < least)
    return `Invalid value ${value} for configuration ${name}: Value must be at least ${least}`
  if (type === 'boolean' && value !== 'true' && value !== 'false')
    return `Invalid value ${value} for configuration ${name}: Expected value to be either true or false`
  return null
}

/** The configuration of one topic: what was set for it, over what was set for the broker, over Kafka's defaults. */
export class TopicSettings implements LogConfig {
  readonly #set: ReadonlyMap<string, string>
  readonly #broker: ReadonlyMap<string, string>
  // Asked for every batch, so read once.
  readonly maxMessageBytes: number
  readonly logAppendTime: boolean
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly compacted: boolean
  readonly minInsyncReplicas: number
  readonly retentionBytes: number
  readonly retentionMs: number
  readonly deleteRetentionMs: number
  readonly minCompactionLagMs: number
  readonly minCleanableDirtyRatio: number
  readonly deletes: boolean
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  readonly flushMessages: number
  readonly flushMs: number

  constructor(set: ReadonlyMap<string, string>, broker: ReadonlyMap<string, string>) {
    this.#set = set
    this.#broker = broker
    this.maxMessageBytes = Number(this.get('max.message.bytes'))
    this.logAppendTime = this.get('message.timestamp.type') === 'LogAppendTime'
    this.timestampBeforeMaxMs = Number(this.get('message.timestamp.before.max.ms'))
    this.timestampAfterMaxMs = Number(this.get('message.timestamp.after.max.ms'))
    this.compacted = this.get('cleanup.policy').includes('compact')
    this.minInsyncReplicas = Number(this.get('min.insync.replicas'))
    this.retentionBytes = Number(this.get('retention.bytes'))
    this.retentionMs = Number(this.get('retention.ms'))
    this.deleteRetentionMs = Number(this.get('delete.retention.ms'))
    this.minCompactionLagMs = Number(this.get('min.compaction.lag.ms'))
    this.minCleanableDirtyRatio = Number(this.get('min.cleanable.dirty.ratio'))
    this.deletes = this.get('cleanup.policy').includes('delete')
    this.segmentBytes = Number(this.get('segment.bytes'))
    this.segmentMs = Number(this.get('segment.ms'))
    this.segmentIndexBytes = Number(this.get('segment.index.bytes'))
    this.indexIntervalBytes = Number(this.get('index.interval.bytes'))
    this.flushMessages = Number(this.get('flush.messages'))
    this.flushMs = Number(this.get('flush.ms'))
  }

  get(name: TopicConfigName): string {
    return this.#set.get(name) ?? this.#broker.get(name) ?? rows[name].default
  }

  /** Where the value comes from, as DescribeConfigs numbers it: 1 the topic, 4 the broker's file, 5 the default. */
  source(name: TopicConfigName): 1 | 4 | 5 {
    return this.#set.has(name) ? 1 : this.#broker.has(name) ? 4 : 5
  }

  /** What was set for the topic itself. */
  entries(): ReadonlyMap<string, string> {
    return this.#set
  }
}

/** The same in the form the settings take: every value a string. */
export function topicConfigMap(config: TopicConfig): Map<string, string> {
  return new Map(Object.entries(config).map(([name, value]) => [name, String(value)]))
}
