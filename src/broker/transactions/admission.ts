import type { Call } from '../call.ts'
import type { Partition } from '../topic.ts'

/** A batch, or offsets, that want to go into a partition within a transaction. */
export interface Entry {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly partition: Partition
}

/** How a request stands to KIP-890, by its version. Source: TransactionSupportedOperation. */
export type Protocol =
  /** TRANSACTION_ABORTABLE is not known to the client: it gets INVALID_TXN_STATE. */
  | 'verify-old'
  | 'verify'
  /** The request itself adds the partition to the transaction. */
  | 'add'

/** Kafka's `add.partitions.to.txn.retry.backoff.ms`, and its `.max.ms`. */
const retryEveryMs = 20
const retryForMs = 100

/**
 * Whether partitions may be written to within the transaction: errors by partition. Where the coordinator is about to end the
 * transaction before, and the request adds the partition itself, this waits a while for it. Source: AddPartitionsToTxnManager.
 */
export function admit(
  call: Call<unknown>,
  entries: readonly Entry[],
  protocol: Protocol,
): ReadonlyMap<Partition, string> | Promise<ReadonlyMap<Partition, string>> {
  const errors = admitNow(call, entries, protocol)
  if (protocol !== 'add' || ![...errors.values()].includes('CONCURRENT_TRANSACTIONS')) return errors
  const { clock } = call.cluster
  const until = clock.now() + retryForMs
  return new Promise(resolve => {
    const off = call.onGone(() => {
      timer.cancel()
      resolve(errors)
    })
    const again = () => {
      const now = admitNow(call, entries, protocol)
      if (clock.now() < until && [...now.values()].includes('CONCURRENT_TRANSACTIONS')) {
        timer = clock.schedule(again, retryEveryMs)
        return
      }
      off()
      resolve(now)
    }
    let timer = clock.schedule(again, retryEveryMs)
  })
}

function admitNow(call: Call<unknown>, entries: readonly Entry[], protocol: Protocol): ReadonlyMap<Partition, string> {
  const errors = new Map<Partition, string>()
  for (const entry of entries) {
    const error = errorOf(call, entry, protocol)
    if (error) errors.set(entry.partition, error)
  }
  return errors
}

function errorOf({ cluster }: Call<unknown>, entry: Entry, protocol: Protocol): string | null {
  const { transactionalId, producerId, producerEpoch, partition } = entry
  if (protocol !== 'add' && !cluster.settings.verifiesTransactions) return null
  // What has begun here was admitted before.
  if (partition.producers.hasTransaction(producerId, producerEpoch)) return null
  if (cluster.transactionState.coordinatorOf(transactionalId) === -1) return 'COORDINATOR_NOT_AVAILABLE'
  const one = { topic: partition.topic, partition: partition.index }
  const { transactions } = cluster
  const error =
    protocol === 'add'
      ? transactions.addPartitions(transactionalId, producerId, producerEpoch, [one], 2)
      : transactions.verify(transactionalId, producerId, producerEpoch, one)
  switch (error) {
    // From a partition's leader it means that the transaction can be aborted, not that the producer is at its end (KIP-588).
    case 'PRODUCER_FENCED':
      return 'INVALID_PRODUCER_EPOCH'
    case 'TRANSACTION_ABORTABLE':
      return protocol === 'verify-old' ? 'INVALID_TXN_STATE' : error
    default:
      return error
  }
}
