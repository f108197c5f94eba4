import type { Cluster } from '../cluster.ts'
import { refusedWith } from '../cluster-error.ts'
import type { StateRecord, StateWriter, StoredState } from '../coordinators/internal-topic.ts'
import { decodeOffsetValue, encodeOffsetKey, encodeOffsetValue } from '../coordinators/records/consumer-offsets.ts'

/** What a member commits for one partition. */
export interface OffsetCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** −1: not told. */
  readonly leaderEpoch: number
  readonly metadata: string
  /** Milliseconds since 1970 when it expires by itself (OffsetCommit v2 to v4); −1: when the broker's retention says so. */
  readonly expireTimestamp?: bigint
}

export interface CommittedOffset extends Required<OffsetCommit> {
  /** Milliseconds since 1970. */
  readonly commitTimestamp: bigint
}

/** A committed offset, and where it stands in the log: of two, the later one is valid. */
interface Stored extends CommittedOffset {
  readonly recordOffset: bigint
}

type PartitionKey = `${string}\0${number}`
const keyOf = (topic: string, partition: number): PartitionKey => `${topic}\0${partition}`

/** Offsets that wait for the end of one producer's transaction, in one partition of the internal topic. */
interface Pending {
  readonly producerId: bigint
  readonly statePartition: number
  readonly byGroup: Map<string, Map<PartitionKey, Stored>>
}

/**
 * The committed offsets of all groups, and those that transactions have not ended yet. Everything is written to
 * `__consumer_offsets` before it counts. Source: OffsetMetadataManager.
 */
export class GroupOffsets {
  readonly #cluster: Cluster
  readonly #byGroup = new Map<string, Map<PartitionKey, Stored>>()
  readonly #pending = new Map<string, Pending>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Commits offsets of a group, as one batch. @throws ClusterError where they cannot be written. */
  commit(group: string, commits: readonly OffsetCommit[]): void {
    const stored = this.#write(group, commits)
    for (const one of stored) this.#put(group, one)
  }

  /** What is committed, or undefined; what a transaction has not committed yet does not count. */
  get(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#byGroup.get(group)?.get(keyOf(topic, partition))
  }

