import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'
import { clientMetricsResource } from '../telemetry/telemetry-config.ts'

const [topicResource, brokerResource] = [2, 4]

/** Source: KafkaApis.handleListConfigResources. Version 0 is about subscriptions to client metrics alone. */
export const listConfigResourcesHandler = handler('ListConfigResources', apis.listConfigResources, {
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, configResources: [] }
    const asked = call.version === 0 ? [clientMetricsResource] : call.body.resourceTypes
    const wanted = (type: number) => asked.length === 0 || asked.includes(type)
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
        ...found(clientMetricsResource, cluster.telemetry?.subscriptionNames ?? []),
      ],
    }
  },
})
