import { apis } from '../../wire/protocol/index.ts'
import { handler } from '../call.ts'
import { codeOf, groupError, withInjected } from './coordinator-check.ts'

const none = Buffer.alloc(0)

/** Source: GroupCoordinatorService.syncGroup. */
export const syncGroupHandler = handler('SyncGroup', apis.syncGroup, {
  async handle(call) {
    const errorCode = groupError(call, call.body.groupId)
    if (errorCode !== 0) return { errorCode, assignment: none }
    try {
      return withInjected(call, await call.cluster.groups.sync(call.body))
    } catch (error) {
      return { errorCode: codeOf(error), assignment: none }
    }
  },
})
