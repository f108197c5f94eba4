import { message } from '../message.ts'
import { array, field, int16, int32, string, struct } from '../types.ts'

/**
 * Lists the groups this broker coordinates. v3 flexible; v4 filter by state (KIP-518); v5 filter by type (KIP-848).
 * Source: ListGroupsRequest.json.
 */
export const listGroupsRequest = message({
  name: 'ListGroupsRequest',
  key: 16,
  versions: [0, 5],
  flexible: 3,
  fields: {
    statesFilter: field(array(string), { from: 4, default: [] }),
    typesFilter: field(array(string), { from: 5, default: [] }),
  },
})

/** Source: ListGroupsResponse.json. */
export const listGroupsResponse = message({
  name: 'ListGroupsResponse',
  key: 16,
  versions: [0, 5],
  flexible: 3,
  fields: {
    throttleTimeMs: field(int32, { from: 1, default: 0 }),
    errorCode: field(int16),
    groups: field(
      array(
        struct('ListedGroup', {
          groupId: field(string),
          protocolType: field(string),
          groupState: field(string, { from: 4, default: '' }),
          groupType: field(string, { from: 5, default: '' }),
        }),
      ),
    ),
  },
})
