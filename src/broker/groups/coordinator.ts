import { randomUUID } from 'node:crypto'
import type { apis, Body } from '../../wire/protocol/index.ts'
import type { Cluster } from '../cluster.ts'
import { ClusterError, refusedWith } from '../cluster-error.ts'
import { decodeConsumerOffsetsKey } from '../coordinators/records/consumer-offsets.ts'
import { markerCommits } from '../log/control-batch.ts'
import type { Partition } from '../topic.ts'
import { ClassicGroup } from './group.ts'
import { groupFrom, groupRecord, groupTombstone } from './group-record.ts'
import { Joins } from './joins.ts'
import { type JoinAnswer, refusedJoin, refusedSync, type SyncAnswer } from './member.ts'
import { GroupOffsets } from './offsets.ts'
import { Rebalances } from './rebalances.ts'
import { dropExpired } from './retention.ts'

type JoinRequest = Body<typeof apis.joinGroup.request>
type SyncRequest = Body<typeof apis.syncGroup.request>
type HeartbeatRequest = Body<typeof apis.heartbeat.request>

/** Who asks, as far as a group is told. */
export interface GroupClient {
  readonly clientId: string
  readonly clientHost: string
  readonly version: number
}

/** Kafka's `offsets.retention.check.interval.ms`. */
const retentionCheckIntervalMs = 600_000

/**
 * The groups of the cluster: the classic protocol (KIP-62 and what came later), and committed offsets. Each group belongs to
 * the broker that leads its partition of `__consumer_offsets`; when that changes, the group goes on from what was written.
 * The new protocol (KIP-848) is not spoken. Source: GroupCoordinatorService, GroupMetadataManager.
 */
