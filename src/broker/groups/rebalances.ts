import { invariant } from '../../base/invariant.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { ClassicGroup } from './group.ts'
import { metadataOf } from './group.ts'
import {
  answerJoin,
  answerSync,
  type GroupMember,
  type JoinAnswer,
  noBytes,
  refusedJoin,
  refusedSync,
} from './member.ts'

/** A newcomer whose client does not know its member id yet cannot send heartbeats: it is dropped after this. Source: GroupMetadataManager. */
const newMemberJoinTimeoutMs = 5 * 60_000

/** A rebalance timeout of 0 must not have the broker look after absent static members without a pause. */
const leastWaitForStaticMs = 1_000

export interface RebalanceSettings {
  readonly clock: Clock
  readonly initialDelayMs: number
  /** Writes the group to `__consumer_offsets`; Kafka's error where that fails, else null. */
  store(group: ClassicGroup): string | null
}

/**
 * Takes groups from one generation to the next, and watches the time: for members to join, to ask for assignments, and to
 * send heartbeats. Source: GroupMetadataManager.
 */
export class Rebalances {
  readonly #clock: Clock
  readonly #initialDelayMs: number
  readonly #store: (group: ClassicGroup) => string | null

  constructor(settings: RebalanceSettings) {
    this.#clock = settings.clock
    this.#initialDelayMs = settings.initialDelayMs
    this.#store = settings.store
  }

  /** Begins a rebalance, or goes on with the one that is going on where everybody has come. */
  prepareOrComplete(group: ClassicGroup): void {
    if (group.canRebalance) this.prepare(group)
    else this.completeIfJoined(group)
  }

  /** Asks all members to join again. */
  prepare(group: ClassicGroup): void {
    if (group.is('CompletingRebalance'))
      for (const member of group.members()) {
        member.assignment = noBytes
        if (answerSync(member, refusedSync('REBALANCE_IN_PROGRESS'))) this.keepAlive(group, member)
      }
    group.pendingSyncs.clear()
    group.syncTimer?.cancel()
    group.syncTimer = null
    const isFirst = group.is('Empty')
    group.moveTo('PreparingRebalance')
    if (isFirst) this.#putOff(group, this.#initialDelayMs, Math.max(0, group.rebalanceTimeoutMs - this.#initialDelayMs))
    else if (group.hasAllMembersJoined) this.#complete(group)
    else this.#completeAfter(group, group.rebalanceTimeoutMs)
  }

  /** Ends the time to join where everybody has; the first rebalance waits for its delay nonetheless. */
  completeIfJoined(group: ClassicGroup): void {
    if (group.is('PreparingRebalance') && group.previousState !== 'Empty' && group.hasAllMembersJoined)
      this.#complete(group)
  }

  /** Gives the leader's assignments to all members; where they cannot be written, the members hear that, and join again. */
  assign(group: ClassicGroup, assignments: ReadonlyMap<string, Buffer>): void {
    invariant(group.is('CompletingRebalance'), 'assignments come while the group waits for them')
    for (const member of group.members()) member.assignment = assignments.get(member.memberId) ?? noBytes
    const refusal = this.#store(group)
    if (refusal) {
      // Source: GroupMetadataManager.resetAndPropagateAssignmentWithError.
      for (const member of group.members()) {
        member.assignment = noBytes
        if (answerSync(member, refusedSync(refusal))) this.keepAlive(group, member)
      }
      this.prepareOrComplete(group)
      return
    }
    const { protocolType, protocolName } = group
    for (const member of group.members()) {
      const answer = { errorCode: 0, protocolType, protocolName, assignment: member.assignment }
      if (answerSync(member, answer)) this.keepAlive(group, member)
    }
    group.moveTo('Stable')
  }

  /** A member has asked for its assignment. */
  synced(group: ClassicGroup, memberId: string): void {
    group.pendingSyncs.delete(memberId)
    if (group.pendingSyncs.size > 0) return
    group.syncTimer?.cancel()
    group.syncTimer = null
  }

  /** Begins the member's session anew. */
  keepAlive(group: ClassicGroup, member: GroupMember, timeoutMs: number = member.sessionTimeoutMs): void {
    member.session?.cancel()
    member.session = this.#clock.schedule(() => this.#sessionEnds(group, member), timeoutMs, true)
  }

  /** The session of somebody who does not know its member id for long. */
  keepNewcomer(group: ClassicGroup, member: GroupMember): void {
    this.keepAlive(group, member, newMemberJoinTimeoutMs)
  }

