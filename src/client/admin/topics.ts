import { BrokerError, brokerErrorCode, type KafkaError, UnsupportedVersionError } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import type { BrokerCalls, MetadataAnswer } from './broker-calls.ts'
import { type TopicResult, throughController } from './controller-work.ts'

export interface NewTopic {
  readonly name: string
  /** undefined: the cluster's default (KIP-464). */
  readonly partitions: number | undefined
  readonly replicationFactor: number | undefined
  readonly configs: readonly (readonly [name: string, value: string])[]
}

/** A topic as the cluster describes it. */
export interface TopicDescription {
  readonly name: string
  /** undefined on clusters before Kafka 2.8. */
  readonly id: string | undefined
  readonly isInternal: boolean
  /** By number. */
  readonly partitions: readonly PartitionDescription[]
}

export interface PartitionDescription {
  readonly partition: number
  /** −1: none now. */
  readonly leader: number
  /** −1: unknown. */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
}

/** Topics and what has been asked for in vain. */
export interface Described {
  readonly topics: readonly TopicDescription[]
  readonly errors: ReadonlyMap<string, KafkaError>
}

const noTopicId = 'AAAAAAAAAAAAAAAAAAAAAA'
const clusterDefault = -1
const defaultsFrom = 4
const namesInStructsFrom = 6
/** A topic that was just created is not known to every broker at once. */
const unknownForMs = 1500

/** Creates topics, each for itself. Throws UnsupportedVersionError where defaults are wanted that the cluster does not have. */
export function createTopics(calls: BrokerCalls, topics: readonly NewTopic[]): Promise<TopicResult[]> {
  const byName = new Map(topics.map(topic => [topic.name, topic]))
  return throughController(calls, [...byName.keys()], {
    verb: 'create',
    alreadyDone: 'TOPIC_ALREADY_EXISTS',
    async ask(connection, names, timeoutMs) {
      const version = connection.versionOf(apis.createTopics.request)
      const asked = names.map(name => byName.get(name)!)
      const needsDefaults = asked.some(topic => topic.partitions === undefined || topic.replicationFactor === undefined)
      if (version < defaultsFrom && needsDefaults)
        throw new UnsupportedVersionError(
          'a cluster before Kafka 2.4 has no defaults for new topics: say how many partitions and replicas',
        )
      const draft = {
        topics: asked.map(({ name, partitions, replicationFactor, configs }) => ({
          name,
          numPartitions: partitions ?? clusterDefault,
          replicationFactor: replicationFactor ?? clusterDefault,
          configs: configs.map(([key, value]) => ({ name: key, value })),
        })),
        timeoutMs: Math.floor(timeoutMs),
      }
      const answer = await connection.request(apis.createTopics, draft, { version, timeoutMs: timeoutMs + graceMs })
      return { throttleTimeMs: answer.throttleTimeMs, lines: answer.topics }
    },
  })
}

/** The controller is given its time, and then that of the answer's way. */
const graceMs = 1000

/** Deletes topics by name, each for itself. */
export function deleteTopics(calls: BrokerCalls, names: readonly string[]): Promise<TopicResult[]> {
  return throughController(calls, [...new Set(names)], {
    verb: 'delete',
    alreadyDone: 'UNKNOWN_TOPIC_OR_PARTITION',
    async ask(connection, open, timeoutMs) {
      const version = connection.versionOf(apis.deleteTopics.request)
      const named = version < namesInStructsFrom ? { topicNames: open } : { topics: open.map(name => ({ name })) }
      const answer = await connection.request(
        apis.deleteTopics,
        { ...named, timeoutMs: Math.floor(timeoutMs) },
        { version, timeoutMs: timeoutMs + graceMs },
      )
      return { throttleTimeMs: answer.throttleTimeMs, lines: answer.responses }
    },
  })
}

/** All topics that this client may see, by name, internal ones too. */
export async function listTopics(calls: BrokerCalls): Promise<Described> {
  const { topics } = await calls.metadata(null, calls.attempts())
  return described(topics)
}

/** These topics, in this order. One that is unknown is asked for again for `patienceMs`: it may be new. */
export async function describeTopics(
  calls: BrokerCalls,
  names: readonly string[],
  patienceMs: number = unknownForMs,
): Promise<Described> {
  const attempts = calls.attempts()
  const brief = calls.attempts(patienceMs)
  for (;;) {
    const answer = described((await calls.metadata(names, attempts)).topics)
    const reason = [...answer.errors.values()].find(error => error.retriable)
    if (
      reason !== undefined &&
      (await brief.again(reason).then(
        () => true,
        () => false,
      ))
    )
      continue
    const order = new Map(names.map((name, index) => [name, index]))
    return { ...answer, topics: answer.topics.toSorted((a, b) => order.get(a.name)! - order.get(b.name)!) }
  }
}

function described(rows: MetadataAnswer['topics']): Described {
  const topics: TopicDescription[] = []
  const errors = new Map<string, KafkaError>()
  for (const { name, topicId, isInternal, errorCode, partitions } of rows) {
    if (name === null) continue
    if (errorCode !== 0) {
      errors.set(name, metadataError(name, errorCode))
      continue
    }
    topics.push({
      name,
      id: topicId === noTopicId ? undefined : topicId,
      isInternal,
      partitions: partitions
        .map(({ partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes }) => ({
          partition: partitionIndex,
          leader: leaderId,
          leaderEpoch,
          replicas: replicaNodes,
          inSyncReplicas: isrNodes,
        }))
        .sort((a, b) => a.partition - b.partition),
    })
  }
  topics.sort((a, b) => (a.name < b.name ? -1 : 1))
  return { topics, errors }
}

function metadataError(topic: string, errorCode: number): BrokerError {
  const { name, code, retriable } = brokerErrorCode(errorCode)
  const text =
    name === 'UNKNOWN_TOPIC_OR_PARTITION'
      ? 'it does not exist, or this client may not see it'
      : `the cluster answers ${name} for ${topic}`
  return new BrokerError(name, code, text, { retriable })
}
