import { Fifo } from '../../base/fifo.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { Blocker } from '../accumulator/blocker.ts'
import { PartitionQueue } from '../accumulator/partition-queue.ts'
import type { TopicMeter } from '../metrics/meters.ts'
import type { TopicPartitioner, TopicView } from '../partitioners/partitioner.ts'
import type { Sender } from '../sender/sender.ts'
import type { ParkedRecord } from './parked-record.ts'

/** What the producer knows and keeps of one topic. It outlives metadata: sequences must not be forgotten. */
export class TopicState implements TopicView {
  readonly name: string
  readonly partitioner: TopicPartitioner
  /** '' until known; a zero id where the cluster has none. */
  id = ''
  /** One for each partition known; empty until metadata came. */
  readonly queues: PartitionQueue[] = []
  /** Where its records are counted; undefined until metadata came, so that a name that means nothing leaves nothing. */
  meter: TopicMeter | undefined
  availablePartitions: readonly number[] = []
  /** Records that cannot be placed yet, first in, first out. Newcomers go to its end as long as there is one. */
  readonly lobby = new Fifo<ParkedRecord>()
  /** Records for a partition that the topic does not have, at least not yet. They hold nobody else up. */
  misfits = new Fifo<ParkedRecord>()
  readonly #senderOf: (leader: number) => Sender | undefined
  readonly #availabilityTimeoutMs: number
  readonly #clock: Clock
  readonly #blocker: Blocker
  readonly #meterOf: () => TopicMeter

  constructor(
    name: string,
    partitioner: TopicPartitioner,
    senderOf: (leader: number) => Sender | undefined,
    availabilityTimeoutMs: number,
    clock: Clock,
    blocker: Blocker,
    meterOf: () => TopicMeter,
  ) {
    this.name = name
    this.partitioner = partitioner
    this.#senderOf = senderOf
    this.#availabilityTimeoutMs = availabilityTimeoutMs
    this.#clock = clock
    this.#blocker = blocker
    this.#meterOf = meterOf
  }

  get partitionCount(): number {
    return this.queues.length
  }

  get isKnown(): boolean {
    return this.queues.length > 0
  }

  /** Makes queues for partitions that are new. */
  growTo(partitions: number): void {
    this.meter ??= this.#meterOf()
    for (let partition = this.queues.length; partition < partitions; partition++)
      this.queues.push(new PartitionQueue(this.name, partition, this.#blocker, this.meter))
  }

  queueLength(partition: number): number {
    return this.queues[partition]!.length
  }

  isLastBatchFull(partition: number): boolean {
    return this.queues[partition]!.openBatch === undefined
  }

  isAvailable(partition: number): boolean {
    if (this.#availabilityTimeoutMs === 0) return true
    const blockedSince = this.#senderOf(this.queues[partition]!.leader)?.blockedSince ?? 0
    return blockedSince === 0 || this.#clock.now() - blockedSince < this.#availabilityTimeoutMs
  }
}