  /** Waits for the second JoinGroup of a newcomer, which brings the member id that it was given (KIP-394). */
  expectPending(group: ClassicGroup, memberId: string, sessionTimeoutMs: number): void {
    const expire = () => {
      group.removePending(memberId)
      if (group.is('PreparingRebalance') && group.hasAllMembersJoined) this.#complete(group)
    }
    group.addPending(memberId, this.#clock.schedule(expire, sessionTimeoutMs, true))
  }

  /** Takes out a member that is gone. */
  expire(group: ClassicGroup, member: GroupMember): void {
    this.dismiss(group, member)
    if (group.is('Stable', 'CompletingRebalance')) this.prepare(group)
    else if (group.is('PreparingRebalance') && group.hasAllMembersJoined) this.#complete(group)
  }

  /** Takes out a member, and tells it where it waits; the rebalance is the caller's to begin. */
  dismiss(group: ClassicGroup, member: GroupMember): void {
    answerJoin(member, refusedJoin('', 'UNKNOWN_MEMBER_ID'))
    answerSync(member, refusedSync('UNKNOWN_MEMBER_ID'))
    group.remove(member.memberId)
  }

  /** The group is coordinated elsewhere or deleted: whoever waits is told, and no timer is left. */
  end(group: ClassicGroup, code: 'NOT_COORDINATOR' | 'UNKNOWN_MEMBER_ID'): void {
    group.joinTimer?.cancel()
    group.syncTimer?.cancel()
    for (const member of group.members()) {
      member.session?.cancel()
      answerJoin(member, refusedJoin(member.memberId, code))
      answerSync(member, refusedSync(code))
    }
    group.clearPending()
    group.moveTo('Dead')
  }

  #sessionEnds(group: ClassicGroup, member: GroupMember): void {
    if (group.is('Dead') || group.member(member.memberId) !== member) return
    // Whoever waits for the others lives, but for a newcomer, whose client may have given up without knowing its member id.
    const waits = !member.isNew && (member.awaitingJoin !== null || member.awaitingSync !== null)
    if (!waits) this.expire(group, member)
  }

  /** Puts off the end of the first rebalance while members come, up to the rebalance timeout. */
  #putOff(group: ClassicGroup, delayMs: number, remainingMs: number): void {
    const end = () => {
      if (!group.newMemberAdded || remainingMs === 0) this.#complete(group)
      else {
        group.newMemberAdded = false
        this.#putOff(group, Math.min(this.#initialDelayMs, remainingMs), Math.max(remainingMs - delayMs, 0))
      }
    }
    group.joinTimer = this.#clock.schedule(end, delayMs, true)
  }

  #completeAfter(group: ClassicGroup, delayMs: number): void {
    group.joinTimer?.cancel()
    group.joinTimer = this.#clock.schedule(() => this.#complete(group), delayMs, true)
  }

  /** Ends the time to join: those who did not come are out, static ones excepted. */
  #complete(group: ClassicGroup): void {
    group.joinTimer?.cancel()
    group.joinTimer = null
    for (const member of group.members())
      if (!member.awaitingJoin && member.groupInstanceId === null) group.remove(member.memberId)
    // Only static members are left and none of them came: until their sessions end.
    if (group.size > 0 && !group.electLeader()) {
      this.#completeAfter(group, Math.max(leastWaitForStaticMs, group.rebalanceTimeoutMs))
      return
    }
    group.newMemberAdded = false
    group.nextGeneration()
    if (group.is('Empty')) {
      // Where that fails the group is empty all the same: whoever reads the old one waits for its members in vain.
      this.#store(group)
      return
    }
    for (const member of group.members()) {
      answerJoin(member, joined(group, member))
      this.keepAlive(group, member)
      member.isNew = false
      group.pendingSyncs.add(member.memberId)
    }
    group.syncTimer = this.#clock.schedule(() => this.#endOfSync(group), group.rebalanceTimeoutMs, true)
  }

  /** Those who did not ask for their assignment in time are out. */
  #endOfSync(group: ClassicGroup): void {
    group.syncTimer = null
    if (!group.is('CompletingRebalance', 'Stable') || group.pendingSyncs.size === 0) return
    for (const memberId of [...group.pendingSyncs]) group.remove(memberId)
    this.prepare(group)
  }
}

/** The answer to a member that is in the current generation. Only the leader is told who else is, as only it assigns. */
export function joined(group: ClassicGroup, member: GroupMember): JoinAnswer {
  const { generationId, protocolType, protocolName } = group
  const members = group.isLeader(member.memberId) ? membersFor(group) : []
  return {
    ...{ errorCode: 0, generationId, protocolType, protocolName, memberId: member.memberId, members },
    leader: group.leaderId ?? '',
  }
}

export function membersFor(group: ClassicGroup): JoinAnswer['members'] {
  return group.members().map(member => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: metadataOf(member, group.protocolName),
  }))
}
