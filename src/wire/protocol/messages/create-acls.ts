import { message } from '../message.ts'
import { array, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Creates access control entries (KIP-140). v1 pattern types (KIP-290); v2 flexible; v3 resource type user (KIP-373).
 * Source: CreateAclsRequest.json.
 */
export const createAclsRequest = message({
  name: 'CreateAclsRequest',
  key: 30,
  versions: [1, 3],
  flexible: 2,
  fields: {
    creations: field(
      array(
        struct('AclCreation', {
          resourceType: field(int8),
          resourceName: field(string),
          resourcePatternType: field(int8, { from: 1, default: 3 }), // 3: literal
          principal: field(string),
          host: field(string),
          operation: field(int8),
          permissionType: field(int8),
        }),
      ),
    ),
  },
})

/** Source: CreateAclsResponse.json. */
export const createAclsResponse = message({
  name: 'CreateAclsResponse',
  key: 30,
  versions: [1, 3],
  flexible: 2,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    results: field(
      array(struct('AclCreationResult', { errorCode: field(int16), errorMessage: field(nullable(string)) })),
    ),
  },
})
