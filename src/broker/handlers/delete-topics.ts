import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

/** Source: ReplicationControlManager.deleteTopics; by name up to v5, then by name or id. */
export const deleteTopicsHandler = handler('DeleteTopics', apis.deleteTopics, {
  targets: body => [...body.topicNames, ...body.topics.map(({ name }) => name ?? '')].map(topic => ({ topic })),
  handle(call) {
    const { body, cluster, version } = call
    const asked = version >= 6 ? body.topics : body.topicNames.map(name => ({ name, topicId: '' }))
    const responses = asked.map(({ name, topicId }) => {
      const injected = anyInjectedError(call, name ?? undefined)
      if (injected) return { name, topicId, errorCode: injected.code, errorMessage: injected.message }
      const topic = name === null ? cluster.topicById(topicId) : cluster.topic(name)
      if (!topic) {
        const code = name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
        return { name, topicId, errorCode: errorNumber(code), errorMessage: null }
      }
      cluster.deleteTopic(topic)
      return { name: topic.name, topicId: topic.id, errorCode: 0 }
    })
    return { responses }
  },
})
