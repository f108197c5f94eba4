/** The states of a classic group, by the names that ListGroups and DescribeGroups give. Source: ClassicGroupState. */
export const groupStates = ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead'] as const
export type GroupState = (typeof groupStates)[number]

/**
 * Where a group may go from each state.
 *
 * Empty: no members, perhaps offsets. PreparingRebalance: waits for members to join. CompletingRebalance: waits for the
 * leader's assignments. Stable: members have them. Dead: deleted, or coordinated by another broker; what still comes is void.
 */
const moves: Record<GroupState, readonly GroupState[]> = {
  Empty: ['PreparingRebalance', 'Dead'],
  PreparingRebalance: ['CompletingRebalance', 'Empty', 'Dead'],
  CompletingRebalance: ['Stable', 'PreparingRebalance', 'Dead'],
  Stable: ['PreparingRebalance', 'Dead'],
  Dead: ['Dead'],
}

export const isLegalMove = (from: GroupState, to: GroupState): boolean => moves[from].includes(to)
