import { errorNumber } from '../../base/errors/index.ts'
import type { Timer } from '../../base/time/clock.ts'
import type { apis, Draft } from '../../wire/protocol/index.ts'

export type JoinAnswer = Draft<typeof apis.joinGroup.response>
export type SyncAnswer = Draft<typeof apis.syncGroup.response>

/** A way to assign partitions that a member supports, with what the leader has to know of the member for it. */
export interface GroupProtocol {
  readonly name: string
  readonly metadata: Buffer
}

/** A member of a classic group. Source: ClassicGroupMember. */
export interface GroupMember {
  readonly memberId: string
  /** Given to a static member by its configuration (KIP-345), else null. */
  readonly groupInstanceId: string | null
  readonly clientId: string
  /** As Java prints an address: `/127.0.0.1`. */
  readonly clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  /** In the order of the member's preference. */
  protocols: readonly GroupProtocol[]
  assignment: Buffer
  /** It has not finished its first rebalance, so its client may not know its member id yet. */
  isNew: boolean
  /** Answers the JoinGroup that waits for the others. */
  awaitingJoin: ((answer: JoinAnswer) => void) | null
  /** Answers the SyncGroup that waits for the leader's. */
  awaitingSync: ((answer: SyncAnswer) => void) | null
  session: Timer | null
}

export const noBytes: Buffer = Buffer.alloc(0)

export function refusedJoin(memberId: string, code: string): JoinAnswer {
  return { errorCode: errorNumber(code), protocolName: null, leader: '', memberId, members: [] }
}

export const refusedSync = (code: string): SyncAnswer => ({ errorCode: errorNumber(code), assignment: noBytes })

/** Answers the JoinGroup that a member waits with. False: it does not wait. */
export function answerJoin(member: GroupMember, answer: JoinAnswer): boolean {
  const { awaitingJoin } = member
  member.awaitingJoin = null
  awaitingJoin?.(answer)
  return awaitingJoin !== null
}

/** Answers the SyncGroup that a member waits with. False: it does not wait. */
export function answerSync(member: GroupMember, answer: SyncAnswer): boolean {
  const { awaitingSync } = member
  member.awaitingSync = null
  awaitingSync?.(answer)
  return awaitingSync !== null
}

/** Whether a member still supports the same protocols with the same metadata. */
export function sameProtocols(a: readonly GroupProtocol[], b: readonly GroupProtocol[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, metadata }, index) => name === b[index]!.name && metadata.equals(b[index]!.metadata))
  )
}
