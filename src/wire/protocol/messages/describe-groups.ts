import { message } from '../message.ts'
import { array, bool, bytes, field, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Describes classic groups. v3 authorized operations (KIP-430); v4 static members (KIP-345); v5 flexible; v6
 * GROUP_ID_NOT_FOUND for a group that is not there, before it a group in state Dead (KIP-1043).
 * Source: DescribeGroupsRequest.json.
 */
export const describeGroupsRequest = message({
  name: 'DescribeGroupsRequest',
  key: 15,
  versions: [0, 6],
  flexible: 5,
  fields: { groups: field(array(string)), includeAuthorizedOperations: field(bool, { from: 3, default: false }) },
})

/** Source: DescribeGroupsResponse.json. */
export const describeGroupsResponse = message({
  name: 'DescribeGroupsResponse',
  key: 15,
  versions: [0, 6],
  flexible: 5,
  fields: {
    throttleTimeMs: field(int32, { from: 1, default: 0 }),
    groups: field(
      array(
        struct('DescribedGroup', {
          errorCode: field(int16),
          errorMessage: field(nullable(string, 6), { from: 6, default: null }),
          groupId: field(string),
          groupState: field(string),
          protocolType: field(string),
          protocolData: field(string),
          members: field(
            array(
              struct('DescribedGroupMember', {
                memberId: field(string),
                groupInstanceId: field(nullable(string, 4), { from: 4, default: null }),
                clientId: field(string),
                clientHost: field(string),
                memberMetadata: field(bytes),
                memberAssignment: field(bytes),
              }),
            ),
          ),
          authorizedOperations: field(int32, { from: 3, default: -0x80000000 }), // bits; the default: not asked for
        }),
      ),
    ),
  },
})
