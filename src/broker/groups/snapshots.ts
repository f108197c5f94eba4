import { assignedPartitions } from './consumer-protocol.ts'
import type { GroupCoordinator } from './coordinator.ts'
import type { GroupState } from './states.ts'

/** A member of a consumer group, as the broker sees it. */
export interface GroupMemberSnapshot {
  readonly memberId: string
  /** Null: not a static member. */
  readonly groupInstanceId: string | null
  readonly clientId: string
  /** Null: its assignment is not in the form of consumers. */
  readonly assigned: readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null
}

/** A consumer group as it is now. */
export interface GroupSnapshot {
  readonly groupId: string
  readonly state: GroupState
  readonly generationId: number
  /** Null: nobody has been a member yet. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leaderId: string | null
  readonly members: readonly GroupMemberSnapshot[]
  readonly offsets: readonly {
    readonly topic: string
    readonly partition: number
    readonly offset: bigint
    readonly metadata: string
  }[]
}

export function groupSnapshots(coordinator: GroupCoordinator): GroupSnapshot[] {
  const groups = coordinator.list().sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
  return groups.map(group => {
    const { groupId, state, generationId, protocolType, protocolName, leaderId } = group
    return {
      ...{ groupId, state, generationId, protocolType, protocolName, leaderId },
      members: group.members().map(({ memberId, groupInstanceId, clientId, assignment }) => ({
        ...{ memberId, groupInstanceId, clientId, assigned: assignedPartitions(assignment) },
      })),
      offsets: coordinator.offsets
        .of(groupId)
        .map(({ topic, partition, offset, metadata }) => ({ topic, partition, offset, metadata })),
    }
  })
}
