import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { handler, injectedError } from '../call.ts'
import { errorForVersion } from '../transactions/errors.ts'

/** From this version on the epoch is raised with every end. Source: TransactionVersion.transactionVersionForEndTxn. */
const raisesEpochFrom = 5

/** Answered when the decision is in the log; the markers come later. Source: KafkaApis.handleEndTxnRequest. */
export const endTxnHandler = handler('EndTxn', apis.endTxn, {
  handle(call) {
    const { body, cluster, version } = call
    const before = injectedError(call, 'before')
    if (before) return { errorCode: before.code }
    const { transactionalId, producerId, producerEpoch, committed } = body
    const refusal = transactionalId === '' ? null : cluster.transactionState.refusal(call, transactionalId)
    if (refusal) return { errorCode: errorNumber(refusal) }
    const clientVersion = version >= raisesEpochFrom ? 2 : 0
    const ended = cluster.transactions.end(transactionalId, { producerId, producerEpoch, committed, clientVersion })
    const after = injectedError(call, 'after')
    if (after) return { errorCode: after.code }
    if (ended.error !== null) return { errorCode: errorNumber(errorForVersion('EndTxn', version, ended.error)) }
    return { errorCode: 0, producerId: ended.producerId, producerEpoch: ended.producerEpoch }
  },
})
