import { ConfigError, type OptionProblem } from '../base/errors/index.ts'
import type { Random } from '../base/random.ts'
import type { Clock } from '../base/time/clock.ts'
import { apis } from '../wire/protocol/index.ts'
import { checkQuotas, type QuotaOptions } from './quotas/quota-options.ts'
import { type FaultSchedule, scheduleProblems } from './schedule/fault-schedule.ts'
import { checkSecurity, type SaslOptions, type TlsOptions } from './security/security-options.ts'
import { checkTelemetry, type TelemetryOptions } from './telemetry/telemetry-options.ts'
import { maxPartitions, topicNameProblem } from './topic.ts'
import { type TopicConfig, topicConfigMap, topicConfigProblem } from './topic-config.ts'
import { type KafkaVersion, kafkaVersions, type MaxVersions } from './versions.ts'

export interface TopicOptions {
  /** Default: the broker's `numPartitions`. */
  partitions?: number
  /** Default: 3, or as many as there are brokers. */
  replicationFactor?: number
  config?: TopicConfig
}

export interface BrokerOptions {
  /** Port of the first broker, the others follow. Default 0: any free ones. */
  port?: number
  /**
   * The folder to keep records, topics and ids in, as Kafka's own segment files; it is created where it is missing, and one
   * broker at a time may use it. Default: none, everything is in memory.
   */
  dataDir?: string
  /** Where it listens. Default 127.0.0.1. */
  host?: string
  /** Lets `host` be an address that others can reach. The broker knows no passwords: whoever reaches it may read and write. Default false. */
  allowRemote?: boolean
  /** The host name that clients are told. Default: `host`. */
  advertisedHost?: string
  /** The port of the first broker that clients are told, the others follow: for a forwarded port. Default: where it listens. */
  advertisedPort?: number
  /** 1 or 3. Default 1. Their ids count from 1. */
  brokers?: 1 | 3
  /** Topics to begin with: names, or names with options. */
  topics?: readonly string[] | { readonly [name: string]: TopicOptions }
  /** Whether a metadata request creates the topics it names. Default true. */
  autoCreateTopics?: boolean
  /** Partitions of topics that are created without saying how many. Default 3. */
  numPartitions?: number
  /** Kafka's `message.max.bytes`: the largest batch, for topics without `max.message.bytes`. Default 1,048,588. */
  maxMessageBytes?: number
  /** Kafka's `socket.request.max.bytes`: a larger request closes its connection. Default 104,857,600. */
  maxRequestBytes?: number
  /**
   * How many bytes the records of all topics may have in memory, in bytes, when there is no `dataDir`. Beyond it the oldest
   * batches of the largest partition are dropped, with one warning of the process. Default 1,073,741,824.
   */
  maxMemoryBytes?: number
  /** Topic configuration for all topics that do not set it themselves. */
  config?: TopicConfig
  /** The release to look like, by API versions and by what has changed in behaviour since. Default 4.3. */
  asVersion?: KafkaVersion
  /**
   * Level of Kafka's feature `transaction.version`: 0 and 1 let clients add partitions themselves, 2 raises the producer's epoch
   * with each transaction (KIP-890). Default 2 as Kafka 4.3, else 0.
   */
  transactionVersion?: 0 | 1 | 2
  /** How long a committed or aborted transaction takes to be complete, in milliseconds. Default 0: until the event loop's next turn. */
  transactionMarkerDelayMs?: number
  /**
   * How long after the leader the other in-sync replicas have a record, in milliseconds: so long the high watermark lags, consumers
   * do not see the record, and acks=all waits. Needs three brokers. Default 0: at once.
   */
  replicationDelayMs?: number
  /** Highest versions of single APIs; null: as if the API did not exist. */
  maxVersions?: MaxVersions
  /** Makes topic ids, cluster id and garbage the same in every run. */
  seed?: number
  /** Source of chance; `seed` makes one. */
  random?: Random
  clock?: Clock
  /** Faults and events to begin with, as `broker.faults.load` takes them; its seed is that of the broker where `seed` is not given. */
  schedule?: FaultSchedule
  /**
   * Opens the control port (HTTP and JSON), by which programs in any language set faults, act on the cluster and read what came;
   * 0: any free port, told by `broker.controlUrl`. Default: there is none. See docs/faults.md.
   */
  controlPort?: number
  /** Where the control port listens: an address of this machine alone. Default 127.0.0.1. */
  controlHost?: string
  /** TLS on every broker's port, with this key and certificate. Default: none. */
  tls?: TlsOptions
  /** Clients have to authenticate, by PLAIN or SCRAM. Default: whoever connects is in. */
  sasl?: SaslOptions
  /**
   * Quotas to begin with; a client that is beyond its own is told how long to pause, and nothing is read from it for as long
   * (KIP-219). They can be changed while it runs, by AlterClientQuotas, as `kafka-configs` does. With `dataDir` those that were
   * set before are there again, and these are set on top of them. Default: none.
   */
  quotas?: readonly QuotaOptions[]
  /**
   * The broker takes the metrics that clients push (KIP-714), and asks for those that are subscribed to: `{}` for none to begin
   * with. Default: clients are told of no such thing, as by a Kafka without a plug-in that receives metrics.
   */
  telemetry?: TelemetryOptions
  /** How many requests the log keeps; fewer where their bodies together take more than 16 MiB. Default 10,000. */
  requestLogSize?: number
  /**
   * Kafka's `group.initial.rebalance.delay.ms`: how long a group that was empty waits for more members before its first
   * rebalance ends. Default 50; Kafka's is 3,000.
   */
  groupInitialRebalanceDelayMs?: number
  /** Kafka's `group.max.size`: more members are answered GROUP_MAX_SIZE_REACHED. Default 2,147,483,647. */
  groupMaxSize?: number
}

