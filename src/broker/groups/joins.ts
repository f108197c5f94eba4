import type { apis, Body } from '../../wire/protocol/index.ts'
import { ClusterError } from '../cluster-error.ts'
import type { GroupClient } from './coordinator.ts'
import type { ClassicGroup } from './group.ts'
import {
  answerJoin,
  type GroupMember,
  type GroupProtocol,
  type JoinAnswer,
  noBytes,
  refusedJoin,
  sameProtocols,
} from './member.ts'
import { joined, membersFor, type Rebalances } from './rebalances.ts'

type JoinRequest = Body<typeof apis.joinGroup.request>
type Answer = (answer: JoinAnswer) => void

interface JoinSettings {
  readonly rebalances: Rebalances
  /** Kafka's `group.max.size`. */
  readonly maxSize: number
  newMemberId(prefix: string): string
  /** Writes the group to `__consumer_offsets`; Kafka's error where that fails, else null. */
  store(group: ClassicGroup): string | null
}

/** Who may join a group, and what follows from it. Source: GroupMetadataManager.classicGroupJoin. */
export class Joins {
  readonly #settings: JoinSettings

  constructor(settings: JoinSettings) {
    this.#settings = settings
  }

  join(group: ClassicGroup, request: JoinRequest, client: GroupClient, answer: Answer): void {
    const { memberId } = request
    if (!this.#hasRoom(group, memberId)) {
      group.removePending(memberId)
      answer(refusedJoin('', 'GROUP_MAX_SIZE_REACHED'))
    } else if (!group.supports(request.protocolType, request.protocols))
      answer(refusedJoin(memberId, 'INCONSISTENT_GROUP_PROTOCOL'))
    else if (memberId === '') this.#newMember(group, request, client, answer)
    else if (group.isPending(memberId)) this.#add(group, memberId, request, client, answer)
    else this.#again(group, request, answer)
  }

  /** In an empty group there is room for everybody; see `group.max.size`. Source: acceptJoiningMember. */
  #hasRoom(group: ClassicGroup, memberId: string): boolean {
    const { maxSize } = this.#settings
    const member = group.member(memberId)
    if (group.is('PreparingRebalance')) return Boolean(member?.awaitingJoin) || group.awaitingJoin < maxSize
    return group.is('Empty') || member !== undefined || group.size < maxSize
  }

  #newMember(group: ClassicGroup, request: JoinRequest, client: GroupClient, answer: Answer): void {
    const { groupInstanceId, sessionTimeoutMs } = request
    const { rebalances, newMemberId } = this.#settings
    const memberId = newMemberId(groupInstanceId ?? client.clientId)
    if (groupInstanceId !== null) {
      const current = group.member(group.staticMemberId(groupInstanceId) ?? '')
      if (current) this.#replaceStatic(group, current, memberId, request, client, answer)
      else this.#add(group, memberId, request, client, answer)
    } else if (client.version >= 4) {
      rebalances.expectPending(group, memberId, sessionTimeoutMs)
      answer(refusedJoin(memberId, 'MEMBER_ID_REQUIRED'))
    } else this.#add(group, memberId, request, client, answer)
  }

  #add(group: ClassicGroup, memberId: string, request: JoinRequest, client: GroupClient, answer: Answer): void {
    const { groupInstanceId, protocolType, sessionTimeoutMs, rebalanceTimeoutMs } = request
    const { clientId, clientHost } = client
    const { rebalances } = this.#settings
    if (group.is('PreparingRebalance') && group.previousState === 'Empty') group.newMemberAdded = true
    const member: GroupMember = {
      ...{ memberId, groupInstanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs },
      ...{ protocols: protocolsOf(request), assignment: noBytes, isNew: true },
      ...{ awaitingJoin: answer, awaitingSync: null, session: null },
    }
    group.add(member, protocolType)
    rebalances.keepNewcomer(group, member)
    rebalances.prepareOrComplete(group)
  }

  /** A member that has its id joins again. */
  #again(group: ClassicGroup, request: JoinRequest, answer: Answer): void {
    const { memberId, groupInstanceId } = request
    let member: GroupMember
    try {
      member = group.checkMember(memberId, groupInstanceId)
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error
      answer(refusedJoin(memberId, error.code))
      return
    }
    // Without news from it, and from nobody but the leader, it is told the generation that is. The leader may see what no
    // metadata shows (new partitions), so in a stable group its coming begins a rebalance.
    const settled = group.is('CompletingRebalance') || (group.is('Stable') && !group.isLeader(memberId))
    if (settled && sameProtocols(member.protocols, protocolsOf(request))) {
      answer(joined(group, member))
      return
    }
    update(member, request, answer)
    this.#settings.rebalances.prepareOrComplete(group)
  }

  /**
   * A static member has started again: it takes its place, and in a stable group its assignment too, without a rebalance, as
   * long as the group's protocol stays. Source: updateStaticMemberThenRebalanceOrCompleteJoin.
   */
  #replaceStatic(
    group: ClassicGroup,
    old: GroupMember,
    memberId: string,
    request: JoinRequest,
    client: GroupClient,
    answer: Answer,
  ): void {
    const { rebalances, store } = this.#settings
    const leaderBefore = group.leaderId
    const member = group.replaceStatic(old, memberId)
    update(member, request, answer)
    rebalances.keepAlive(group, member)
    if (!group.is('Stable') || group.selectProtocol() !== group.protocolName) {
      rebalances.prepareOrComplete(group)
      return
    }
    const refusal = store(group)
    if (refusal) {
      // The old member stays who it is. Source: GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin.
      answerJoin(member, refusedJoin(memberId, refusal))
      const { protocols, sessionTimeoutMs, rebalanceTimeoutMs } = old
      const again = Object.assign(group.replaceStatic(member, old.memberId), {
        ...{ protocols, sessionTimeoutMs, rebalanceTimeoutMs },
      })
      rebalances.keepAlive(group, again)
      return
    }
    const isLeader = group.isLeader(memberId)
    // KIP-814: the leader learns who is there, and that it must not assign. Before, another was named as the leader instead.
    if (client.version >= 9)
      answerJoin(member, {
        ...joined(group, member),
        skipAssignment: isLeader,
        members: isLeader ? membersFor(group) : [],
      })
    else answerJoin(member, { ...joined(group, member), leader: leaderBefore ?? '', members: [] })
  }
}

function update(member: GroupMember, request: JoinRequest, answer: Answer): void {
  // An earlier request of the same member: its client has given it up.
  answerJoin(member, refusedJoin(member.memberId, 'REBALANCE_IN_PROGRESS'))
  member.protocols = protocolsOf(request)
  member.sessionTimeoutMs = request.sessionTimeoutMs
  member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
  member.awaitingJoin = answer
}

/** Copied, as what was read points into the frame. */
const protocolsOf = ({ protocols }: JoinRequest): GroupProtocol[] =>
  protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }))
