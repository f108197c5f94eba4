/** What Kafka calls the type of a configuration value; the number is DescribeConfigs' `config_type`. */
const configTypes = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 } as const

interface TopicConfigRow {
  readonly type: keyof typeof configTypes
  readonly default: string
  readonly legal?: readonly string[]
  /** False: stored and shown, as tools set it, but this broker does not act on it. */
  readonly applied: boolean
}

const row = (type: TopicConfigRow['type'], standard: string, legal?: readonly string[]): TopicConfigRow => ({
  type,
  default: standard,
  applied: true,
  ...(legal && { legal }),
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
  'delete.retention.ms': stored('long', '86400000'),
  'file.delete.delay.ms': stored('long', '60000'),
  'flush.messages': stored('long', '9223372036854775807'),
  'flush.ms': stored('long', '9223372036854775807'),
  'index.interval.bytes': stored('int', '4096'),
  'max.compaction.lag.ms': stored('long', '9223372036854775807'),
  'min.cleanable.dirty.ratio': stored('double', '0.5'),
  'min.compaction.lag.ms': stored('long', '0'),
  preallocate: stored('boolean', 'false'),
  'retention.ms': stored('long', '604800000'),
  'segment.bytes': stored('int', '1073741824'),
  'segment.index.bytes': stored('int', '10485760'),
  'segment.jitter.ms': stored('long', '0'),
  'segment.ms': stored('long', '604800000'),
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
  const { type, legal }: TopicConfigRow = rows[name]
  if (value === null) return `Null value not supported for topic configs: ${name}`
  if (legal && !legal.includes(value))
    return `Invalid value ${value} for configuration ${name}: one of ${legal.join(', ')}`
  const illegalNumber = type === 'double' ? !(Number(value) >= 0) : isWhole(type) && !/^-?\d{1,19}$/.test(value)
  if (illegalNumber)
    return `Invalid value ${value} for configuration ${name}: Not a number of type ${type.toUpperCase()}`
  if (type === 'boolean' && value !== 'true' && value !== 'false')
    return `Invalid value ${value} for configuration ${name}: Expected value to be either true or false`
  return null
}

/** The configuration of one topic: what was set for it, over what was set for the broker, over Kafka's defaults. */
export class TopicSettings {
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