const known: Record<keyof BrokerOptions, true> = {
  port: true,
  dataDir: true,
  host: true,
  allowRemote: true,
  advertisedHost: true,
  advertisedPort: true,
  brokers: true,
  topics: true,
  autoCreateTopics: true,
  numPartitions: true,
  maxMessageBytes: true,
  maxRequestBytes: true,
  maxMemoryBytes: true,
  config: true,
  asVersion: true,
  transactionVersion: true,
  transactionMarkerDelayMs: true,
  replicationDelayMs: true,
  maxVersions: true,
  seed: true,
  random: true,
  clock: true,
  schedule: true,
  controlPort: true,
  controlHost: true,
  tls: true,
  sasl: true,
  quotas: true,
  telemetry: true,
  requestLogSize: true,
  groupInitialRebalanceDelayMs: true,
  groupMaxSize: true,
}

const loopback = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/

/** Throws ConfigError with all that is wrong. */
export function checkBrokerOptions(options: BrokerOptions): void {
  const problems: OptionProblem[] = []
  const wrong = (option: string, message: string) => problems.push({ option, message: `${option}: ${message}` })
  const whole = (
    option:
      | 'port'
      | 'advertisedPort'
      | 'controlPort'
      | 'numPartitions'
      | 'maxMessageBytes'
      | 'maxRequestBytes'
      | 'maxMemoryBytes'
      | 'requestLogSize'
      | 'groupInitialRebalanceDelayMs'
      | 'groupMaxSize'
      | 'transactionVersion'
      | 'transactionMarkerDelayMs'
      | 'replicationDelayMs',
    min: number,
    max: number,
  ) => {
    const value: unknown = options[option]
    if (value !== undefined && !(Number.isInteger(value) && (value as number) >= min && (value as number) <= max))
      wrong(option, `${String(value)} is not a whole number from ${min} to ${max}`)
  }
  for (const name of Object.keys(options)) if (!Object.hasOwn(known, name)) wrong(name, 'there is no such option')
  whole('port', 0, 65_535)
  whole('advertisedPort', 1, 65_535)
  whole('controlPort', 0, 65_535)
  whole('numPartitions', 1, maxPartitions)
  whole('maxMessageBytes', 1, 2 ** 31 - 1)
  whole('maxRequestBytes', 1, 2 ** 31 - 1)
  whole('maxMemoryBytes', 1, Number.MAX_SAFE_INTEGER)
  whole('requestLogSize', 0, 10_000_000)
  whole('groupInitialRebalanceDelayMs', 0, 2 ** 31 - 1)
  whole('groupMaxSize', 1, 2 ** 31 - 1)
  whole('transactionVersion', 0, 2)
  whole('transactionMarkerDelayMs', 0, 3_600_000)
  whole('replicationDelayMs', 0, 3_600_000)
  const dataDir: unknown = options.dataDir
  if (dataDir !== undefined && (typeof dataDir !== 'string' || dataDir === '' || dataDir.includes('\0')))
    wrong('dataDir', `${JSON.stringify(dataDir)} is not the path of a folder`)
  const brokers: unknown = options.brokers
  if (brokers !== undefined && brokers !== 1 && brokers !== 3) wrong('brokers', `${String(brokers)} is neither 1 nor 3`)
  if (options.replicationDelayMs && (brokers ?? 1) === 1)
    wrong('replicationDelayMs', 'one broker has no replicas; set brokers: 3')
  if (options.host !== undefined && !loopback.test(options.host) && !options.allowRemote)
    wrong('host', `${options.host} can be reached by others; set allowRemote: true if that is meant`)
  if (options.controlHost !== undefined && !loopback.test(options.controlHost))
    wrong(
      'controlHost',
      `${options.controlHost} can be reached by others, and who reaches the control port may do anything`,
    )
  if (options.asVersion !== undefined && !kafkaVersions.includes(options.asVersion))
    wrong('asVersion', `${String(options.asVersion)} is none of ${kafkaVersions.join(', ')}`)
  for (const [name, max] of Object.entries(options.maxVersions ?? {})) {
    if (!Object.hasOwn(apis, name[0]!.toLowerCase() + name.slice(1))) wrong('maxVersions', `there is no API ${name}`)
    else if (max !== null && !(Number.isInteger(max) && max >= 0))
      wrong('maxVersions', `${name}: ${String(max)} is no version`)
  }
  checkSecurity(options.tls, options.sasl, wrong)
  checkQuotas(options.quotas, wrong)
  checkTelemetry(options.telemetry, wrong)
  if (options.schedule !== undefined) problems.push(...scheduleProblems(options.schedule, 'schedule'))
  checkConfig('config', options.config, wrong)
  for (const [name, topic] of topicEntries(options.topics)) {
    const problem = topicNameProblem(name)
    if (problem) wrong('topics', problem)
    checkTopicOptions(`topics.${name}`, topic, options.brokers ?? 1, wrong)
  }
  if (problems.length > 0) throw new ConfigError(problems)
}

