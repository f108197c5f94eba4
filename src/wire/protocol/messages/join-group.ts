import { message } from '../message.ts'
import { array, bool, bytes, field, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Joins a consumer group, or starts a rebalance of one. v1 rebalance timeout of its own (KIP-62); v4 a newcomer gets
 * its member id first and asks again with it (KIP-394); v5 static members (KIP-345); v6 flexible; v8 reason (KIP-800);
 * v9 as v8. Source: JoinGroupRequest.json.
 */
export const joinGroupRequest = message({
  name: 'JoinGroupRequest',
  key: 11,
  versions: [0, 9],
  flexible: 6,
  fields: {
    groupId: field(string),
    sessionTimeoutMs: field(int32),
    rebalanceTimeoutMs: field(int32, { from: 1, default: -1 }), // v0 uses the session timeout
    memberId: field(string),
    groupInstanceId: field(nullable(string, 5), { from: 5, default: null }),
    protocolType: field(string),
    protocols: field(array(struct('JoinGroupRequestProtocol', { name: field(string), metadata: field(bytes) }))),
    reason: field(nullable(string, 8), { from: 8, default: null }),
  },
})

/**
 * v7 answers with the protocol type, and null for the protocol that none has chosen (KIP-559); v9 skipAssignment
 * (KIP-814). Source: JoinGroupResponse.json.
 */
export const joinGroupResponse = message({
  name: 'JoinGroupResponse',
  key: 11,
  versions: [0, 9],
  flexible: 6,
  fields: {
    throttleTimeMs: field(int32, { from: 2, default: 0 }),
    errorCode: field(int16),
    generationId: field(int32, { default: -1 }),
    protocolType: field(nullable(string, 7), { from: 7, default: null }),
    protocolName: field(nullable(string, 7)),
    leader: field(string),
    skipAssignment: field(bool, { from: 9, default: false }),
    memberId: field(string),
    members: field(
      array(
        struct('JoinGroupResponseMember', {
          memberId: field(string),
          groupInstanceId: field(nullable(string, 5), { from: 5, default: null }),
          metadata: field(bytes),
        }),
      ),
    ),
  },
})
