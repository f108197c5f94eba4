import type { KafkaError } from '../../base/errors/index.ts'
import type { ProducerIdentity } from '../accumulator/partition-queue.ts'

/** Where the producer id and epoch of batches come from: an idempotent producer's own, or its transactions. */
export interface IdentitySource {
  /** undefined: nothing may be stamped now. */
  readonly current: ProducerIdentity | undefined
  /** Why there is none, for messages. */
  readonly lastError: KafkaError | undefined
  /** Asks for one, where that is for records to ask. */
  request(): void
  /** Calls back when there is one, or none is to be had now. */
  prepare(done: () => void): void
  /** The thread is about to be blocked: what is out must be asked again, by other connections. */
  handOver(): void
  /** The thread goes on. */
  takeBack(): void
  /** The sequence of a partition is lost. A newer epoch lets it begin again; a transaction has to be aborted first. */
  bump(): void
  /** Somebody else holds a newer epoch of this id. */
  forget(): void
  close(): void
}
