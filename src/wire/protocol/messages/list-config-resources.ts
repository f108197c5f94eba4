import { message } from '../message.ts'
import { array, field, int8, int16, int32, string, struct } from '../types.ts'

/**
 * Lists what has a configuration. v0 is ListClientMetricsResources, client metrics only (KIP-714); v1 other types too
 * (KIP-1142). Source: ListConfigResourcesRequest.json.
 */
export const listConfigResourcesRequest = message({
  name: 'ListConfigResourcesRequest',
  key: 74,
  versions: [0, 1],
  flexible: 0,
  fields: {
    resourceTypes: field(array(int8), { from: 1, default: [] }), // none: all
  },
})

/** Source: ListConfigResourcesResponse.json. */
export const listConfigResourcesResponse = message({
  name: 'ListConfigResourcesResponse',
  key: 74,
  versions: [0, 1],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    configResources: field(
      array(
        struct('ConfigResource', {
          resourceName: field(string),
          resourceType: field(int8, { from: 1, default: 16 }), // 16: client metrics
        }),
      ),
    ),
  },
})
