import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

const [topicResource, brokerResource] = [2, 4]

/** Source: KafkaApis.handleListConfigResources. Nobody subscribes to client metrics here, so version 0 finds nothing. */
export const listConfigResourcesHandler = handler('ListConfigResources', apis.listConfigResources, {
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, configResources: [] }
    if (call.version === 0) return { errorCode: 0, configResources: [] }
    const wanted = (type: number) => call.body.resourceTypes.length === 0 || call.body.resourceTypes.includes(type)
    const found = (type: number, names: readonly string[]) =>
      wanted(type) ? names.map(resourceName => ({ resourceName, resourceType: type })) : []
    const { cluster } = call
    return {
      errorCode: 0,
      configResources: [
        ...found(
          topicResource,
          cluster.topics().map(({ name }) => name),
        ),
        ...found(
          brokerResource,
          cluster.nodes.map(({ id }) => String(id)),
        ),
      ],
    }
  },
})
