import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

/** There are no users with SCRAM credentials. Source: ScramImage.describe. */
export const describeUserScramCredentialsHandler = handler(
  'DescribeUserScramCredentials',
  apis.describeUserScramCredentials,
  {
    handle(call) {
      const injected = anyInjectedError(call)
      if (injected) return { errorCode: injected.code, errorMessage: injected.message, results: [] }
      const names = (call.body.users ?? []).map(({ name }) => name)
      const results = [...new Set(names)].map(user =>
        names.indexOf(user) === names.lastIndexOf(user)
          ? refused(user, 'RESOURCE_NOT_FOUND', `There are no SCRAM credentials of user '${user}'.`)
          : refused(user, 'DUPLICATE_RESOURCE', `User '${user}' stands in the request more than once.`),
      )
      return { errorCode: 0, errorMessage: null, results }
    },
  },
)

const refused = (user: string, error: string, errorMessage: string) => ({
  ...{ user, errorCode: errorNumber(error), errorMessage, credentialInfos: [] },
})
