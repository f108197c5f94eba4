import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

const brokerEndpoints = 1

/** Source: KafkaApis.handleDescribeCluster. */
export const describeClusterHandler = handler('DescribeCluster', apis.describeCluster, {
  handle(call) {
    const { body, cluster } = call
    const { clusterId } = cluster.settings
    const { endpointType } = body
    const fail = (errorCode: number, errorMessage: string | null) => ({
      ...{ errorCode, errorMessage, clusterId, endpointType, brokers: [] },
    })
    const injected = anyInjectedError(call)
    if (injected) return fail(injected.code, injected.message)
    if (endpointType !== brokerEndpoints)
      return fail(errorNumber('INVALID_REQUEST'), `Unsupported endpoint type ${endpointType}`)
    const brokers = cluster.nodes.map(({ id, host, port }) => ({ brokerId: id, host, port }))
    return { errorCode: 0, clusterId, controllerId: cluster.controllerId, endpointType, brokers }
  },
})
