import { message } from '../message.ts'
import { array, field, int16, int32, string, struct } from '../types.ts'

/** Deletes empty groups with their offsets (KIP-229). v2 flexible. Source: DeleteGroupsRequest.json. */
export const deleteGroupsRequest = message({
  name: 'DeleteGroupsRequest',
  key: 42,
  versions: [0, 2],
  flexible: 2,
  fields: { groupsNames: field(array(string)) },
})

/** Source: DeleteGroupsResponse.json. */
export const deleteGroupsResponse = message({
  name: 'DeleteGroupsResponse',
  key: 42,
  versions: [0, 2],
  flexible: 2,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    results: field(array(struct('DeletableGroupResult', { groupId: field(string), errorCode: field(int16) }))),
  },
})
