import { message } from '../message.ts'
import { array, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Deletes the access control entries that match filters (KIP-140). v1 pattern types (KIP-290); v2 flexible; v3
 * resource type user (KIP-373). Source: DeleteAclsRequest.json.
 */
export const deleteAclsRequest = message({
  name: 'DeleteAclsRequest',
  key: 31,
  versions: [1, 3],
  flexible: 2,
  fields: {
    filters: field(
      array(
        struct('DeleteAclsFilter', {
          resourceTypeFilter: field(int8),
          resourceNameFilter: field(nullable(string)),
          patternTypeFilter: field(int8, { from: 1, default: 3 }), // 3: literal
          principalFilter: field(nullable(string)),
          hostFilter: field(nullable(string)),
          operation: field(int8),
          permissionType: field(int8),
        }),
      ),
    ),
  },
})

/** Source: DeleteAclsResponse.json. */
export const deleteAclsResponse = message({
  name: 'DeleteAclsResponse',
  key: 31,
  versions: [1, 3],
  flexible: 2,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    filterResults: field(
      array(
        struct('DeleteAclsFilterResult', {
          errorCode: field(int16),
          errorMessage: field(nullable(string)),
          matchingAcls: field(
            array(
              struct('DeleteAclsMatchingAcl', {
                errorCode: field(int16),
                errorMessage: field(nullable(string)),
                resourceType: field(int8),
                resourceName: field(string),
                patternType: field(int8, { from: 1, default: 3 }),
                principal: field(string),
                host: field(string),
                operation: field(int8),
                permissionType: field(int8),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})
