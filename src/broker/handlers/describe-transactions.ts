import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { byTopic } from '../transactions/transaction-log.ts'
import { once } from './repeats.ts'

/** Source: TransactionCoordinator.handleDescribeTransactions. */
export const describeTransactionsHandler = handler('DescribeTransactions', apis.describeTransactions, {
  handle: call => ({ transactionStates: once(call.body.transactionalIds).map(id => describe(call, id)) }),
})

function describe(call: Call<unknown>, transactionalId: string) {
  const { cluster } = call
  const fail = (errorCode: number) => ({
    ...{ errorCode, transactionalId, transactionState: '', transactionTimeoutMs: 0, transactionStartTimeMs: 0n },
    ...{ producerId: 0n, producerEpoch: 0, topics: [] },
  })
  const injected = anyInjectedError(call)
  if (injected) return fail(injected.code)
  if (transactionalId === '') return fail(errorNumber('INVALID_REQUEST'))
  const refusal = cluster.transactionState.refusal(call, transactionalId)
  if (refusal) return fail(errorNumber(refusal))
  const found = cluster.transactions.get(transactionalId)
  if (!found) return fail(errorNumber('TRANSACTIONAL_ID_NOT_FOUND'))
  return {
    errorCode: 0,
    transactionalId,
    transactionState: found.state,
    transactionTimeoutMs: found.timeoutMs,
    transactionStartTimeMs: BigInt(found.startedAt),
    producerId: found.producerId,
    producerEpoch: found.producerEpoch,
    topics: byTopic(found.partitions).map(({ topic, partitionIds }) => ({ topic, partitions: partitionIds })),
  }
}
