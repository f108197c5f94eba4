import type { Call } from './call.ts'
import type { Partition } from './topic.ts'

/** What was appended and is to be on every in-sync replica before it is acknowledged. */
export interface Appended {
  readonly partition: Partition
  readonly lastOffset: bigint
  /** Called once, with Kafka's error, or with null when all in-sync replicas have it. Not at all where the connection is gone. */
  readonly done: (error: string | null) => void
}

/**
 * Settles when each of them is on every in-sync replica or will not be, when the time is over, or when nobody waits for the
 * answer any more. Source: DelayedProduce.
 */
export function whenReplicated(call: Call<unknown>, appended: readonly Appended[], timeoutMs: number): Promise<void> {
  return new Promise(resolve => {
    /** How to stop listening to each that is still waited for. */
    const waiting = new Map<Appended, () => void>()
    const finish = () => {
      timer.cancel()
      offGone()
      for (const unwatch of waiting.values()) unwatch()
      waiting.clear()
      resolve()
    }
    const look = (one: Appended) => {
      const outcome = waiting.has(one) ? outcomeOf(call, one) : 'waiting'
      if (outcome === 'waiting') return
      waiting.get(one)!()
      waiting.delete(one)
      one.done(outcome === 'replicated' ? null : outcome)
      if (waiting.size === 0) finish()
    }
    const timer = call.cluster.clock.schedule(() => {
      for (const one of waiting.keys()) one.done('REQUEST_TIMED_OUT')
      finish()
    }, timeoutMs)
    const offGone = call.onGone(finish)
    for (const one of appended)
      waiting.set(
        one,
        one.partition.onChange(() => look(one)),
      )
  })
}

/** Source: Partition.checkEnoughReplicasReachOffset, ReplicaManager.getPartitionOrError. */
function outcomeOf({ cluster, brokerId }: Call<unknown>, { partition, lastOffset }: Appended): string {
  const topic = cluster.topic(partition.topic)
  if (topic?.partitions[partition.index] !== partition) return 'UNKNOWN_TOPIC_OR_PARTITION'
  if (partition.leader !== brokerId) return 'NOT_LEADER_OR_FOLLOWER'
  if (lastOffset >= partition.log.highWatermark) return 'waiting'
  return cluster.replication.isUnderMinIsr(topic, partition) ? 'NOT_ENOUGH_REPLICAS_AFTER_APPEND' : 'replicated'
}
