import { decodeRecords, encodeBatch, readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import type { Call } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { ClusterError } from '../cluster-error.ts'
import { decompress } from '../decompress.ts'
import { StorageError } from '../storage/open-files.ts'
import type { Partition, Topic } from '../topic.ts'

/** The topics in which coordinators keep their state. Source: Topic.java, INTERNAL_TOPICS. */
export const groupsTopic = '__consumer_offsets'
export const transactionsTopic = '__transaction_state'

export const isInternalTopic = (name: string): boolean => name === groupsTopic || name === transactionsTopic

/** Kafka has 50; a test starts faster with fewer, and no client counts them. */
const partitionCount = 8

/** One entry of a coordinator's state, in Kafka's own format; a null value is a tombstone. */
export interface StateRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

/** The producer in whose transaction state is written. */
export interface StateWriter {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** A state record as it is replayed. */
export interface StoredState extends StateRecord {
  readonly offset: bigint
  readonly producerId: bigint
  readonly transactional: boolean
  readonly control: boolean
}

/**
 * The compacted topic behind a coordinator: it says who coordinates which key, takes the coordinator's state and gives
 * it back at the next start. It is created when it is first needed, as Kafka does.
 */
export class InternalTopic {
  readonly name: string
  readonly #cluster: Cluster

  constructor(cluster: Cluster, name: typeof groupsTopic | typeof transactionsTopic) {
    this.#cluster = cluster
    this.name = name
  }

  /** The partition that holds the state of a group or transactional id. Source: GroupCoordinatorService.partitionFor. */
  partitionOf(key: string): Partition {
    const { partitions } = this.#topic()
    return partitions[(javaHash(key) & 0x7fffffff) % partitions.length]!
  }

  /** The broker that coordinates `key`: whoever leads its partition; −1 while nobody does. */
  coordinatorOf(key: string): number {
    return this.partitionOf(key).leader
  }

  /** Kafka's error for a broker that is asked about a key and does not coordinate it, or null. */
  refusal(call: Call<unknown>, key: string): 'NOT_COORDINATOR' | 'COORDINATOR_NOT_AVAILABLE' | null {
    const coordinator = this.coordinatorOf(key)
    if (coordinator === -1) return 'COORDINATOR_NOT_AVAILABLE'
    return coordinator === call.brokerId ? null : 'NOT_COORDINATOR'
  }

  /**
   * Writes state that belongs to `key`, as one batch, and gives the offset of the first record. `writer`: within its transaction.
   * Call it before the state in memory changes.
   *
   * @throws ClusterError `NOT_COORDINATOR` where the disk fails, so that the client looks for another coordinator.
   *   Source: TransactionStateManager.appendTransactionToLog, CoordinatorOperationExceptionHelper.
   */
  append(key: string, records: readonly StateRecord[], writer?: StateWriter): bigint {
    const partition = this.partitionOf(key)
    const { log, leaderEpoch } = partition
    const timestamp = this.#cluster.clock.wallTime()
    const baseOffset = log.endOffset
    const stamped = records.map(record => ({ ...record, timestamp }))
    const transaction = writer && { ...writer, transactional: true }
    const bytes = encodeBatch(stamped, { baseOffset, partitionLeaderEpoch: leaderEpoch, ...transaction })
    const lastOffset = baseOffset + BigInt(records.length - 1)
    try {
      log.append({ baseOffset, lastOffset, maxTimestamp: timestamp, leaderEpoch, bytes })
    } catch (error) {
      if (error instanceof StorageError) throw new ClusterError('NOT_COORDINATOR', error.message)
      throw error
    }
    if (writer)
      partition.producers.remember(
        { ...writer, baseSequence: -1, recordCount: records.length, attributes: { transactional: true } },
        baseOffset,
        timestamp,
      )
    partition.changed()
    return baseOffset
  }

  /** Calls `visit` for all that was written, oldest first within a partition. Creates nothing. */
  replay(visit: (state: StoredState, partition: Partition) => void): void {
    for (const partition of this.#cluster.topic(this.name)?.partitions ?? [])
      for (const { bytes } of partition.log.eachBatch()) {
        const { baseOffset, producerId, attributes } = readBatchHeader(bytes, 0)
        const { transactional, control } = attributes
        for (const { key, value, offsetDelta } of decodeRecords(bytes, 0, decompress))
          if (key)
            visit(
              { key, value, offset: baseOffset + BigInt(offsetDelta), producerId, transactional, control },
              partition,
            )
      }
  }

  #topic(): Topic {
    return (
      this.#cluster.topic(this.name) ??
      this.#cluster.createTopic(this.name, {
        partitions: partitionCount,
        config: new Map([
          ['cleanup.policy', 'compact'],
          ['segment.bytes', '104857600'],
        ]),
      })
    )
  }
}

/** Source: java.lang.String.hashCode, over UTF-16 units. */
function javaHash(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0
  return hash
}
