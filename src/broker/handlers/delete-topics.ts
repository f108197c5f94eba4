import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler, throttled } from '../call.ts'
import { refusalOf } from '../cluster-error.ts'

/** From this version on a client is refused what is beyond its quota (KIP-599). */
const strictQuotaFrom = 5

/** Source: ReplicationControlManager.deleteTopics; by name up to v5, then by name or id. */
export const deleteTopicsHandler = handler('DeleteTopics', apis.deleteTopics, {
  targets: body => [...body.topicNames, ...body.topics.map(({ name }) => name ?? '')].map(topic => ({ topic })),
  handle(call) {
    const { body, cluster, version } = call
    const asked = version >= 6 ? body.topics : body.topicNames.map(name => ({ name, topicId: '' }))
    const quota = cluster.throttling.mutations(call, strictQuotaFrom)
    const responses = asked.map(({ name, topicId }) => {
      const injected = anyInjectedError(call, name ?? undefined)
      if (injected) return { name, topicId, errorCode: injected.code, errorMessage: injected.message }
      const topic = name === null ? cluster.topicById(topicId) : cluster.topic(name)
      if (!topic) {
        const code = name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
        return { name, topicId, errorCode: errorNumber(code), errorMessage: null }
      }
      try {
        quota.record(topic.partitions.length)
      } catch (error) {
        return { name: topic.name, topicId: topic.id, ...refusalOf(error) }
      }
      cluster.deleteTopic(topic)
      return { name: topic.name, topicId: topic.id, errorCode: 0 }
    })
    return { responses, ...throttled(call, quota.throttleMs) }
  },
})
