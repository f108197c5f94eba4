import { message } from '../message.ts'
import { array, bool, field, float64, int16, int32, nullable, string, struct } from '../types.ts'

/** Changes client quotas (KIP-546). v1 flexible. Source: AlterClientQuotasRequest.json. */
export const alterClientQuotasRequest = message({
  name: 'AlterClientQuotasRequest',
  key: 49,
  versions: [0, 1],
  flexible: 1,
  fields: {
    entries: field(
      array(
        struct('EntryData', {
          entity: field(
            array(struct('EntityData', { entityType: field(string), entityName: field(nullable(string)) })),
          ),
          ops: field(array(struct('OpData', { key: field(string), value: field(float64), remove: field(bool) }))),
        }),
      ),
    ),
    validateOnly: field(bool),
  },
})

/** Source: AlterClientQuotasResponse.json. */
export const alterClientQuotasResponse = message({
  name: 'AlterClientQuotasResponse',
  key: 49,
  versions: [0, 1],
  flexible: 1,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    entries: field(
      array(
        struct('EntryData', {
          errorCode: field(int16),
          errorMessage: field(nullable(string)),
          entity: field(
            array(struct('EntityData', { entityType: field(string), entityName: field(nullable(string)) })),
          ),
        }),
      ),
    ),
  },
})
