import { message } from '../message.ts'
import { array, bool, field, float64, int8, int16, int32, nullable, string, struct } from '../types.ts'

/** Describes client quotas (KIP-546). v1 flexible. Source: DescribeClientQuotasRequest.json. */
export const describeClientQuotasRequest = message({
  name: 'DescribeClientQuotasRequest',
  key: 48,
  versions: [0, 1],
  flexible: 1,
  fields: {
    components: field(
      array(
        struct('ComponentData', {
          entityType: field(string),
          matchType: field(int8), // 0 exact name, 1 default, 2 any name
          match: field(nullable(string)),
        }),
      ),
    ),
    strict: field(bool),
  },
})

/** Null entries: an error. Source: DescribeClientQuotasResponse.json. */
export const describeClientQuotasResponse = message({
  name: 'DescribeClientQuotasResponse',
  key: 48,
  versions: [0, 1],
  flexible: 1,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    errorMessage: field(nullable(string)),
    entries: field(
      nullable(
        array(
          struct('EntryData', {
            entity: field(
              array(
                struct('EntityData', {
                  entityType: field(string),
                  entityName: field(nullable(string)), // null: the default
                }),
              ),
            ),
            values: field(array(struct('ValueData', { key: field(string), value: field(float64) }))),
          }),
        ),
      ),
    ),
  },
})
