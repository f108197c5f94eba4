import { message } from '../message.ts'
import { array, bytes, field, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Brings the leader's assignments of a generation, and asks for one's own. v3 static members (KIP-345); v4 flexible;
 * v5 protocol type and name, which the coordinator compares (KIP-559). Source: SyncGroupRequest.json.
 */
export const syncGroupRequest = message({
  name: 'SyncGroupRequest',
  key: 14,
  versions: [0, 5],
  flexible: 4,
  fields: {
    groupId: field(string),
    generationId: field(int32),
    memberId: field(string),
    groupInstanceId: field(nullable(string, 3), { from: 3, default: null }),
    protocolType: field(nullable(string, 5), { from: 5, default: null }),
    protocolName: field(nullable(string, 5), { from: 5, default: null }),
    assignments: field(
      array(struct('SyncGroupRequestAssignment', { memberId: field(string), assignment: field(bytes) })),
    ),
  },
})

/** Source: SyncGroupResponse.json. */
export const syncGroupResponse = message({
  name: 'SyncGroupResponse',
  key: 14,
  versions: [0, 5],
  flexible: 4,
  fields: {
    throttleTimeMs: field(int32, { from: 1, default: 0 }),
    errorCode: field(int16),
    protocolType: field(nullable(string, 5), { from: 5, default: null }),
    protocolName: field(nullable(string, 5), { from: 5, default: null }),
    assignment: field(bytes),
  },
})
