import type { Timer } from '../../base/time/clock.ts'
import type { Cluster } from '../cluster.ts'
import { ClusterError } from '../cluster-error.ts'
import { groupsTopic } from '../coordinators/internal-topic.ts'
import { appendMarker } from '../log/append.ts'
import type { Transaction, TransactionPartition } from './transaction.ts'

/** When it tries again after a disk has failed. Kafka goes on trying as long as the partition has its leader. */
const retryMs = 1_000

interface Writing {
  readonly transaction: Transaction
  /** What the transaction has become when the last marker is written. @throws ClusterError where the log cannot take that. */
  readonly onWritten: () => void
  timer: Timer | null
  /** Ends the waiting for leaders. */
  stopWaiting: () => void
}

/**
 * Writes the markers of transactions that were committed or aborted, after the client has its answer: until then, what it asks
 * next is answered CONCURRENT_TRANSACTIONS. Source: TransactionMarkerChannelManager.
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
    const writing: Writing = { transaction, onWritten, timer: null, stopWaiting: () => {} }
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
    const { transaction } = writing
    writing.stopWaiting()
    writing.timer?.cancel()
    writing.timer = null
    transaction.partitions = transaction.partitions.filter(one => !this.#writeTo(transaction, one))
    const { transactionState } = this.#cluster
    const own = transactionState.partitionOf(transaction.id)
    const missing = transaction.partitions.map(one => this.#find(one)!)
    const leaderless = [own, ...missing].filter(({ leader }) => leader === -1)
    if (missing.length === 0 && leaderless.length === 0 && this.#finish(writing)) return
    // A partition that has a leader and no marker, or a transaction that is complete and not in the log: a disk has failed.
    if (leaderless.length === 0 || missing.some(({ leader }) => leader !== -1)) this.#tryLater(writing)
    const ends = leaderless.map(partition => partition.onChange(() => this.#write(writing)))
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

  /** Whether the partition has its marker, or needs none: it is gone, or somebody has raised the epoch there. */
  #writeTo(transaction: Transaction, one: TransactionPartition): boolean {
    const partition = this.#find(one)
    if (!partition) return true
    if (partition.leader === -1) return false
    const { producerId, producerEpoch, clientVersion, state, id } = transaction
    const committed = state === 'PrepareCommit'
    const { leaderEpoch } = this.#cluster.transactionState.partitionOf(id)
    const marker = { producerId, producerEpoch, committed, coordinatorEpoch: leaderEpoch }
    const error = appendMarker(partition, marker, clientVersion, this.#cluster.clock.wallTime())
    if (error === 'KAFKA_STORAGE_ERROR') return false
    if (!error && one.topic === groupsTopic)
      this.#cluster.groups.offsets.endTransaction(producerId, committed, one.partition)
    return true
  }

  #find({ topic, partition }: TransactionPartition) {
    return this.#cluster.topic(topic)?.partitions[partition]
  }
}
