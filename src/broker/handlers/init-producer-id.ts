import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { refusedWith } from '../cluster-error.ts'
import { errorForVersion } from '../transactions/errors.ts'
import { noEpoch, noProducerId } from '../transactions/transaction.ts'

/**
 * Source: KafkaApis.handleInitProducerIdRequest, TransactionCoordinator.handleInitProducerId; for idempotence alone any request
 * gets a new id, also one that names an old one.
 */
export const initProducerIdHandler = handler('InitProducerId', apis.initProducerId, {
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, producerEpoch: noEpoch }
    const { producerId, producerEpoch, transactionalId } = call.body
    if ((producerId === noProducerId) !== (producerEpoch === noEpoch)) return failure(call, 'INVALID_REQUEST')
    if (transactionalId !== null) return transactional(call, transactionalId)
    try {
      return { errorCode: 0, producerId: call.cluster.producerIds.next(), producerEpoch: 0 }
    } catch (error) {
      return failure(call, refusedWith(error))
    }
  },
})

function transactional(call: Call<Body<typeof apis.initProducerId.request>>, transactionalId: string) {
  const { body, cluster } = call
  const { producerId, producerEpoch, transactionTimeoutMs } = body
  const refusal = transactionalId === '' ? null : cluster.transactionState.refusal(call, transactionalId)
  if (refusal) return failure(call, refusal)
  const expected = producerId === noProducerId ? null : { producerId, producerEpoch }
  const identity = cluster.transactions.initProducerId(transactionalId, transactionTimeoutMs, expected)
  if (identity.error !== null) return failure(call, identity.error)
  return { errorCode: 0, producerId: identity.producerId, producerEpoch: identity.producerEpoch }
}

const failure = ({ version }: Call<unknown>, error: string) => ({
  errorCode: errorNumber(errorForVersion('InitProducerId', version, error)),
  producerEpoch: noEpoch,
})
