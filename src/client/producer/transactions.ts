import type { RecordMetadata } from '../record/record-metadata.ts'
import type { AnyTopic, Future, Producer, RecordOf, SendCallback, SendOptions, WaitOptions } from './types.ts'

/** How far a consumer has come in one partition. Source: OffsetAndMetadata.java. */
export interface ConsumedOffset {
  readonly topic: string
  readonly partition: number
  /** Of the next record to be read: the last one that was read, plus one. Consumers give it as a bigint, a number or a string. */
  readonly offset: bigint | number | string
  /** −1 where the consumer does not know it, which is the default. */
  readonly leaderEpoch?: number | undefined
  /** Any text, kept beside the offset. Default: null. */
  readonly metadata?: string | null | undefined
}

/**
 * Which consumer group, and which member of it in which generation: members that have been replaced are refused (KIP-447).
 * Source: ConsumerGroupMetadata.java.
 */
export interface ConsumerGroupMetadata {
  readonly groupId: string
  /** Of a member of a KIP-848 group: its epoch. Default: −1, which is not checked. */
  readonly generationId?: number | undefined
  /** Required with a generation. Default: '', which is not checked. */
  readonly memberId?: string | undefined
  /** Of a static member (KIP-345). Default: null. */
  readonly groupInstanceId?: string | null | undefined
}

/** What the function of `transaction(…)` is given: everything done by it belongs to that transaction, and is refused once that is over. */
export interface Transaction<Topics = AnyTopic> {
  send(record: RecordOf<Topics>, callback: SendCallback): void
  send(record: RecordOf<Topics>, options: SendOptions, callback: SendCallback): void
  /** As `Producer.send`. It need not be awaited: the commit waits for it, and refuses where it has failed. */
  send(record: RecordOf<Topics>, options?: SendOptions): Future<RecordMetadata>
  sendAll(records: Iterable<RecordOf<Topics>>, options?: SendOptions): Future<RecordMetadata[]>
  /** Commits a consumer's offsets with the transaction: see `TransactionalProducer.sendOffsetsToTransaction`. */
  sendOffsets(offsets: Iterable<ConsumedOffset>, group: ConsumerGroupMetadata): Future<void>
}

/**
 * A producer whose records are seen all together or not at all. Java's names. Made by `createProducer` with a `transactionalId`.
 *
 * Every call fails with a `KafkaError` whose flags say what to do: `abortable` (`abortTransaction()`, then begin anew), `fatal`
 * (`close()`), `retriable` (the same call again). Out of turn it is refused with `INVALID_TXN_STATE`, which changes nothing.
 *
 * @source KafkaProducer.java; KIP-98, KIP-360, KIP-447, KIP-588, KIP-890
 */
export interface TransactionalProducer<Topics = AnyTopic> extends Producer<Topics> {
  /**
   * Once, before the first transaction: gets the identity, ends what an earlier producer of this transactional id left open, and fences it.
   *
   * @param options `timeoutMs`: default `maxBlockMs`; it goes on all the same, and may be called again to wait for it
   * @throws BrokerError where the cluster refuses this transactional id (a second call asks again), or its time-out
   */
  initTransactions(options?: WaitOptions): Future<void>
  /**
   * Begins one. Nothing is asked of the cluster: its time-out runs from the first record.
   *
   * @throws KafkaError `INVALID_TXN_STATE` before `initTransactions`, and in a transaction; what is fatal, once it has happened
   */
  beginTransaction(): void
  /**
   * Commits a consumer's offsets with the transaction. It need not be awaited: the commit waits for it.
   *
   * @throws KafkaError `INVALID_OFFSETS` and `INVALID_GROUP_ID` for what no broker could take; BrokerError, `abortable`, where the member is not,
   * or no longer, in its group; UnsupportedVersionError, `fatal`, where a broker before Kafka 2.5 is to check the member
   */
  sendOffsetsToTransaction(offsets: Iterable<ConsumedOffset>, group: ConsumerGroupMetadata): Future<void>
  /**
   * Waits until everything that was sent is acknowledged, then asks the cluster to commit. When it resolves, all callbacks have run.
   *
   * @param options `timeoutMs`: default `maxBlockMs`. Where the cluster was not asked yet by then, nothing is decided, and the transaction is open
   * as before
   * @throws BrokerError `TRANSACTION_ABORTABLE`, which names the record that failed; CommitUnknownError where the answer did not come: only
   * `commitTransaction()` again, or `close()`, is allowed then
   */
  commitTransaction(options?: WaitOptions): Future<void>
  /**
   * Drops what was not sent yet (`TRANSACTION_ABORTED`), waits for what was, and has the cluster abort. The next transaction is clean.
   *
   * @param options `timeoutMs`: default `maxBlockMs`; it goes on all the same, and may be called again to wait for it
   */
  abortTransaction(options?: WaitOptions): Future<void>
  /**
   * Begins, runs `work`, and commits when it returns; aborts when it throws, at `timeoutMs` (default: none) and by the signal. Gives what `work`
   * returned. Calls `initTransactions` before the first one.
   *
   * @throws what `work` throws; what `commitTransaction` throws: of that, `CommitUnknownError` is for the caller to see to
   */
  transaction<R>(work: (transaction: Transaction<Topics>) => R | PromiseLike<R>, options?: WaitOptions): Promise<R>
}
