import { message } from '../message.ts'
import { array, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Asks which broker keeps the state of a consumer group (key type 0), a transactional id (1) or a share partition (2).
 * v3 flexible; v4 many keys at once, in place of `key` (KIP-699); v5 may answer TRANSACTION_ABORTABLE (KIP-890);
 * v6 share groups (KIP-932). Source: FindCoordinatorRequest.json.
 */
export const findCoordinatorRequest = message({
  name: 'FindCoordinatorRequest',
  key: 10,
  versions: [0, 6],
  flexible: 3,
  fields: {
    key: field(string, { to: 3, default: '' }),
    keyType: field(int8, { from: 1, default: 0 }),
    coordinatorKeys: field(array(string), { from: 4, default: [] }),
  },
})

/** Source: FindCoordinatorResponse.json. */
export const findCoordinatorResponse = message({
  name: 'FindCoordinatorResponse',
  key: 10,
  versions: [0, 6],
  flexible: 3,
  fields: {
    throttleTimeMs: field(int32, { from: 1, default: 0 }),
    errorCode: field(int16, { to: 3, default: 0 }),
    errorMessage: field(nullable(string, 1), { from: 1, to: 3, default: '' }),
    nodeId: field(int32, { to: 3, default: 0 }),
    host: field(string, { to: 3, default: '' }),
    port: field(int32, { to: 3, default: 0 }),
    coordinators: field(
      array(
        struct('Coordinator', {
          key: field(string, { from: 4 }),
          nodeId: field(int32, { from: 4 }),
          host: field(string, { from: 4 }),
          port: field(int32, { from: 4 }),
          errorCode: field(int16, { from: 4 }),
          errorMessage: field(nullable(string, 4), { from: 4 }),
        }),
      ),
      { from: 4, default: [] },
    ),
  },
})
