import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body } from '../../wire/protocol/index.ts'
import { type Call, handler } from '../call.ts'
import type { JoinAnswer } from '../groups/member.ts'
import { groupError, withInjected } from './coordinator-check.ts'

type Request = Body<typeof apis.joinGroup.request>

/** Kafka's `group.min.session.timeout.ms` and `group.max.session.timeout.ms`. */
const minSessionTimeoutMs = 6_000
const maxSessionTimeoutMs = 1_800_000

/** Source: KafkaApis.handleJoinGroupRequest, GroupCoordinatorService.joinGroup. */
export const joinGroupHandler = handler('JoinGroup', apis.joinGroup, {
  async handle(call) {
    const { body, version } = call
    const errorCode = groupError(call, body.groupId) || sessionTimeoutError(body)
    if (errorCode !== 0) return forVersion(version, refused(body, errorCode))
    return forVersion(version, withInjected(call, await joins(call)))
  },
})

function joins(call: Call<Request>): Promise<JoinAnswer> {
  const { cluster, version, body, clientId, clientHost } = call
  // v0 has no time-out of its own for the rebalance.
  const request = version === 0 ? { ...body, rebalanceTimeoutMs: body.sessionTimeoutMs } : body
  return cluster.groups.join(request, { clientId: clientId ?? '', clientHost, version })
}

function sessionTimeoutError({ sessionTimeoutMs }: Request): number {
  const isLegal = sessionTimeoutMs >= minSessionTimeoutMs && sessionTimeoutMs <= maxSessionTimeoutMs
  return isLegal ? 0 : errorNumber('INVALID_SESSION_TIMEOUT')
}

const refused = ({ memberId }: Request, errorCode: number): JoinAnswer => ({
  ...{ errorCode, protocolName: null, leader: '', memberId, members: [] },
})

/** Up to v6 a protocol that none has chosen is the empty string. Source: JoinGroupResponse. */
const forVersion = (version: number, answer: JoinAnswer): JoinAnswer =>
  version < 7 ? { ...answer, protocolName: answer.protocolName ?? '' } : answer
