import { message } from '../message.ts'
import { array, bool, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Replaces whole configurations (KIP-133): what is not named returns to its default. v2 flexible.
 * Source: AlterConfigsRequest.json.
 */
export const alterConfigsRequest = message({
  name: 'AlterConfigsRequest',
  key: 33,
  versions: [0, 2],
  flexible: 2,
  fields: {
    resources: field(
      array(
        struct('AlterConfigsResource', {
          resourceType: field(int8),
          resourceName: field(string),
          configs: field(array(struct('AlterableConfig', { name: field(string), value: field(nullable(string)) }))),
        }),
      ),
    ),
    validateOnly: field(bool),
  },
})

/** Source: AlterConfigsResponse.json. */
export const alterConfigsResponse = message({
  name: 'AlterConfigsResponse',
  key: 33,
  versions: [0, 2],
  flexible: 2,
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
