import type { Timer } from '../../base/time/clock.ts'
import type { Cluster } from '../cluster.ts'
import { ClusterError } from '../cluster-error.ts'
import { groupsTopic } from '../coordinators/internal-topic.ts'
import { appendMarker } from '../log/append.ts'
import type { Partition } from '../topic.ts'
import type { Transaction, TransactionPartition } from './transaction.ts'

/** When it tries again after a disk has failed. Kafka goes on trying as long as the partition has its leader. */
const retryMs = 1_000

interface Writing {
  readonly transaction: Transaction
  /** What the transaction has become when the last marker is written. @throws ClusterError where the log cannot take that. */
  readonly onWritten: () => void
  /** The markers that were written, and may not be on all in-sync replicas yet. */
  readonly markers: Map<Partition, { readonly offset: bigint; readonly leaderEpoch: number }>
  timer: Timer | null
  /** Ends the waiting for leaders and replicas. */
  stopWaiting: () => void
}

/**
 * Writes the markers of transactions that were committed or aborted, after the client has its answer: until then, what it asks
 * next is answered CONCURRENT_TRANSACTIONS. A marker counts when all in-sync replicas have it; one that a new leader lacks is
 * written again. Source: TransactionMarkerChannelManager.
 */
export class MarkerWriter {
  readonly #cluster: Cluster
  readonly #delayMs: number
  readonly #writing = new Set<Writing>()
  #state: 'open' | 'closed' = 'open'

  constructor(cluster: Cluster, delayMs: number) {
    this.#cluster = cluster
    this.#delayMs = delayMs
  }

  /** Writes the markers of a prepared transaction when the delay has passed, and calls `onWritten` after the last. */
  begin(transaction: Transaction, onWritten: () => void): void {
    const writing: Writing = { transaction, onWritten, markers: new Map(), timer: null, stopWaiting: () => {} }
    this.#writing.add(writing)
    const write = () => {
      writing.timer = null
      if (this.#state === 'open' && this.#writing.has(writing)) this.#write(writing)
    }
    if (this.#delayMs > 0) writing.timer = this.#cluster.clock.schedule(write, this.#delayMs, true)
    else this.#cluster.clock.atEndOfTurn(write)
  }

  /** Writes no more. What is prepared stays so in the log, to be completed after the next start. */
  close(): void {
    this.#state = 'closed'
    this.forget()
  }

  /** Writes nothing of what was begun. */
  forget(): void {
    for (const { timer, stopWaiting } of this.#writing) {
      timer?.cancel()
      stopWaiting()
    }
    this.#writing.clear()
  }

  #write(writing: Writing): void {
    // What it waited for may have been told twice.
    if (!this.#writing.has(writing)) return
    const { transaction } = writing
    writing.stopWaiting()
    writing.timer?.cancel()
    writing.timer = null
    transaction.partitions = transaction.partitions.filter(one => !this.#hasMarker(writing, one))
    const { transactionState } = this.#cluster
    const own = transactionState.partitionOf(transaction.id)
    const waitsFor = transaction.partitions.map(one => this.#find(one)!)
    // A partition that has a leader and took no marker: its disk has failed.
    let hasFailed = waitsFor.some(partition => partition.leader !== -1 && !writing.markers.has(partition))
    if (own.leader === -1) waitsFor.push(own)
    if (waitsFor.length === 0) {
      if (this.#finish(writing)) return
      hasFailed = true
    }
    if (hasFailed) this.#tryLater(writing)
    const ends = waitsFor.map(partition => partition.onChange(() => this.#write(writing)))
    writing.stopWaiting = () => {
      for (const end of ends) end()
    }
  }

  /** False: its log could not take the last step. */
  #finish(writing: Writing): boolean {
    try {
      writing.onWritten()
    } catch (error) {
      if (error instanceof ClusterError) return false
      throw error
    }
    this.#writing.delete(writing)
    return true
  }

  #tryLater(writing: Writing): void {
    writing.timer = this.#cluster.clock.schedule(() => this.#write(writing), retryMs, true)
  }

  /** Whether the partition has its marker for good, or needs none: it is gone, or somebody has raised the epoch there. */
  #hasMarker({ transaction, markers }: Writing, one: TransactionPartition): boolean {
    const partition = this.#find(one)
    if (!partition) return true
    if (partition.leader === -1) return false
    const { log, leaderEpoch, epochStartOffset } = partition
    const written = markers.get(partition)
    // A new leader has it if its epoch begins behind it.
    if (written && (written.leaderEpoch === leaderEpoch || written.offset < epochStartOffset))
      return written.offset < log.highWatermark
    const offset = log.endOffset
    const outcome = this.#append(transaction, one, partition)
    if (outcome === 'disk-failed') markers.delete(partition)
    else markers.set(partition, { offset, leaderEpoch })
    return outcome === 'refused' || (outcome === 'written' && offset < log.highWatermark)
  }

  /** Writes a marker. `refused`: the partition takes none. */
  #append(
    transaction: Transaction,
    one: TransactionPartition,
    partition: Partition,
  ): 'written' | 'refused' | 'disk-failed' {
    const { producerId, producerEpoch, clientVersion, state, id } = transaction
    const committed = state === 'PrepareCommit'
    const { leaderEpoch } = this.#cluster.transactionState.partitionOf(id)
    const marker = { producerId, producerEpoch, committed, coordinatorEpoch: leaderEpoch }
    const error = appendMarker(partition, marker, clientVersion, this.#cluster.clock.wallTime())
    if (error === 'KAFKA_STORAGE_ERROR') return 'disk-failed'
    if (error) return 'refused'
    if (one.topic === groupsTopic) this.#cluster.groups.offsets.endTransaction(producerId, committed, one.partition)
    return 'written'
  }

  #find({ topic, partition }: TransactionPartition) {
    return this.#cluster.topic(topic)?.partitions[partition]
  }
}