  /** All that a group has committed, by topic and partition. */
  of(group: string): CommittedOffset[] {
    return [...(this.#byGroup.get(group)?.values() ?? [])].sort(
      (a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0) || a.partition - b.partition,
    )
  }

  has(group: string): boolean {
    return this.#byGroup.has(group) || this.hasPending(group)
  }

  /** The groups that have offsets, committed or pending. */
  groups(): Set<string> {
    const names = new Set(this.#byGroup.keys())
    for (const { byGroup } of this.#pending.values()) for (const group of byGroup.keys()) names.add(group)
    return names
  }

  /** Commits within a transaction (TxnOffsetCommit): they count when the transaction is committed. */
  pending(group: string, producerId: bigint, commits: readonly OffsetCommit[], producerEpoch: number): void {
    const stored = this.#write(group, commits, { producerId, producerEpoch })
    const statePartition = this.#cluster.groupState.partitionOf(group).index
    for (const one of stored) this.#putPending(group, producerId, statePartition, one)
  }

  /** Whether a transaction holds an offset of this partition, or any of the group where no partition is named. */
  hasPending(group: string, topic?: string, partition?: number): boolean {
    for (const { byGroup } of this.#pending.values()) {
      const offsets = byGroup.get(group)
      if (offsets && (topic === undefined || partition === undefined || offsets.has(keyOf(topic, partition))))
        return true
    }
    return false
  }

  /**
   * A transaction has ended: its marker is in the log of `__consumer_offsets`, in the partition named, or in all that hold
   * pending offsets of the producer. Writes nothing.
   */
  endTransaction(producerId: bigint, committed: boolean, statePartition?: number): void {
    for (const [key, pending] of [...this.#pending]) {
      if (pending.producerId !== producerId) continue
      if (statePartition !== undefined && pending.statePartition !== statePartition) continue
      this.#pending.delete(key)
      if (!committed) continue
      for (const [group, offsets] of pending.byGroup)
        for (const one of offsets.values()) {
          const now = this.#byGroup.get(group)?.get(keyOf(one.topic, one.partition))
          // An offset that was committed outside of the transaction, after the one in it, stays.
          if (!now || now.recordOffset < one.recordOffset) this.#put(group, one)
        }
    }
  }

  /** Deletes offsets of a group, pending ones as well. */
  delete(group: string, partitions: readonly { readonly topic: string; readonly partition: number }[]): void {
    const known = partitions.filter(
      ({ topic, partition }) =>
        this.get(group, topic, partition) !== undefined || this.hasPending(group, topic, partition),
    )
    if (known.length === 0) return
    this.#cluster.groupState.append(
      group,
      known.map(({ topic, partition }) => ({ key: encodeOffsetKey({ group, topic, partition }), value: null })),
    )
    for (const { topic, partition } of known) this.#remove(group, topic, partition)
  }

  /** Deletes all offsets of a group. */
  deleteGroup(group: string): void {
    this.delete(group, this.#partitionsOf(group))
  }

  /** Deletes what all groups have committed for a topic. What cannot be written stays, until it expires. */
  deleteTopic(topic: string): void {
    for (const group of this.groups())
      try {
        this.delete(
          group,
          this.#partitionsOf(group).filter(one => one.topic === topic),
        )
      } catch (error) {
        refusedWith(error)
      }
  }

  /** Takes over a record of the log. A null value: deleted. */
  replay(
    key: { readonly group: string; readonly topic: string; readonly partition: number },
    state: StoredState,
    statePartition: number,
  ): void {
    const { group, topic, partition } = key
    if (state.value === null) {
      this.#remove(group, topic, partition)
      return
    }
    const { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp } = decodeOffsetValue(state.value)
    const one: Stored = {
      ...{ topic, partition, offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp },
      recordOffset: state.offset,
    }
    if (state.transactional) this.#putPending(group, state.producerId, statePartition, one)
    else this.#put(group, one)
  }

  /** Forgets everything, before it is read from the log. */
  clear(): void {
    this.#byGroup.clear()
    this.#pending.clear()
  }

  #write(group: string, commits: readonly OffsetCommit[], writer?: StateWriter): Stored[] {
    if (commits.length === 0) return []
    const commitTimestamp = BigInt(this.#cluster.clock.wallTime())
    const stamped = commits.map(commit => ({ expireTimestamp: -1n, ...commit, commitTimestamp }))
    const records: StateRecord[] = stamped.map(({ topic, partition, ...value }) => {
      const topicId = this.#cluster.topic(topic)?.id
      return {
        key: encodeOffsetKey({ group, topic, partition }),
        value: encodeOffsetValue({ ...value, ...(topicId !== undefined && { topicId }) }),
      }
    })
    const baseOffset = this.#cluster.groupState.append(group, records, writer)
    return stamped.map((one, index) => ({ ...one, recordOffset: baseOffset + BigInt(index) }))
  }

  #put(group: string, one: Stored): void {
    entry(this.#byGroup, group, () => new Map<PartitionKey, Stored>()).set(keyOf(one.topic, one.partition), one)
  }

  #putPending(group: string, producerId: bigint, statePartition: number, one: Stored): void {
    const pending = entry(this.#pending, `${producerId}/${statePartition}`, () => ({
      producerId,
      statePartition,
      byGroup: new Map(),
    }))
    entry(pending.byGroup, group, () => new Map<PartitionKey, Stored>()).set(keyOf(one.topic, one.partition), one)
  }

  #remove(group: string, topic: string, partition: number): void {
    const key = keyOf(topic, partition)
    const drop = (offsets: Map<string, Map<PartitionKey, Stored>>) => {
      const own = offsets.get(group)
      if (own?.delete(key) && own.size === 0) offsets.delete(group)
    }
    drop(this.#byGroup)
    for (const { byGroup } of this.#pending.values()) drop(byGroup)
  }

  /** The partitions a group has offsets of, committed or pending. */
  #partitionsOf(group: string): Stored[] {
    const found = new Map(this.#byGroup.get(group))
    for (const { byGroup } of this.#pending.values())
      for (const [key, one] of byGroup.get(group) ?? []) found.set(key, one)
    return [...found.values()]
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