export class GroupCoordinator {
  readonly offsets: GroupOffsets
  readonly #cluster: Cluster
  readonly #rebalances: Rebalances
  readonly #joins: Joins
  readonly #groups = new Map<string, ClassicGroup>()
  /** What was written of each group last: what another coordinator goes on from. */
  readonly #written = new Map<string, Buffer>()
  /** The partition of `__consumer_offsets` that each group belongs to; their leaders are watched. */
  readonly #homes = new Map<string, Partition>()
  readonly #watched = new WeakSet<Partition>()
  #retentionCheckedAt: number

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#retentionCheckedAt = cluster.clock.wallTime()
    this.offsets = new GroupOffsets(cluster)
    this.#rebalances = new Rebalances({
      clock: cluster.clock,
      initialDelayMs: cluster.settings.groupInitialRebalanceDelayMs,
      store: group => this.#refusalToStore(group),
    })
    this.#joins = new Joins({
      rebalances: this.#rebalances,
      maxSize: cluster.settings.groupMaxSize,
      newMemberId: prefix => `${prefix}-${this.#newUuid()}`,
      store: group => this.#refusalToStore(group),
    })
  }

  /** Takes over what `__consumer_offsets` holds. Members of the groups in it have a session's time to show up. */
  load(): void {
    this.#written.clear()
    this.offsets.clear()
    this.#cluster.groupState.replay((state, partition) => {
      if (state.control) {
        this.offsets.endTransaction(state.producerId, markerCommits(state.key) === true, partition.index)
        return
      }
      const key = decodeConsumerOffsetsKey(state.key)
      if (key.kind === 'offset') this.offsets.replay(key, state, partition.index)
      else if (key.kind === 'group' && state.value) this.#written.set(key.group, state.value)
      else if (key.kind === 'group') this.#written.delete(key.group)
    })
    for (const group of this.#groups.values()) this.#rebalances.end(group, 'NOT_COORDINATOR')
    this.#groups.clear()
    for (const [groupId, value] of this.#written) this.#restore(groupId, value)
  }

  /** All groups, those of which only offsets are known as well. */
  list(): ClassicGroup[] {
    this.#checkRetention()
    for (const groupId of this.offsets.groups()) this.find(groupId)
    return [...this.#groups.values()]
  }

  /** A group that has members, offsets or a generation; undefined: there is none. */
  find(groupId: string): ClassicGroup | undefined {
    this.#checkRetention()
    const known = this.#groups.get(groupId)
    if (known || !this.offsets.has(groupId)) return known
    return this.#add(new ClassicGroup(groupId, () => this.#cluster.clock.wallTime()))
  }

  /** Answers when the group has come together, or at once where the member cannot join. */
  join(request: JoinRequest, client: GroupClient): Promise<JoinAnswer> {
    const known = this.find(request.groupId)
    return new Promise(resolve => {
      if (known) this.#joins.join(known, request, client, resolve)
      else if (request.memberId !== '') resolve(refusedJoin(request.memberId, 'UNKNOWN_MEMBER_ID'))
      else {
        const group = new ClassicGroup(request.groupId, () => this.#cluster.clock.wallTime())
        const refusal = this.#refusalToStore(group)
        if (refusal) resolve(refusedJoin(request.memberId, refusal))
        else this.#joins.join(this.#add(group), request, client, resolve)
      }
    })
  }

  /** Answers when the leader's assignments are there. */
  sync(request: SyncRequest): Promise<SyncAnswer> {
    const { groupId, memberId, groupInstanceId, generationId } = request
    const group = this.#existing(groupId)
    const member = group.checkMember(memberId, groupInstanceId)
    if (generationId !== group.generationId) throw illegalGeneration(group)
    if (differ(request.protocolType, group.protocolType) || differ(request.protocolName, group.protocolName))
      throw new ClusterError('INCONSISTENT_GROUP_PROTOCOL', 'the group has agreed on another protocol')
    if (group.is('PreparingRebalance')) throw new ClusterError('REBALANCE_IN_PROGRESS', 'members join again')
    this.#rebalances.synced(group, memberId)
    if (group.is('Stable')) {
      const { protocolType, protocolName } = group
      return Promise.resolve({ errorCode: 0, protocolType, protocolName, assignment: member.assignment })
    }
    return new Promise(resolve => {
      // An earlier request of the same member: its client has given it up.
      member.awaitingSync?.(refusedSync('REBALANCE_IN_PROGRESS'))
      member.awaitingSync = resolve
      if (!group.isLeader(memberId)) return
      const given = request.assignments.map(one => [one.memberId, Buffer.from(one.assignment)] as const)
      this.#rebalances.assign(group, new Map(given))
    })
  }

  /** @throws ClusterError where the member has to join again, or is none. */
  heartbeat({ groupId, memberId, groupInstanceId, generationId }: HeartbeatRequest): void {
    const group = this.#existing(groupId)
    const member = group.checkMember(memberId, groupInstanceId)
    if (generationId !== group.generationId) throw illegalGeneration(group)
    this.#rebalances.keepAlive(group, member)
    if (group.is('PreparingRebalance')) throw new ClusterError('REBALANCE_IN_PROGRESS', 'members join again')
  }

  /** Takes members out; an administrator may name a static one by its instance id alone. Gives an error name, or null, for each. */
  leave(
    groupId: string,
    members: readonly { readonly memberId: string; readonly groupInstanceId: string | null }[],
  ): (string | null)[] {
    const group = this.find(groupId)
    if (!group) return members.map(() => 'UNKNOWN_MEMBER_ID')
    const results = members.map(member => this.#leave(group, member.memberId, member.groupInstanceId))
    if (results.includes(null)) {
      if (group.is('Stable', 'CompletingRebalance')) this.#rebalances.prepare(group)
      else this.#rebalances.completeIfJoined(group)
    }
    return results
  }

  /** @throws ClusterError where this member may not commit now. A commit keeps its session. */
  checkCommit(
    groupId: string,
    generationId: number,
    memberId: string,
    groupInstanceId: string | null,
    version: number,
  ): void {
    const group = this.find(groupId)
    if (!group) {
      if (generationId < 0) return
      throw version >= 9 ? notFound(groupId) : new ClusterError('ILLEGAL_GENERATION', `there is no group ${groupId}`)
    }
    if (generationId < 0 && group.is('Empty')) return
    if (generationId < 0 && memberId === '' && groupInstanceId === null)
      throw new ClusterError('UNKNOWN_MEMBER_ID', 'only members commit while the group has any')
    const member = group.checkMember(memberId, groupInstanceId)
    if (generationId !== group.generationId) throw illegalGeneration(group)
    if (group.is('CompletingRebalance')) throw new ClusterError('REBALANCE_IN_PROGRESS', 'assignments are not made yet')
    this.#rebalances.keepAlive(group, member)
  }

  /**
   * Whether offsets may be committed in a transaction for this member (KIP-447). A producer of before that names no member,
   * and is let in. @throws ClusterError ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID.
   */
  validateTransactional(groupId: string, generationId: number, memberId: string, groupInstanceId: string | null): void {
    const group = this.find(groupId)
    if (!group) {
      if (generationId < 0) return
      throw new ClusterError('ILLEGAL_GENERATION', `there is no group ${groupId}`)
    }
    if (generationId < 0 && (group.is('Empty') || (memberId === '' && groupInstanceId === null))) return
    group.checkMember(memberId, groupInstanceId)
    if (generationId !== group.generationId) throw illegalGeneration(group)
  }

  /** @throws ClusterError GROUP_ID_NOT_FOUND, or NON_EMPTY_GROUP while it has members. */
  delete(groupId: string): void {
    const group = this.find(groupId)
    if (!group) throw notFound(groupId)
    if (!group.is('Empty')) throw new ClusterError('NON_EMPTY_GROUP', `${groupId} has members`)
    this.offsets.deleteGroup(groupId)
    this.#forget(group)
  }

  /** A group whose offsets may be deleted, those of topics it is subscribed to excepted. @throws ClusterError like `delete`. */
  forOffsetDelete(groupId: string): ClassicGroup {
    const group = this.find(groupId)
    if (!group) throw notFound(groupId)
    if (!group.is('Empty') && group.protocolType !== 'consumer')
      throw new ClusterError('NON_EMPTY_GROUP', `${groupId} has members that are no consumers`)
    return group
  }

  /** Ends the sessions of one member or of all, as if no heartbeat had come. False: there is no such member. */
  expireSession(groupId: string, memberId?: string): boolean {
    const group = this.#groups.get(groupId)
    const members = group?.members().filter(member => memberId === undefined || member.memberId === memberId) ?? []
    for (const member of members) if (group?.member(member.memberId) === member) this.#rebalances.expire(group, member)
    return members.length > 0
  }

  #leave(group: ClassicGroup, memberId: string, groupInstanceId: string | null): string | null {
    if (memberId !== '' && group.isPending(memberId)) {
      group.removePending(memberId)
      return null
    }
    try {
      const named = memberId === '' && groupInstanceId !== null ? group.staticMemberId(groupInstanceId) : memberId
      this.#rebalances.dismiss(group, group.checkMember(named ?? '', groupInstanceId))
      return null
    } catch (error) {
      if (error instanceof ClusterError) return error.code
      throw error
    }
  }

  #existing(groupId: string): ClassicGroup {
    const group = this.find(groupId)
    if (!group) throw new ClusterError('UNKNOWN_MEMBER_ID', `there is no group ${groupId}`)
    return group
  }

  #add(group: ClassicGroup): ClassicGroup {
    const home = this.#cluster.groupState.partitionOf(group.groupId)
    this.#groups.set(group.groupId, group)
    this.#homes.set(group.groupId, home)
    this.#watch(home)
    return group
  }

  #store(group: ClassicGroup): void {
    const record = groupRecord(group)
    this.#cluster.groupState.append(group.groupId, [record])
    this.#written.set(group.groupId, record.value)
  }

  /** Writes the group; Kafka's error where the log cannot take it, else null. */
  #refusalToStore(group: ClassicGroup): string | null {
    try {
      this.#store(group)
      return null
    } catch (error) {
      return refusedWith(error)
    }
  }

  #forget(group: ClassicGroup): void {
    const { groupId } = group
    if (this.#written.has(groupId)) this.#cluster.groupState.append(groupId, [groupTombstone(groupId)])
    this.#written.delete(groupId)
    this.#rebalances.end(group, 'UNKNOWN_MEMBER_ID')
    this.#groups.delete(groupId)
    this.#homes.delete(groupId)
  }

  #restore(groupId: string, value: Buffer): void {
    const group = this.#add(groupFrom(groupId, value, () => this.#cluster.clock.wallTime()))
    for (const member of group.members()) this.#rebalances.keepAlive(group, member)
  }

  /** Groups move with the leader of their partition: the old one forgets them, the new one reads what was written. */
  #watch(partition: Partition): void {
    if (this.#watched.has(partition)) return
    this.#watched.add(partition)
    let { leader } = partition
    partition.onChange(() => {
      if (partition.leader === leader) return
      leader = partition.leader
      this.#moved(partition)
    })
  }

  #moved(partition: Partition): void {
    const isGone = this.#cluster.topic(partition.topic)?.partitions[partition.index] !== partition
    const ours = [...this.#homes].filter(([, home]) => home === partition).map(([groupId]) => groupId)
    for (const groupId of ours) {
      const group = this.#groups.get(groupId)
      if (group) this.#rebalances.end(group, 'NOT_COORDINATOR')
      this.#groups.delete(groupId)
      if (isGone) this.#written.delete(groupId)
      const written = this.#written.get(groupId)
      if (written && partition.leader !== -1) this.#restore(groupId, written)
    }
    // Somebody has deleted `__consumer_offsets`, and all that was committed with it.
    if (isGone) this.offsets.clear()
  }

  #checkRetention(): void {
    const now = this.#cluster.clock.wallTime()
    if (now - this.#retentionCheckedAt < retentionCheckIntervalMs) return
    this.#retentionCheckedAt = now
    for (const group of this.list())
      try {
        if (dropExpired(group, this.offsets, now) && group.is('Empty') && group.pendingJoins === 0) this.#forget(group)
      } catch (error) {
        // The disk has failed: the next check comes by.
        refusedWith(error)
      }
  }

  #newUuid(): string {
    const { repeatable, random } = this.#cluster.settings
    if (!repeatable) return randomUUID()
    const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('')
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }
}

/** Older versions do not name a protocol, and a group that was only loaded may not know one. */
const differ = (asked: string | null, agreed: string | null) => asked !== null && agreed !== null && asked !== agreed

const notFound = (groupId: string) => new ClusterError('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`)

const illegalGeneration = ({ generationId }: ClassicGroup) =>
  new ClusterError('ILLEGAL_GENERATION', `the group is in generation ${generationId}`)
