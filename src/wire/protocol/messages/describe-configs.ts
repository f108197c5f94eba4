import { message } from '../message.ts'
import { array, bool, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Asks for the configuration of topics (resource type 2) and brokers (4). v1 synonyms (KIP-226); v3 types and
 * documentation (KIP-569); v4 flexible. Source: DescribeConfigsRequest.json.
 */
export const describeConfigsRequest = message({
  name: 'DescribeConfigsRequest',
  key: 32,
  versions: [1, 4],
  flexible: 4,
  fields: {
    resources: field(
      array(
        struct('DescribeConfigsResource', {
          resourceType: field(int8),
          resourceName: field(string),
          configurationKeys: field(nullable(array(string))), // null: all
        }),
      ),
    ),
    includeSynonyms: field(bool, { from: 1, default: false }),
    includeDocumentation: field(bool, { from: 3, default: false }),
  },
})

/** Source: DescribeConfigsResponse.json. */
export const describeConfigsResponse = message({
  name: 'DescribeConfigsResponse',
  key: 32,
  versions: [1, 4],
  flexible: 4,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    results: field(
      array(
        struct('DescribeConfigsResult', {
          errorCode: field(int16),
          errorMessage: field(nullable(string)),
          resourceType: field(int8),
          resourceName: field(string),
          configs: field(
            array(
              struct('DescribeConfigsResourceResult', {
                name: field(string),
                value: field(nullable(string)),
                readOnly: field(bool),
                configSource: field(int8, { from: 1, default: -1 }),
                isSensitive: field(bool),
                synonyms: field(
                  array(
                    struct('DescribeConfigsSynonym', {
                      name: field(string, { from: 1 }),
                      value: field(nullable(string), { from: 1 }),
                      source: field(int8, { from: 1 }),
                    }),
                  ),
                  { from: 1, default: [] },
                ),
                configType: field(int8, { from: 3, default: 0 }),
                documentation: field(nullable(string), { from: 3, default: '' }),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})
