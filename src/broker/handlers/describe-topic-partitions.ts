import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body, type Draft } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { describedPartition, noTopicId } from './metadata.ts'

type Request = Body<typeof apis.describeTopicPartitions.request>
type TopicAnswer = Draft<typeof apis.describeTopicPartitions.response>['topics'][number]

/** Kafka's `max.request.partition.size.limit`. */
const mostPartitions = 2_000

/** Pages through topics in the order of their names. Source: DescribeTopicPartitionsRequestHandler. */
export const describeTopicPartitionsHandler = handler('DescribeTopicPartitions', apis.describeTopicPartitions, {
  handle(call) {
    const { cluster, body } = call
    const { cursor } = body
    const asked =
      body.topics.length > 0 ? body.topics.map(({ name }) => name) : cluster.topics().map(({ name }) => name)
    const names = [...new Set(asked)].sort().filter(name => !cursor || name >= cursor.topicName)
    let left = Math.min(Math.max(1, body.responsePartitionLimit), mostPartitions)
    const topics: TopicAnswer[] = []
    for (const name of names) {
      const from = cursor?.topicName === name ? Math.max(0, cursor.partitionIndex) : 0
      if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: from } }
      const answer = describe(call, name)
      const page = answer.partitions.slice(from, from + left)
      topics.push({ ...answer, partitions: page })
      left -= page.length
      if (from + page.length < answer.partitions.length)
        return { topics, nextCursor: { topicName: name, partitionIndex: from + page.length } }
    }
    return { topics, nextCursor: null }
  },
})

function describe(call: Call<Request>, name: string): TopicAnswer {
  const injected = anyInjectedError(call, name)
  const topic = call.cluster.topic(name)
  if (injected || !topic) {
    const errorCode = injected?.code ?? errorNumber('UNKNOWN_TOPIC_OR_PARTITION')
    return { errorCode, name, topicId: noTopicId, partitions: [] }
  }
  return {
    errorCode: 0,
    name,
    topicId: topic.id,
    isInternal: topic.isInternal,
    partitions: topic.partitions.map(partition => ({
      ...describedPartition(call.cluster, partition),
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
    })),
  }
}
