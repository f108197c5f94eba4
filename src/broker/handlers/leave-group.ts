import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { handler } from '../call.ts'
import { groupError, withInjected } from './coordinator-check.ts'

/** Source: GroupCoordinatorService.leaveGroup. Up to v2 one member, whose error is that of the answer. */
export const leaveGroupHandler = handler('LeaveGroup', apis.leaveGroup, {
  handle(call) {
    const { body, cluster, version } = call
    const errorCode = groupError(call, body.groupId)
    if (errorCode !== 0) return { errorCode }
    const leaving = version >= 3 ? body.members : [{ memberId: body.memberId, groupInstanceId: null }]
    const results = cluster.groups.leave(body.groupId, leaving)
    const members = leaving.map(({ memberId, groupInstanceId }, index) => {
      const code = results[index]
      return { memberId, groupInstanceId, errorCode: code ? errorNumber(code) : 0 }
    })
    return withInjected(call, { errorCode: version >= 3 ? 0 : members[0]!.errorCode, members })
  },
})
