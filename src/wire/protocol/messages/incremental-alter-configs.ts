import { message } from '../message.ts'
import { array, bool, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/** Changes single entries of configurations (KIP-339). v1 flexible. Source: IncrementalAlterConfigsRequest.json. */
export const incrementalAlterConfigsRequest = message({
  name: 'IncrementalAlterConfigsRequest',
  key: 44,
  versions: [0, 1],
  flexible: 1,
  fields: {
    resources: field(
      array(
        struct('AlterConfigsResource', {
          resourceType: field(int8),
          resourceName: field(string),
          configs: field(
            array(
              struct('AlterableConfig', {
                name: field(string),
                configOperation: field(int8), // 0 set, 1 delete, 2 append, 3 subtract
                value: field(nullable(string)),
              }),
            ),
          ),
        }),
      ),
    ),
    validateOnly: field(bool),
  },
})

/** Source: IncrementalAlterConfigsResponse.json. */
export const incrementalAlterConfigsResponse = message({
  name: 'IncrementalAlterConfigsResponse',
  key: 44,
  versions: [0, 1],
  flexible: 1,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    responses: field(
      array(
        struct('AlterConfigsResourceResponse', {
          errorCode: field(int16),
          errorMessage: field(nullable(string)),
          resourceType: field(int8),
          resourceName: field(string),
        }),
      ),
    ),
  },
})
