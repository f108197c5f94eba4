import { invariant } from '../../base/invariant.ts'
import type { Timer } from '../../base/time/clock.ts'
import { ClusterError } from '../cluster-error.ts'
import { consumerProtocolType, subscribedTopics } from './consumer-protocol.ts'
import {
  answerJoin,
  answerSync,
  type GroupMember,
  type GroupProtocol,
  noBytes,
  refusedJoin,
  refusedSync,
} from './member.ts'
import { type GroupState, isLegalMove } from './states.ts'

/** A group of the classic protocol: its members, what they agree on, and its state. No I/O; its timers belong to `Rebalances`. Source: ClassicGroup. */
export class ClassicGroup {
  readonly groupId: string
  generationId = 0
  /** What its members are: `consumer`, `connect` …; null: only offsets were committed so far (a simple group). */
  protocolType: string | null = null
  /** What the members of this generation assign with. */
  protocolName: string | null = null
  leaderId: string | null = null
  /** Milliseconds since 1970 of the last change of state; null: none since it was created. */
  changedAt: number | null = null
  /** Somebody came while the first rebalance was being put off. */
  newMemberAdded = false
  /** The end of the time to join, or of the delay before the first rebalance. */
  joinTimer: Timer | null = null
  /** The end of the time to ask for assignments. */
  syncTimer: Timer | null = null
  readonly #members = new Map<string, GroupMember>()
  readonly #staticMembers = new Map<string, string>()
  /** Member ids that were given out and have not come back yet (KIP-394), with their expiry. */
  readonly #pendingJoins = new Map<string, Timer>()
  /** Members of this generation that have not asked for their assignment. */
  readonly pendingSyncs = new Set<string>()
  readonly #wallTime: () => number
  #state: GroupState
  #previousState: GroupState
  #subscribed: ReadonlySet<string> | null = null

  constructor(groupId: string, wallTime: () => number, state: 'Empty' | 'Stable' = 'Empty') {
    this.groupId = groupId
    this.#wallTime = wallTime
    this.#state = state
    this.#previousState = state
  }

  get state(): GroupState {
    return this.#state
  }

  get previousState(): GroupState {
    return this.#previousState
  }

