import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'
import { groupsTopic } from '../coordinators/internal-topic.ts'
import { errorForVersion } from '../transactions/errors.ts'

/** Adds the partition that holds the group's offsets. Source: KafkaApis.handleAddOffsetsToTxnRequest. */
export const addOffsetsToTxnHandler = handler('AddOffsetsToTxn', apis.addOffsetsToTxn, {
  handle(call) {
    const { body, cluster, version } = call
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code }
    const { transactionalId, producerId, producerEpoch, groupId } = body
    const refusal = cluster.transactionState.refusal(call, transactionalId)
    if (refusal) return { errorCode: errorNumber(refusal) }
    const offsets = { topic: groupsTopic, partition: cluster.groupState.partitionOf(groupId).index }
    const error = cluster.transactions.addPartitions(transactionalId, producerId, producerEpoch, [offsets], 0)
    return { errorCode: error ? errorNumber(errorForVersion('AddOffsetsToTxn', version, error)) : 0 }
  },
})
