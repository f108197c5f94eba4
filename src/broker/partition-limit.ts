import { ClusterError } from './cluster-error.ts'
import type { Topic } from './topic.ts'

/** For all topics together. Kafka has no such limit; here it keeps what they take below some 200 MiB. */
const mostPartitions = 100_000

/** Kafka's `ReplicationControlManager.MAX_PARTITIONS_PER_BATCH`: more than these are not created by one request. */
export const mostPartitionsPerRequest = 10_000

/** @throws ClusterError POLICY_VIOLATION where there would be too many partitions with `more` of them. */
export function checkRoomForPartitions(topics: Iterable<Topic>, more: number): void {
  let count = more
  for (const { partitions } of topics) count += partitions.length
  if (count > mostPartitions)
    throw new ClusterError(
      'POLICY_VIOLATION',
      `There would be ${count} partitions, but at most ${mostPartitions} may be.`,
    )
}
