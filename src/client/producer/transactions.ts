import type { RecordMetadata } from '../record/record-metadata.ts'
import type { AnyTopic, Future, Producer, RecordOf, SendCallback, SendOptions, WaitOptions } from './types.ts'

/** How far a consumer has come in one partition. */
export interface ConsumedOffset {
  readonly topic: string
  readonly partition: number
  /** Of the next record to be read: the last one that was read, plus one. Consumers give it as a bigint, a number or a string. */
  readonly offset: bigint | number | string
  /** −1 where the consumer does not know it, which is the default. */
  readonly leaderEpoch?: number | undefined
  /** Any text, kept beside the offset. */
  readonly metadata?: string | null | undefined
}

/** Which consumer group, and which member of it in which generation: members that have been replaced are refused (KIP-447). */
export interface ConsumerGroupMetadata {
  readonly groupId: string
  /** Default: −1, which is not checked. */
  readonly generationId?: number | undefined
  /** Default: '', which is not checked. */
  readonly memberId?: string | undefined
  readonly groupInstanceId?: string | null | undefined
}

/** What the function of `transaction(…)` is given: everything done by it belongs to that transaction. */
export interface Transaction<Topics = AnyTopic> {
  send(record: RecordOf<Topics>, callback: SendCallback): void
  send(record: RecordOf<Topics>, options: SendOptions, callback: SendCallback): void
  send(record: RecordOf<Topics>, options?: SendOptions): Future<RecordMetadata>
  sendAll(records: Iterable<RecordOf<Topics>>, options?: SendOptions): Future<RecordMetadata[]>
  /** Commits a consumer's offsets with the transaction. */
  sendOffsets(offsets: Iterable<ConsumedOffset>, group: ConsumerGroupMetadata): Future<void>
}

/** A producer whose records are seen all together or not at all. Java's names. */
export interface TransactionalProducer<Topics = AnyTopic> extends Producer<Topics> {
  /** Once, before the first transaction: ends what an earlier producer of this transactional id left open, and fences it. */
  initTransactions(options?: WaitOptions): Future<void>
  /** @throws KafkaError `INVALID_TXN_STATE` before `initTransactions`, and in a transaction; what is fatal, once it has happened */
  beginTransaction(): void
  sendOffsetsToTransaction(offsets: Iterable<ConsumedOffset>, group: ConsumerGroupMetadata): Future<void>
  /** Flushes, and commits. Refused where a record of the transaction has failed. */
  commitTransaction(options?: WaitOptions): Future<void>
  abortTransaction(options?: WaitOptions): Future<void>
  /** Begins, runs `work`, and commits when it returns; aborts when it throws, at `timeoutMs` and by the signal. Gives what `work` returned. */
  transaction<R>(work: (transaction: Transaction<Topics>) => R | PromiseLike<R>, options?: WaitOptions): Promise<R>
}
