import { apis } from '../../wire/protocol/index.ts'
import { handler } from '../call.ts'
import { errorOf, groupError, withInjected } from './coordinator-check.ts'

/** Source: GroupCoordinatorService.heartbeat. */
export const heartbeatHandler = handler('Heartbeat', apis.heartbeat, {
  handle(call) {
    const { body, cluster } = call
    const refusal = groupError(call, body.groupId)
    if (refusal !== 0) return { errorCode: refusal }
    return withInjected(call, { errorCode: errorOf(() => cluster.groups.heartbeat(body)) })
  },
})
