import { message } from '../message.ts'
import { array, field, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Takes members out of a classic group. v3 many at once, static ones too (KIP-345); v4 flexible; v5 reason (KIP-800).
 * Source: LeaveGroupRequest.json.
 */
export const leaveGroupRequest = message({
  name: 'LeaveGroupRequest',
  key: 13,
  versions: [0, 5],
  flexible: 4,
  fields: {
    groupId: field(string),
    memberId: field(string, { to: 2, default: '' }), // from v3 on: members
    members: field(
      array(
        struct('MemberIdentity', {
          memberId: field(string, { from: 3 }),
          groupInstanceId: field(nullable(string, 3), { from: 3, default: null }),
          reason: field(nullable(string, 5), { from: 5, default: null }),
        }),
      ),
      { from: 3, default: [] },
    ),
  },
})

/** Source: LeaveGroupResponse.json. */
export const leaveGroupResponse = message({
  name: 'LeaveGroupResponse',
  key: 13,
  versions: [0, 5],
  flexible: 4,
  fields: {
    throttleTimeMs: field(int32, { from: 1, default: 0 }),
    errorCode: field(int16),
    members: field(
      array(
        struct('MemberResponse', {
          memberId: field(string, { from: 3 }),
          groupInstanceId: field(nullable(string, 3), { from: 3 }),
          errorCode: field(int16, { from: 3 }),
        }),
      ),
      { from: 3, default: [] },
    ),
  },
})
