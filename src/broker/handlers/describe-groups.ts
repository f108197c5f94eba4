import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body, type Draft } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { metadataOf } from '../groups/group.ts'
import { groupError } from './coordinator-check.ts'
import { once } from './repeats.ts'

type Request = Body<typeof apis.describeGroups.request>
type Described = Draft<typeof apis.describeGroups.response>['groups'][number]

const none = Buffer.alloc(0)

/** READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS as bits: there are no ACLs. Source: AclEntry.supportedOperations(GROUP). */
const allOperations = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11)

/** Source: GroupMetadataManager.describeGroups. */
export const describeGroupsHandler = handler('DescribeGroups', apis.describeGroups, {
  handle: call => ({ groups: once(call.body.groups).map(groupId => describe(call, groupId)) }),
})

function describe(call: Call<Request>, groupId: string): Described {
  const nobody = { groupId, groupState: '', protocolType: '', protocolData: '', members: [] }
  const errorCode = anyInjectedError(call)?.code ?? groupError(call, groupId, true)
  if (errorCode !== 0) return { ...nobody, errorCode }
  const authorizedOperations = call.body.includeAuthorizedOperations ? allOperations : -0x80000000
  const group = call.cluster.groups.find(groupId)
  if (!group) {
    const dead = { ...nobody, groupState: 'Dead', authorizedOperations }
    if (call.version < 6) return { ...dead, errorCode: 0 }
    return { ...dead, errorCode: errorNumber('GROUP_ID_NOT_FOUND'), errorMessage: `Group ${groupId} not found.` }
  }
  // Only a stable group has a protocol and assignments that can be relied on.
  const isStable = group.is('Stable')
  return {
    ...{ errorCode: 0, groupId, groupState: group.state, protocolType: group.protocolType ?? '', authorizedOperations },
    protocolData: (isStable && group.protocolName) || '',
    members: group.members().map(member => ({
      ...{ memberId: member.memberId, groupInstanceId: member.groupInstanceId },
      ...{ clientId: member.clientId, clientHost: member.clientHost },
      memberMetadata: isStable ? metadataOf(member, group.protocolName) : none,
      memberAssignment: isStable ? member.assignment : none,
    })),
  }
}
