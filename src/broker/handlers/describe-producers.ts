import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { once } from './repeats.ts'

/** Any replica answers. Source: KafkaApis.handleDescribeProducersRequest, UnifiedLog.activeProducers. */
export const describeProducersHandler = handler('DescribeProducers', apis.describeProducers, {
  handle: call => ({
    topics: once(call.body.topics, ({ name }) => name).map(({ name, partitionIndexes }) => ({
      name,
      partitions: once(partitionIndexes).map(index => describe(call, name, index)),
    })),
  }),
})

function describe(call: Call<unknown>, topic: string, partitionIndex: number) {
  const fail = (errorCode: number, errorMessage: string | null = null) => ({
    ...{ partitionIndex, errorCode, errorMessage, activeProducers: [] },
  })
  const injected = anyInjectedError(call, topic, partitionIndex)
  if (injected) return fail(injected.code, injected.message)
  const partition = call.cluster.topic(topic)?.partitions[partitionIndex]
  if (!partition) return fail(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
  if (!partition.replicas.includes(call.brokerId)) return fail(errorNumber('NOT_LEADER_OR_FOLLOWER'))
  const activeProducers = partition.producers.snapshot().map(known => ({
    producerId: known.producerId,
    producerEpoch: known.producerEpoch,
    lastSequence: known.batches.at(-1)?.lastSequence ?? -1,
    lastTimestamp: BigInt(known.lastTimestamp),
    coordinatorEpoch: known.coordinatorEpoch,
    currentTxnStartOffset: known.transactionFirstOffset,
  }))
  return { partitionIndex, errorCode: 0, errorMessage: null, activeProducers }
}