/** Throws ConfigError where the options of one topic are wrong. */
export function checkNewTopicOptions(name: string, options: TopicOptions, brokers: number): void {
  const problems: OptionProblem[] = []
  checkTopicOptions(name, options, brokers, (option, message) =>
    problems.push({ option, message: `${option}: ${message}` }),
  )
  if (problems.length > 0) throw new ConfigError(problems)
}

type Wrong = (option: string, message: string) => void

function checkTopicOptions(where: string, topic: TopicOptions, brokers: number, wrong: Wrong): void {
  const { partitions, replicationFactor } = topic
  if (partitions !== undefined && !(Number.isInteger(partitions) && partitions >= 1 && partitions <= maxPartitions))
    wrong(`${where}.partitions`, `${String(partitions)} is not a whole number from 1 to 10000`)
  const factor = replicationFactor ?? 1
  if (!(Number.isInteger(factor) && factor >= 1 && factor <= brokers))
    wrong(
      `${where}.replicationFactor`,
      `${String(factor)} is not a whole number from 1 to ${brokers}, the number of brokers`,
    )
  checkConfig(`${where}.config`, topic.config, wrong)
}

function checkConfig(where: string, config: TopicConfig | undefined, wrong: Wrong): void {
  for (const [name, value] of topicConfigMap(config ?? {})) {
    const problem = topicConfigProblem(name, value)
    if (problem) wrong(where, problem)
  }
}

/** Both forms of `topics` as pairs. */
export function topicEntries(topics: BrokerOptions['topics']): (readonly [string, TopicOptions])[] {
  if (topics === undefined) return []
  return Array.isArray(topics) ? topics.map(name => [name, {}] as const) : Object.entries(topics)
}
