import { apis } from '../../wire/protocol/index.ts'
import { handler } from '../call.ts'
import { errorOf, groupError, withInjected } from './coordinator-check.ts'

/** Source: GroupCoordinatorService.deleteGroups. */
export const deleteGroupsHandler = handler('DeleteGroups', apis.deleteGroups, {
  handle: call => ({
    results: [...new Set(call.body.groupsNames)].map(groupId => {
      const refusal = groupError(call, groupId, true)
      const errorCode = refusal || errorOf(() => call.cluster.groups.delete(groupId))
      return withInjected(call, { groupId, errorCode })
    }),
  }),
})
