import type { StateRecord } from '../coordinators/internal-topic.ts'
import { decodeGroupValue, encodeGroupKey, encodeGroupValue } from '../coordinators/records/consumer-offsets.ts'
import { ClassicGroup, metadataOf } from './group.ts'

/** A group as `__consumer_offsets` keeps it. Source: GroupCoordinatorRecordHelpers.newGroupMetadataRecord. */
export function groupRecord(group: ClassicGroup): StateRecord & { readonly value: Buffer } {
  const { groupId, generationId, protocolType, protocolName, leaderId } = group
  const members = group.members().map(member => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeout: member.rebalanceTimeoutMs,
    sessionTimeout: member.sessionTimeoutMs,
    subscription: metadataOf(member, protocolName),
    assignment: member.assignment,
  }))
  const value = encodeGroupValue({
    ...{
      protocolType: protocolType ?? '',
      generation: generationId,
      protocol: protocolName,
      leader: leaderId,
      members,
    },
    currentStateTimestamp: BigInt(group.changedAt ?? -1),
  })
  return { key: encodeGroupKey({ group: groupId }), value }
}

export const groupTombstone = (groupId: string): StateRecord => ({
  key: encodeGroupKey({ group: groupId }),
  value: null,
})

/** The group that was written. Of its members' protocols only the chosen one is kept. Source: GroupMetadataManager.replay. */
export function groupFrom(groupId: string, written: Buffer, wallTime: () => number): ClassicGroup {
  const value = decodeGroupValue(written)
  const { protocolType, generation, protocol, leader, currentStateTimestamp, members } = value
  const group = new ClassicGroup(groupId, wallTime, members.length > 0 ? 'Stable' : 'Empty')
  group.generationId = generation
  group.protocolName = protocol
  for (const member of members)
    group.add(
      {
        ...{ memberId: member.memberId, groupInstanceId: member.groupInstanceId },
        ...{ clientId: member.clientId, clientHost: member.clientHost },
        sessionTimeoutMs: member.sessionTimeout,
        // Before v1 it was the session's.
        rebalanceTimeoutMs: member.rebalanceTimeout === -1 ? member.sessionTimeout : member.rebalanceTimeout,
        protocols: [{ name: protocol ?? '', metadata: Buffer.from(member.subscription) }],
        assignment: Buffer.from(member.assignment),
        ...{ isNew: false, awaitingJoin: null, awaitingSync: null, session: null },
      },
      protocolType,
    )
  group.protocolType = protocolType === '' ? null : protocolType
  group.leaderId = leader
  group.changedAt = currentStateTimestamp === -1n ? null : Number(currentStateTimestamp)
  group.readSubscriptions()
  return group
}
