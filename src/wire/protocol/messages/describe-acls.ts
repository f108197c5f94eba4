import { message } from '../message.ts'
import { array, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/**
 * Lists the access control entries that match a filter (KIP-140). v1 pattern types (KIP-290); v2 flexible; v3 resource
 * type user (KIP-373). Source: DescribeAclsRequest.json.
 */
export const describeAclsRequest = message({
  name: 'DescribeAclsRequest',
  key: 29,
  versions: [1, 3],
  flexible: 2,
  fields: {
    resourceTypeFilter: field(int8),
    resourceNameFilter: field(nullable(string)),
    patternTypeFilter: field(int8, { from: 1, default: 3 }), // 3: literal
    principalFilter: field(nullable(string)),
    hostFilter: field(nullable(string)),
    operation: field(int8),
    permissionType: field(int8),
  },
})

/** Source: DescribeAclsResponse.json. */
export const describeAclsResponse = message({
  name: 'DescribeAclsResponse',
  key: 29,
  versions: [1, 3],
  flexible: 2,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    errorMessage: field(nullable(string)),
    resources: field(
      array(
        struct('DescribeAclsResource', {
          resourceType: field(int8),
          resourceName: field(string),
          patternType: field(int8, { from: 1, default: 3 }),
          acls: field(
            array(
              struct('AclDescription', {
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
