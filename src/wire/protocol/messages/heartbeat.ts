import { message } from '../message.ts'
import { field, int16, int32, nullable, string } from '../types.ts'

/**
 * Says that a member of a classic group lives. v3 static members (KIP-345); v4 flexible.
 * Source: HeartbeatRequest.json.
 */
export const heartbeatRequest = message({
  name: 'HeartbeatRequest',
  key: 12,
  versions: [0, 4],
  flexible: 4,
  fields: {
    groupId: field(string),
    generationId: field(int32),
    memberId: field(string),
    groupInstanceId: field(nullable(string, 3), { from: 3, default: null }),
  },
})

/** REBALANCE_IN_PROGRESS tells the member to join again. Source: HeartbeatResponse.json. */
export const heartbeatResponse = message({
  name: 'HeartbeatResponse',
  key: 12,
  versions: [0, 4],
  flexible: 4,
  fields: { throttleTimeMs: field(int32, { from: 1, default: 0 }), errorCode: field(int16) },
})