  is(...states: readonly GroupState[]): boolean {
    return states.includes(this.#state)
  }

  moveTo(state: GroupState): void {
    invariant(isLegalMove(this.#state, state), `a group may go from ${this.#state} to ${state}`)
    this.#previousState = this.#state
    this.#state = state
    this.changedAt = this.#wallTime()
  }

  get canRebalance(): boolean {
    return isLegalMove(this.#state, 'PreparingRebalance')
  }

  /** In the order in which they came. */
  members(): GroupMember[] {
    return [...this.#members.values()]
  }

  get size(): number {
    return this.#members.size
  }

  member(memberId: string): GroupMember | undefined {
    return this.#members.get(memberId)
  }

  staticMemberId(groupInstanceId: string): string | undefined {
    return this.#staticMembers.get(groupInstanceId)
  }

  isLeader(memberId: string): boolean {
    return this.leaderId === memberId
  }

  add(member: GroupMember, protocolType: string): void {
    invariant(!this.#members.has(member.memberId), 'a member is added once')
    if (this.#members.size === 0) this.protocolType = protocolType
    this.leaderId ??= member.memberId
    this.#members.set(member.memberId, member)
    if (member.groupInstanceId !== null) this.#staticMembers.set(member.groupInstanceId, member.memberId)
    this.removePending(member.memberId)
  }

  remove(memberId: string): void {
    const member = this.#members.get(memberId)
    if (member) {
      member.session?.cancel()
      this.#members.delete(memberId)
      if (member.groupInstanceId !== null) this.#staticMembers.delete(member.groupInstanceId)
      if (this.isLeader(memberId)) this.leaderId = this.#members.keys().next().value ?? null
    }
    this.removePending(memberId)
    this.pendingSyncs.delete(memberId)
  }

  /** A static member that has come again gets a new member id; whoever still uses the old one is fenced. */
  replaceStatic(old: GroupMember, memberId: string): GroupMember {
    answerJoin(old, refusedJoin(old.memberId, 'FENCED_INSTANCE_ID'))
    answerSync(old, refusedSync('FENCED_INSTANCE_ID'))
    old.session?.cancel()
    const replaced: GroupMember = { ...old, memberId, isNew: false, session: null }
    this.#members.delete(old.memberId)
    this.#members.set(memberId, replaced)
    this.#staticMembers.set(old.groupInstanceId!, memberId)
    if (this.isLeader(old.memberId)) this.leaderId = memberId
    if (this.pendingSyncs.delete(old.memberId)) this.pendingSyncs.add(memberId)
    return replaced
  }

  addPending(memberId: string, expiry: Timer): void {
    this.#pendingJoins.set(memberId, expiry)
  }

  isPending(memberId: string): boolean {
    return this.#pendingJoins.has(memberId)
  }

  removePending(memberId: string): void {
    this.#pendingJoins.get(memberId)?.cancel()
    this.#pendingJoins.delete(memberId)
  }

  clearPending(): void {
    for (const memberId of [...this.#pendingJoins.keys()]) this.removePending(memberId)
  }

  get pendingJoins(): number {
    return this.#pendingJoins.size
  }

  get awaitingJoin(): number {
    return this.members().filter(member => member.awaitingJoin).length
  }

  get hasAllMembersJoined(): boolean {
    return this.#pendingJoins.size === 0 && this.awaitingJoin === this.#members.size
  }

  /** The longest of its members. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { rebalanceTimeoutMs } of this.#members.values()) longest = Math.max(longest, rebalanceTimeoutMs)
    return longest
  }

  /** @throws ClusterError UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID where another member has come under this instance id. */
  checkMember(memberId: string, groupInstanceId: string | null): GroupMember {
    if (groupInstanceId !== null) {
      const current = this.#staticMembers.get(groupInstanceId)
      if (current === undefined) throw new ClusterError('UNKNOWN_MEMBER_ID', `no member is ${groupInstanceId}`)
      if (current !== memberId) throw new ClusterError('FENCED_INSTANCE_ID', `${groupInstanceId} is ${current} now`)
    }
    const member = this.#members.get(memberId)
    if (!member) throw new ClusterError('UNKNOWN_MEMBER_ID', `there is no member ${memberId}`)
    return member
  }

  /** Whether somebody with these protocols can join: all members must support one in common. */
  supports(protocolType: string, protocols: readonly Pick<GroupProtocol, 'name'>[]): boolean {
    if (this.#state === 'Empty') return protocolType !== '' && protocols.length > 0
    return protocolType === this.protocolType && protocols.some(({ name }) => this.#supportedByAll(name))
  }

  /** The protocol that most members prefer, of those that all support. */
  selectProtocol(): string {
    const votes = new Map<string, number>()
    for (const { protocols } of this.#members.values()) {
      const vote = protocols.find(({ name }) => this.#supportedByAll(name))
      invariant(vote, 'members that do not support a common protocol are not let in')
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    const [first] = [...votes].sort(([, a], [, b]) => b - a)
    invariant(first, 'a group without members has no protocol')
    return first[0]
  }

  /** The leader did not come back: whoever waits becomes the leader. False: nobody waits. */
  electLeader(): boolean {
    if (this.leaderId === null) return false
    if (this.#members.get(this.leaderId)?.awaitingJoin) return true
    const next = this.members().find(member => member.awaitingJoin)
    if (!next) return false
    this.leaderId = next.memberId
    return true
  }

  /** Begins a generation with those who are there. */
  nextGeneration(): void {
    this.generationId++
    this.pendingSyncs.clear()
    this.protocolName = this.#members.size > 0 ? this.selectProtocol() : null
    this.readSubscriptions()
    this.moveTo(this.#members.size > 0 ? 'CompletingRebalance' : 'Empty')
  }

  /** Reads from the members' metadata which topics they are subscribed to; not every protocol type tells. */
  readSubscriptions(): void {
    this.#subscribed = null
    if (this.protocolType !== consumerProtocolType) return
    const all = this.members().map(member => subscribedTopics(metadataOf(member, this.protocolName)))
    if (all.every(topics => topics !== null)) this.#subscribed = new Set(all.flat())
  }

  /** Whether a member reads this topic, as far as the coordinator knows; a consumer that cannot be read may read any. */
  isSubscribedTo(topic: string): boolean {
    return this.#subscribed ? this.#subscribed.has(topic) : this.protocolType === consumerProtocolType
  }

  get knowsSubscriptions(): boolean {
    return this.#subscribed !== null
  }

  #supportedByAll(name: string): boolean {
    return this.members().every(({ protocols }) => protocols.some(protocol => protocol.name === name))
  }
}

/** What a member says of itself for one protocol. */
export function metadataOf(member: GroupMember, protocolName: string | null): Buffer {
  return member.protocols.find(({ name }) => name === protocolName)?.metadata ?? noBytes
}
