import type { Timer } from '../../base/time/clock.ts'
import type { Cluster } from '../cluster.ts'
import { refusedWith } from '../cluster-error.ts'
import { type EndRequest, judgeEnd } from './end-transaction.ts'
import { type Expected, judgeInit } from './init-producer.ts'
import { MarkerWriter } from './marker-writer.ts'
import {
  isExhausted,
  nextEpoch,
  noEpoch,
  noProducerId,
  Transaction,
  type TransactionChange,
  type TransactionPartition,
  type TransactionState,
} from './transaction.ts'
import { restore, store } from './transaction-log.ts'

/** Kafka's `transaction.max.timeout.ms`. */
const maxTimeoutMs = 900_000
/** Kafka's `transactional.id.expiration.ms`, and `transaction.remove.expired.transaction.cleanup.interval.ms`. */
const idExpirationMs = 7 * 24 * 3_600_000
const expirationCheckMs = 3_600_000
/** Kafka's `transaction.abort.timed.out.transaction.cleanup.interval.ms`: when it tries again where the disk has failed. */
const retryMs = 10_000

/** A producer id and its epoch, or the error. */
export type ProducerIdentity =
  | { readonly error: null; readonly producerId: bigint; readonly producerEpoch: number }
  | { readonly error: string }

/**
 * The transactions of the cluster: who may go on under a transactional id, which partitions belong to its transaction, and
 * how that ends. One object for all brokers; whoever leads the id's partition of `__transaction_state` answers for it.
 * Every step is written there before it is answered. Source: TransactionCoordinator.
 */
export class TransactionCoordinator {
  readonly #cluster: Cluster
  readonly #markers: MarkerWriter
  #transactions = new Map<string, Transaction>()
  readonly #timers = new Map<string, Timer>()
  /** Transactions whose time is over, and whose state nobody leads: ends their waiting. */
  readonly #waiting = new Set<() => void>()
  #expirationCheck: Timer | null = null

  constructor(cluster: Cluster, markerDelayMs: number) {
    this.#cluster = cluster
    this.#markers = new MarkerWriter(cluster, markerDelayMs)
  }

  /** Reads `__transaction_state` and goes on with what it finds: prepared transactions are completed, time-outs run on. */
  load(): void {
    this.forget()
    this.#checkExpirationLater()
    this.#transactions = restore(this.#cluster.transactionState)
    for (const transaction of this.#transactions.values()) {
      this.#cluster.producerIds.skip(transaction.producerId)
      this.#cluster.producerIds.skip(transaction.nextProducerId)
      if (transaction.isPrepared) this.#writeMarkers(transaction)
      else if (transaction.state === 'Ongoing') this.#watch(transaction)
    }
  }

  close(): void {
    this.#markers.close()
    this.#expirationCheck?.cancel()
    this.#stopWaiting()
  }

  /** Lets go of everything, and of all that was to happen to it: the log it stands in is no longer there, or no longer ours. */
  forget(): void {
    this.#markers.forget()
    this.#transactions.clear()
    this.#stopWaiting()
  }

