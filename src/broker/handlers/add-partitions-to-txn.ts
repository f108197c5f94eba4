import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { errorForVersion } from '../transactions/errors.ts'
import type { TransactionPartition } from '../transactions/transaction.ts'

type Request = Body<typeof apis.addPartitionsToTxn.request>
type Given = Request['transactions'][number]

/** Source: KafkaApis.handleAddPartitionsToTxnRequest. */
export const addPartitionsToTxnHandler = handler('AddPartitionsToTxn', apis.addPartitionsToTxn, {
  handle(call) {
    const { body, version } = call
    if (version < 4) return { resultsByTopicV3AndBelow: results(call, ofVersion3(body)) }
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code }
    return {
      resultsByTransaction: body.transactions.map(given => ({
        transactionalId: given.transactionalId,
        topicResults: results(call, given),
      })),
    }
  },
})

const ofVersion3 = (body: Request): Given => ({
  transactionalId: body.v3AndBelowTransactionalId,
  producerId: body.v3AndBelowProducerId,
  producerEpoch: body.v3AndBelowProducerEpoch,
  verifyOnly: false,
  topics: body.v3AndBelowTopics,
})

function results(call: Call<Request>, given: Given) {
  const errors = errorsOf(call, given)
  return given.topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map(partition => ({
      partitionIndex: partition,
      partitionErrorCode: errors({ topic: name, partition }),
    })),
  }))
}

/** The error code of each partition. One that cannot be added keeps the others out too: OPERATION_NOT_ATTEMPTED. */
function errorsOf(call: Call<Request>, given: Given): (one: TransactionPartition) => number {
  const { cluster, version } = call
  const { transactionalId, producerId, producerEpoch, verifyOnly } = given
  const code = (error: string | null) =>
    error ? errorNumber(errorForVersion('AddPartitionsToTxn', version, error)) : 0
  const all = given.topics.flatMap(({ name, partitions }) => partitions.map(partition => ({ topic: name, partition })))
  const refusal = cluster.transactionState.refusal(call, transactionalId)
  if (refusal) return () => code(refusal)
  const isUnknown = ({ topic, partition }: TransactionPartition) => !cluster.topic(topic)?.partitions[partition]
  const own = (one: TransactionPartition) =>
    anyInjectedError(call, one.topic, one.partition)?.code ??
    (isUnknown(one) ? errorNumber('UNKNOWN_TOPIC_OR_PARTITION') : 0)
  if (all.some(one => own(one) !== 0)) return one => own(one) || errorNumber('OPERATION_NOT_ATTEMPTED')
  if (verifyOnly) return one => code(cluster.transactions.verify(transactionalId, producerId, producerEpoch, one))
  const error = cluster.transactions.addPartitions(transactionalId, producerId, producerEpoch, all, 0)
  return () => code(error)
}
