import { errorNumber } from '../../base/errors/index.ts'
import type { Call } from '../call.ts'
import type { Partition } from '../topic.ts'

/** Whether the broker that was asked leads the partition, in the epoch the client believes in (KIP-320): an error code or 0. */
export function leaderError(call: Call<unknown>, partition: Partition, clientEpoch: number): number {
  if (clientEpoch >= 0 && clientEpoch < partition.leaderEpoch) return errorNumber('FENCED_LEADER_EPOCH')
  if (clientEpoch > partition.leaderEpoch) return errorNumber('UNKNOWN_LEADER_EPOCH')
  return partition.leader === call.brokerId ? 0 : errorNumber('NOT_LEADER_OR_FOLLOWER')
}