  #stopWaiting(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    for (const end of this.#waiting) end()
    this.#waiting.clear()
  }

  get(id: string): Transaction | undefined {
    return this.#transactions.get(id)
  }

  all(): Transaction[] {
    return [...this.#transactions.values()]
  }

  /** Gives a producer its id and a new epoch, and aborts what an older one of this id has left. Source: handleInitProducerId. */
  initProducerId(id: string, timeoutMs: number, expected: Expected | null): ProducerIdentity {
    if (id === '') return { error: 'INVALID_REQUEST' }
    if (timeoutMs <= 0 || timeoutMs > maxTimeoutMs) return { error: 'INVALID_TRANSACTION_TIMEOUT' }
    try {
      return this.#init(this.#transactions.get(id) ?? this.#create(id, timeoutMs), timeoutMs, expected)
    } catch (error) {
      return { error: refusedWith(error) }
    }
  }

  #init(transaction: Transaction, timeoutMs: number, expected: Expected | null): ProducerIdentity {
    const judged = judgeInit(transaction, expected)
    if (judged.kind === 'refuse') return { error: judged.error }
    if (judged.kind === 'fence') {
      this.#fence(transaction)
      return { error: 'CONCURRENT_TRANSACTIONS' }
    }
    const identity = judged.rotate ? { producerId: this.#cluster.producerIds.next() } : {}
    const { producerEpoch, lastProducerEpoch } = judged
    const emptied = { partitions: [], startedAt: -1, nextProducerId: noProducerId, timeoutMs }
    this.#move(transaction, 'Empty', { ...identity, ...emptied, producerEpoch, lastProducerEpoch })
    this.#transactions.set(transaction.id, transaction)
    return { error: null, producerId: transaction.producerId, producerEpoch }
  }

  /** Adds partitions to the transaction, which begins with the first. Source: handleAddPartitionsToTransaction. */
  addPartitions(
    id: string,
    producerId: bigint,
    producerEpoch: number,
    partitions: readonly TransactionPartition[],
    clientVersion: number,
  ): string | null {
    const found = this.#find(id, producerId, producerEpoch)
    if (typeof found === 'string') return found
    const added = partitions.filter(one => !found.has(one))
    if (found.state === 'Ongoing' && added.length === 0) return null
    const startedAt = found.state === 'Ongoing' ? found.startedAt : this.#cluster.clock.wallTime()
    const begun = found.state !== 'Ongoing'
    try {
      this.#move(found, 'Ongoing', { partitions: [...found.partitions, ...added], startedAt, clientVersion })
    } catch (error) {
      return refusedWith(error)
    }
    if (begun) this.#watch(found)
    return null
  }

  /** Whether a partition is in the transaction: an error or null (KIP-890). Source: handleVerifyPartitionsInTransaction. */
  verify(id: string, producerId: bigint, producerEpoch: number, partition: TransactionPartition): string | null {
    const found = this.#find(id, producerId, producerEpoch)
    if (typeof found === 'string') return found
    return found.has(partition) ? null : 'TRANSACTION_ABORTABLE'
  }

  /** Commits or aborts. Answered before the markers are written. Source: handleEndTransaction. */
  end(id: string, request: EndRequest): ProducerIdentity {
    if (id === '') return { error: 'INVALID_REQUEST' }
    const transaction = this.#transactions.get(id)
    if (!transaction) return { error: 'INVALID_PRODUCER_ID_MAPPING' }
    const judged = judgeEnd(transaction, request)
    if (judged.kind === 'refuse') return { error: judged.error }
    try {
      if (judged.kind === 'prepare') this.#prepare(transaction, request.committed, request.clientVersion)
    } catch (error) {
      return { error: refusedWith(error) }
    }
    const { producerId, producerEpoch, nextProducerId } = transaction
    if (transaction.isPrepared && nextProducerId !== noProducerId)
      return { error: null, producerId: nextProducerId, producerEpoch: 0 }
    return { error: null, producerId, producerEpoch }
  }

  /**
   * What time does: a transaction under way is aborted with a raised epoch (`transaction.timeout.ms`), an id without one is
   * forgotten (`transactional.id.expiration.ms`). False where neither can be: its markers are being written.
   *
   * @throws ClusterError where the log cannot take it; then nothing has happened.
   */
  expire(id: string): boolean {
    const transaction = this.#transactions.get(id)
    if (!transaction || transaction.isPrepared) return false
    if (transaction.state === 'Ongoing') this.#fence(transaction)
    else {
      this.#move(transaction, 'Dead', { partitions: [] })
      this.#transactions.delete(id)
    }
    return true
  }

  /** It is known when its first step is written. */
  #create(id: string, timeoutMs: number): Transaction {
    const { clock } = this.#cluster
    return new Transaction(id, this.#cluster.producerIds.next(), timeoutMs, clock.wallTime())
  }

  #checkExpirationLater(): void {
    this.#expirationCheck?.cancel()
    this.#expirationCheck = this.#cluster.clock.schedule(
      () => {
        this.#expireIds()
        this.#checkExpirationLater()
      },
      expirationCheckMs,
      true,
    )
  }

  /** Forgets ids that nobody has used for so long, where somebody leads their state. Source: TransactionStateManager.removeExpiredTransactionalIds. */
  #expireIds(): void {
    const { clock, transactionState } = this.#cluster
    const before = clock.wallTime() - idExpirationMs
    for (const { id, state, isPrepared, updatedAt } of this.all()) {
      if (state === 'Ongoing' || isPrepared || updatedAt > before || transactionState.coordinatorOf(id) === -1) continue
      this.#tried(() => this.expire(id))
    }
  }

  /** Whether a step that nobody asked for could be written. If not, the next check comes by. */
  #tried(step: () => void): boolean {
    try {
      step()
      return true
    } catch (error) {
      refusedWith(error)
      return false
    }
  }

  /** The transaction that a producer may add to now, or the error. */
  #find(id: string, producerId: bigint, producerEpoch: number): Transaction | string {
    if (id === '') return 'INVALID_REQUEST'
    const found = this.#transactions.get(id)
    if (!found || found.producerId !== producerId) return 'INVALID_PRODUCER_ID_MAPPING'
    if (found.producerEpoch !== producerEpoch) return 'PRODUCER_FENCED'
    return found.isPrepared ? 'CONCURRENT_TRANSACTIONS' : found
  }

  /** Aborts under a raised epoch, which nobody is told. */
  #fence(transaction: Transaction): void {
    const { features, clock } = this.#cluster
    const { transactionVersion } = features
    // From version 2 on aborting raises the epoch itself (KAFKA-19367).
    const raised = { producerEpoch: nextEpoch(transaction.producerEpoch), lastProducerEpoch: noEpoch }
    const change = transactionVersion < 2 ? raised : {}
    const fenced = transaction.after('PrepareEpochFence', change, clock.wallTime())
    this.#prepare(transaction, false, transactionVersion, fenced)
  }

  /** @param from - the fenced one, where that is why; it stands in no log. */
  #prepare(transaction: Transaction, committed: boolean, clientVersion: number, from: Transaction = transaction): void {
    const { producerEpoch, startedAt } = from
    const raised = clientVersion >= 2
    // Exhausted: the next transaction has another id. A fenced producer asks for one by itself.
    const rotate = raised && from === transaction && isExhausted(producerEpoch)
    const change: TransactionChange = {
      ...(raised && { producerEpoch: nextEpoch(producerEpoch), lastProducerEpoch: producerEpoch }),
      nextProducerId: rotate ? this.#cluster.producerIds.next() : noProducerId,
      startedAt: startedAt === -1 ? this.#cluster.clock.wallTime() : startedAt,
      clientVersion,
    }
    this.#move(transaction, committed ? 'PrepareCommit' : 'PrepareAbort', change, from)
    this.#timers.get(transaction.id)?.cancel()
    this.#timers.delete(transaction.id)
    this.#writeMarkers(transaction)
  }

  #writeMarkers(transaction: Transaction): void {
    this.#markers.begin(transaction, () => {
      const { nextProducerId, state } = transaction
      const rotated = nextProducerId === noProducerId ? {} : { producerId: nextProducerId, producerEpoch: 0 }
      this.#move(transaction, state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort', {
        ...{ ...rotated, nextProducerId: noProducerId, partitions: [] },
      })
    })
  }

  /** Writes the next step, and takes it. */
  #move(transaction: Transaction, state: TransactionState, change: TransactionChange, from = transaction): void {
    const { transactionState, features, clock } = this.#cluster
    const next = from.after(state, change, clock.wallTime())
    store(transactionState, next, features.transactionVersion)
    transaction.become(next)
  }

  /** Aborts the transaction when its time is over. Kafka looks every ten seconds; here each has a timer. */
  #watch(transaction: Transaction, atLeastMs = 0): void {
    const { clock, transactionState } = this.#cluster
    const leftMs = transaction.startedAt + transaction.timeoutMs - clock.wallTime()
    const timer = clock.schedule(
      () => {
        this.#timers.delete(transaction.id)
        if (transaction.state !== 'Ongoing') return
        if (clock.wallTime() < transaction.startedAt + transaction.timeoutMs) return this.#watch(transaction)
        const own = transactionState.partitionOf(transaction.id)
        if (own.leader !== -1) {
          if (!this.#tried(() => this.#fence(transaction))) this.#watch(transaction, retryMs)
          return
        }
        const end = own.onChange(() => {
          end()
          this.#waiting.delete(end)
          if (transaction.state === 'Ongoing') this.#watch(transaction)
        })
        this.#waiting.add(end)
      },
      Math.max(atLeastMs, leftMs),
      true,
    )
    this.#timers.set(transaction.id, timer)
  }
}
