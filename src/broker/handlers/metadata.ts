import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Draft } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { refusalOf } from '../cluster-error.ts'
import type { Partition, Topic } from '../topic.ts'
import { once } from './repeats.ts'

type TopicAnswer = Draft<typeof apis.metadata.response>['topics'][number]
type Asked = { readonly name: string | null; readonly topicId: string }

export const noTopicId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Source: KafkaApis.handleTopicMetadataRequest. */
export const metadataHandler = handler('Metadata', apis.metadata, {
  targets: (body, cluster) =>
    (body.topics ?? []).map(asked => ({ topic: asked.name ?? cluster.topicById(asked.topicId)?.name ?? '' })),
  handle(call) {
    const { cluster, body, version } = call
    const asksAll = body.topics === null || (version === 0 && body.topics.length === 0)
    const topics = asksAll
      ? cluster.topics().map(topic => withInjected(call, described(cluster, topic)))
      : once(body.topics!, ({ name, topicId }) => name ?? topicId).map(asked =>
          askedTopic(call, asked, body.allowAutoTopicCreation),
        )
    const failed = topics.length === 0 ? anyInjectedError(call) : null
    return {
      brokers: cluster.nodes.map(({ id, host, port }) => ({ nodeId: id, host, port })),
      clusterId: cluster.settings.clusterId,
      controllerId: cluster.controllerId,
      topics,
      ...(failed && { errorCode: failed.code }),
    }
  },
})

function askedTopic(call: Call<unknown>, asked: Asked, mayCreate: boolean): TopicAnswer {
  const { cluster } = call
  if (asked.name === null || asked.topicId !== noTopicId) {
    const topic = cluster.topicById(asked.topicId)
    if (topic) return withInjected(call, described(cluster, topic))
    return refused(asked.name, errorNumber('UNKNOWN_TOPIC_ID'), asked.topicId)
  }
  const injected = anyInjectedError(call, asked.name)
  if (injected) return refused(asked.name, injected.code)
  const topic = cluster.topic(asked.name)
  if (topic) return described(cluster, topic)
  try {
    // Kafka answers UNKNOWN_TOPIC_OR_PARTITION while it creates the topic; here it is there at once.
    if (mayCreate && cluster.settings.autoCreateTopics) return described(cluster, cluster.createTopic(asked.name))
    cluster.checkNewTopic(asked.name)
  } catch (error) {
    return refused(asked.name, refusalOf(error).errorCode)
  }
  return refused(asked.name, errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
}

function withInjected(call: Call<unknown>, answer: TopicAnswer): TopicAnswer {
  const injected = anyInjectedError(call, answer.name ?? '')
  return injected ? refused(answer.name, injected.code, answer.topicId) : answer
}

function refused(name: string | null, errorCode: number, topicId: string = noTopicId): TopicAnswer {
  return { errorCode, name, topicId, partitions: [] }
}

function described(cluster: Cluster, topic: Topic): TopicAnswer {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map(partition => describedPartition(cluster, partition)),
  }
}

export function describedPartition(cluster: Cluster, partition: Partition) {
  return {
    errorCode: partition.leader === -1 ? errorNumber('LEADER_NOT_AVAILABLE') : 0,
    partitionIndex: partition.index,
    leaderId: partition.leader,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.isr,
    offlineReplicas: partition.replicas.filter(id => !cluster.node(id)?.running),
  }
}
