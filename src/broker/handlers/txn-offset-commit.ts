import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body, type Draft } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { admit, type Protocol } from '../transactions/admission.ts'
import { errorOf } from './coordinator-check.ts'

type Request = Body<typeof apis.txnOffsetCommit.request>
type Answer = Draft<typeof apis.txnOffsetCommit.response>
type Asked = Request['topics'][number]['partitions'][number]

/** Kafka's `offset.metadata.max.bytes`. */
const maxMetadataLength = 4096

/** Source: AddPartitionsToTxnManager.txnOffsetCommitRequestVersionToTransactionSupportedOperation. */
const protocolOf = (version: number): Protocol => (version > 4 ? 'add' : version > 3 ? 'verify' : 'verify-old')

/** Source: KafkaApis.handleTxnOffsetCommitRequest, GroupCoordinatorService.commitTransactionalOffsets. */
export const txnOffsetCommitHandler = handler('TxnOffsetCommit', apis.txnOffsetCommit, {
  handle(call) {
    const { body, cluster, version } = call
    const { groupId, transactionalId, producerId, producerEpoch } = body
    if (groupId === '') return answer(call, 'INVALID_GROUP_ID')
    const refusal = cluster.groupState.refusal(call, groupId)
    if (refusal) return answer(call, refusal)
    const partition = cluster.groupState.partitionOf(groupId)
    const entry = { transactionalId, producerId, producerEpoch, partition }
    const admitted = admit(call, [entry], protocolOf(version))
    if (admitted instanceof Promise) return admitted.then(errors => commit(call, errors.get(partition) ?? null))
    return commit(call, admitted.get(partition) ?? null)
  },
})

function commit(call: Call<Request>, error: string | null): Answer {
  const { body, cluster } = call
  const { groupId, producerId, producerEpoch, generationId, memberId, groupInstanceId } = body
  if (error) return answer(call, error)
  // A consumer that has lost its partitions may not commit for them (KIP-447).
  const notMember = errorOf(() =>
    cluster.groups.validateTransactional(groupId, generationId, memberId, groupInstanceId),
  )
  if (notMember !== 0) return answerWith(call, notMember)
  if (producerEpoch < cluster.groupState.partitionOf(groupId).producers.epochOf(producerId))
    return answer(call, 'INVALID_PRODUCER_EPOCH')
  const commits = body.topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(asked => partitionError(call, name, asked) === 0)
      .map(asked => ({
        topic: name,
        partition: asked.partitionIndex,
        offset: asked.committedOffset,
        leaderEpoch: asked.committedLeaderEpoch,
        metadata: asked.committedMetadata ?? '',
      })),
  )
  return answerWith(
    call,
    errorOf(() => cluster.groups.offsets.pending(groupId, producerId, commits, producerEpoch)),
  )
}

const answer = (call: Call<Request>, error: string | null): Answer => answerWith(call, error ? errorNumber(error) : 0)

function answerWith(call: Call<Request>, code: number): Answer {
  return {
    topics: call.body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(asked => ({
        partitionIndex: asked.partitionIndex,
        errorCode: partitionError(call, name, asked) || code,
      })),
    })),
  }
}

function partitionError(call: Call<Request>, topic: string, { partitionIndex, committedMetadata }: Asked): number {
  const injected = anyInjectedError(call, topic, partitionIndex)
  if (injected) return injected.code
  if (!call.cluster.topic(topic)?.partitions[partitionIndex]) return errorNumber('UNKNOWN_TOPIC_OR_PARTITION')
  return (committedMetadata ?? '').length > maxMetadataLength ? errorNumber('OFFSET_METADATA_TOO_LARGE') : 0
}
