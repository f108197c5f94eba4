import { message } from '../message.ts'
import { array, bool, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Asks for the cluster's id, controller and brokers (KIP-700). v1 asks about brokers (endpoint type 1) or controllers (2)
 * (KIP-919); v2 fenced brokers (KIP-1073). Flexible from the start. Source: DescribeClusterRequest.json.
 */
export const describeClusterRequest = message({
  name: 'DescribeClusterRequest',
  key: 60,
  versions: [0, 2],
  flexible: 0,
  fields: {
    includeClusterAuthorizedOperations: field(bool, { default: false }),
    endpointType: field(int8, { from: 1, default: 1 }),
    includeFencedBrokers: field(bool, { from: 2, default: false }),
  },
})

/** Source: DescribeClusterResponse.json. */
export const describeClusterResponse = message({
  name: 'DescribeClusterResponse',
  key: 60,
  versions: [0, 2],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    errorMessage: field(nullable(string), { default: null }),
    endpointType: field(int8, { from: 1, default: 1 }),
    clusterId: field(string),
    controllerId: field(int32, { default: -1 }),
    brokers: field(
      array(
        struct('DescribeClusterBroker', {
          brokerId: field(int32),
          host: field(string),
          port: field(int32),
          rack: field(nullable(string), { default: null }),
          isFenced: field(bool, { from: 2, default: false }),
        }),
      ),
    ),
    clusterAuthorizedOperations: field(int32, { default: -2147483648 }), // the default: not asked for
  },
})
