import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'

/** There is no authorizer; Kafka without one says so. Source: AclApis. */
function disabled(call: Call<unknown>) {
  const injected = anyInjectedError(call)
  if (injected) return { errorCode: injected.code, errorMessage: injected.message }
  return { errorCode: errorNumber('SECURITY_DISABLED'), errorMessage: 'No Authorizer is configured.' }
}

export const describeAclsHandler = handler('DescribeAcls', apis.describeAcls, {
  handle: call => ({ ...disabled(call), resources: [] }),
})

export const createAclsHandler = handler('CreateAcls', apis.createAcls, {
  handle: call => ({ results: call.body.creations.map(() => disabled(call)) }),
})

export const deleteAclsHandler = handler('DeleteAcls', apis.deleteAcls, {
  handle: call => ({ filterResults: call.body.filters.map(() => ({ ...disabled(call), matchingAcls: [] })) }),
})
