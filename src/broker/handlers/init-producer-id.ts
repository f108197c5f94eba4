import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

/** Source: TransactionCoordinator.handleInitProducerId; for idempotence alone any request gets a new id, also one that names an old one. */
export const initProducerIdHandler = handler('InitProducerId', apis.initProducerId, {
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, producerEpoch: -1 }
    // There is no transaction coordinator yet. This error ends a producer at once; others would have it try again for ever.
    if (call.body.transactionalId !== null) return { errorCode: errorNumber('INVALID_REQUEST'), producerEpoch: -1 }
    return { errorCode: 0, producerId: call.cluster.nextProducerId(), producerEpoch: 0 }
  },
})
