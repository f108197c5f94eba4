import type { ClusterSettings } from './cluster.ts'
import { type TopicConfigName, TopicSettings, topicConfigNames, topicConfigType } from './topic-config.ts'

/** An entry of a broker's configuration, as DescribeConfigs shows it. */
export interface BrokerConfigEntry {
  readonly name: string
  readonly value: string
  /** 4: what this broker was started with, 5: Kafka's default. */
  readonly source: 4 | 5
  /** The number that DescribeConfigs gives for its type. */
  readonly type: number
}

/** What a broker calls the configuration that topics take from it. Source: ServerTopicConfigSynonyms.java. */
const brokerNames: Record<TopicConfigName, string> = {
  'cleanup.policy': 'log.cleanup.policy',
  'compression.type': 'compression.type',
  'delete.retention.ms': 'log.cleaner.delete.retention.ms',
  'file.delete.delay.ms': 'log.segment.delete.delay.ms',
  'flush.messages': 'log.flush.interval.messages',
  'flush.ms': 'log.flush.interval.ms',
  'index.interval.bytes': 'log.index.interval.bytes',
  'max.compaction.lag.ms': 'log.cleaner.max.compaction.lag.ms',
  'max.message.bytes': 'message.max.bytes',
  'message.timestamp.after.max.ms': 'log.message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms': 'log.message.timestamp.before.max.ms',
  'message.timestamp.type': 'log.message.timestamp.type',
  'min.cleanable.dirty.ratio': 'log.cleaner.min.cleanable.ratio',
  'min.compaction.lag.ms': 'log.cleaner.min.compaction.lag.ms',
  'min.insync.replicas': 'min.insync.replicas',
  preallocate: 'log.preallocate',
  'retention.bytes': 'log.retention.bytes',
  'retention.ms': 'log.retention.ms',
  'segment.bytes': 'log.segment.bytes',
  'segment.index.bytes': 'log.index.size.max.bytes',
  'segment.jitter.ms': 'log.roll.jitter.ms',
  'segment.ms': 'log.roll.ms',
  'unclean.leader.election.enable': 'unclean.leader.election.enable',
}

const [boolean, int, list] = [1, 3, 7]

/** The part of Kafka's broker configuration that this broker acts on, or that its topics take from it. Nothing of it can be altered. */
export function brokerConfig(brokerId: number, settings: ClusterSettings): BrokerConfigEntry[] {
  const given = (name: string, value: string | number | boolean, type: number): BrokerConfigEntry => ({
    ...{ name, value: String(value), source: 4, type },
  })
  const forTopics = new TopicSettings(new Map(), settings.brokerConfig)
  return [
    given('auto.create.topics.enable', settings.autoCreateTopics, boolean),
    given('broker.id', brokerId, int),
    given('group.initial.rebalance.delay.ms', settings.groupInitialRebalanceDelayMs, int),
    given('group.max.size', settings.groupMaxSize, int),
    given('log.dirs', settings.logDir, list),
    given('node.id', brokerId, int),
    given('num.partitions', settings.numPartitions, int),
    ...topicConfigNames.map(
      (name): BrokerConfigEntry => ({
        name: brokerNames[name],
        value: forTopics.get(name),
        source: settings.brokerConfig.has(name) ? 4 : 5,
        type: topicConfigType(name),
      }),
    ),
  ]
}
