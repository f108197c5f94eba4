import { type TopicConfigName, topicConfigProblem } from './topic-config.ts'

/** What a broker's configuration is called where topics call it otherwise. Source: ServerTopicConfigSynonyms. */
const synonyms: ReadonlyMap<string, TopicConfigName> = new Map([
  ['compression.type', 'compression.type'],
  ['log.cleaner.delete.retention.ms', 'delete.retention.ms'],
  ['log.cleaner.max.compaction.lag.ms', 'max.compaction.lag.ms'],
  ['log.cleaner.min.cleanable.ratio', 'min.cleanable.dirty.ratio'],
  ['log.cleaner.min.compaction.lag.ms', 'min.compaction.lag.ms'],
  ['log.cleanup.policy', 'cleanup.policy'],
  ['log.flush.interval.messages', 'flush.messages'],
  ['log.flush.interval.ms', 'flush.ms'],
  ['log.index.interval.bytes', 'index.interval.bytes'],
  ['log.index.size.max.bytes', 'segment.index.bytes'],
  ['log.message.timestamp.after.max.ms', 'message.timestamp.after.max.ms'],
  ['log.message.timestamp.before.max.ms', 'message.timestamp.before.max.ms'],
  ['log.message.timestamp.type', 'message.timestamp.type'],
  ['log.preallocate', 'preallocate'],
  ['log.retention.bytes', 'retention.bytes'],
  ['log.retention.ms', 'retention.ms'],
  ['log.roll.jitter.ms', 'segment.jitter.ms'],
  ['log.roll.ms', 'segment.ms'],
  ['log.segment.bytes', 'segment.bytes'],
  ['log.segment.delete.delay.ms', 'file.delete.delay.ms'],
  ['message.max.bytes', 'max.message.bytes'],
  ['min.insync.replicas', 'min.insync.replicas'],
  ['unclean.leader.election.enable', 'unclean.leader.election.enable'],
])

/** The configurations that can be changed while a broker runs. */
export const dynamicConfigNames: readonly string[] = [...synonyms.keys()]

/** The topic configuration that a broker's configuration is the default of. */
export const topicNameOf = (name: string): TopicConfigName | undefined => synonyms.get(name)

/** Those that Kafka reads from its file alone; what is in neither list is taken and kept, as plug-ins may know it. */
const staticNames = new Set([
  ...['advertised.listeners', 'auto.create.topics.enable', 'broker.id', 'default.replication.factor', 'listeners'],
  ...['log.dir', 'log.dirs', 'node.id', 'num.partitions', 'process.roles', 'socket.request.max.bytes'],
])

/** Where a value was set, as DescribeConfigs numbers it. */
export const configSource = { broker: 2, allBrokers: 3, file: 4, standard: 5, clientMetrics: 7 } as const

/** Why a broker's configuration cannot be set, or null. Source: DynamicBrokerConfig.validate. */
export function brokerConfigProblem(name: string, value: string): string | null {
  if (staticNames.has(name)) return `Cannot update these configs dynamically: [${name}]`
  const topicName = topicNameOf(name)
  if (!topicName) return null
  if (topicName === 'min.insync.replicas' && Number(value) < 1)
    return `Invalid value ${value} for configuration ${name}: Value must be at least 1`
  return topicConfigProblem(topicName, value)?.replace(topicName, name) ?? null
}

/**
 * What counts for topics that do not set it themselves: first what was set for the one broker, then for all brokers, then
 * what it was started with. All brokers share it, so only a cluster of one has a level for the broker.
 */
export class BrokerConfig {
  readonly #file: ReadonlyMap<string, string>
  #allBrokers: ReadonlyMap<string, string> = new Map()
  #broker: ReadonlyMap<string, string> = new Map()

  /** @param file - by the names that topics use. */
  constructor(file: ReadonlyMap<string, string>) {
    this.#file = file
  }

  /** What was set while it ran, by the broker's names. */
  entries(scope: 'broker' | 'allBrokers'): ReadonlyMap<string, string> {
    return scope === 'broker' ? this.#broker : this.#allBrokers
  }

  /** Replaces what was set. */
  set(scope: 'broker' | 'allBrokers', entries: ReadonlyMap<string, string>): void {
    if (scope === 'broker') this.#broker = entries
    else this.#allBrokers = entries
  }

  /** All of it, by the names that topics use. */
  forTopics(): Map<string, string> {
    const all = new Map(this.#file)
    for (const [name, value] of [...this.#allBrokers, ...this.#broker]) {
      const topicName = topicNameOf(name)
      if (topicName) all.set(topicName, value)
    }
    return all
  }

  /** Every level at which a configuration has a value, the one that counts first. */
  levels(name: string, standard: string): { value: string; source: number }[] {
    const found = (value: string | undefined, source: number) => (value === undefined ? [] : [{ value, source }])
    return [
      ...found(this.#broker.get(name), configSource.broker),
      ...found(this.#allBrokers.get(name), configSource.allBrokers),
      ...found(this.#file.get(topicNameOf(name) ?? ''), configSource.file),
      { value: standard, source: configSource.standard },
    ]
  }
}
