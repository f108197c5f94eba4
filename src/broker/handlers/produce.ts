import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body, type Draft } from '../../wire/protocol/index.ts'
import { attributesAt, batchHeaderSize, transactionalBit } from '../../wire/protocol/records/batch-layout.ts'
import { readBatchHeader } from '../../wire/protocol/records/record-batch.ts'
import { type Call, disconnect, handler, injectedError, type NoAnswer, silence, throttled, topicOf } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { appendRecords, type Refusal } from '../log/append.ts'
import { type Appended, whenReplicated } from '../replication-wait.ts'
import type { ProducedBatch, Target } from '../request-log.ts'
import type { Partition, Topic } from '../topic.ts'
import { admit, type Entry, type Protocol } from '../transactions/admission.ts'

type Request = Body<typeof apis.produce.request>
type Answer = Draft<typeof apis.produce.response>
type PartitionAnswer = Answer['responses'][number]['partitionResponses'][number]
type Given = Request['topicData'][number]

const notLeader = errorNumber('NOT_LEADER_OR_FOLLOWER')

/** Source: KafkaApis.handleProduceRequest, ReplicaManager.appendRecords. */
export const produceHandler = handler('Produce', apis.produce, {
  targets: (body, cluster) => body.topicData.flatMap(given => targetsOf(cluster, given)),
  batches: (body, cluster) => body.topicData.flatMap(given => batchesOf(cluster, given)),
  summary: ({ transactionalId, acks, timeoutMs }) => ({ transactionalId, acks, timeoutMs }),
  handle(call) {
    const entries = transactionalEntries(call)
    if (entries.length === 0) return produceAll(call, noErrors)
    const { body, version } = call
    // Source: KafkaApis.handleProduceRequest.
    if (body.transactionalId === null) return refuseAll(call, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
    const admitted = admit(call, entries, protocolOf(version))
    if (admitted instanceof Promise) return admitted.then(errors => produceAll(call, errors))
    return produceAll(call, admitted)
  },
})

const noErrors: ReadonlyMap<Partition, string> = new Map()

/** Source: AddPartitionsToTxnManager.produceRequestVersionToTransactionSupportedOperation. */
const protocolOf = (version: number): Protocol => (version > 11 ? 'add' : version > 10 ? 'verify' : 'verify-old')

function produceAll(
  call: Call<Request>,
  notAdmitted: ReadonlyMap<Partition, string>,
): Answer | NoAnswer | Promise<Answer> {
  const { body, cluster } = call
  const unreplicated: Appended[] = []
  let failed = false
  const responses = body.topicData.map(given => {
    const topic = findTopic(cluster, given)
    return {
      name: given.name,
      topicId: given.topicId,
      partitionResponses: given.partitionData.map(({ index, records }) => {
        const answer = produceTo(call, given, topic, index, records, notAdmitted, unreplicated)
        failed ||= answer.errorCode !== 0
        return answer
      }),
    }
  })
  if (body.acks === 0) {
    useQuota(call)
    return failed ? disconnect : silence
  }
  if (unreplicated.length === 0) return answered(call, responses)
  return whenReplicated(call, unreplicated, body.timeoutMs).then(() => answered(call, responses))
}

function answered(call: Call<Request>, responses: Answer['responses']): Answer {
  const { cluster, version } = call
  const leaders = new Set<number>()
  for (const { partitionResponses } of version >= 10 ? responses : [])
    for (const { errorCode, currentLeader } of partitionResponses)
      if (errorCode === notLeader) leaders.add(currentLeader?.leaderId ?? -1)
  return { responses, ...useQuota(call), ...(leaders.size > 0 && { nodeEndpoints: endpoints(cluster, leaders) }) }
}

/** What the request took of its client's quota counts when it is answered. Source: KafkaApis.handleProduceRequest. */
const useQuota = (call: Call<Request>) =>
  throttled(call, call.cluster.throttling.useBytes('producer_byte_rate', call, call.sizeInBytes))

function refuseAll({ body }: Call<Request>, error: string): Answer | NoAnswer {
  if (body.acks === 0) return disconnect
  const responses = body.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) => failure(index, errorNumber(error), null)),
  }))
  return { responses }
}

/** The partitions that a transaction writes to, where this broker leads them and a fault leaves them alone. */
function transactionalEntries(call: Call<Request>): Entry[] {
  const { body, cluster, brokerId } = call
  const transactionalId = body.transactionalId ?? ''
  return body.topicData.flatMap(given => {
    const topic = findTopic(cluster, given)
    return given.partitionData.flatMap(({ index, records }) => {
      const bytes = asBuffer(records)
      const partition = topic?.partitions[index]
      if (!partition || bytes.length < batchHeaderSize) return []
      // Every batch that is produced comes by here: the bit alone tells most of them.
      if ((bytes.readInt16BE(attributesAt) & transactionalBit) === 0 || partition.leader !== brokerId) return []
      if (injectedError(call, 'before', topic?.name, index)) return []
      const { producerId, producerEpoch } = readBatchHeader(bytes, 0)
      return [{ transactionalId, producerId, producerEpoch, partition }]
    })
  })
}

function produceTo(
  call: Call<Request>,
  given: Given,
  topic: Topic | undefined,
  index: number,
  records: Uint8Array | null,
  notAdmitted: ReadonlyMap<Partition, string>,
  unreplicated: Appended[],
): PartitionAnswer {
  const { body, cluster, version } = call
  const name = topic?.name ?? given.name
  const partition = topic?.partitions[index]
  const injected = injectedError(call, 'before', name, index)
  if (injected) return failure(index, injected.code, injected.message, partition)
  if (body.acks < -1 || body.acks > 1) return failure(index, errorNumber('INVALID_REQUIRED_ACKS'), null)
  if (!topic && version >= 13) return failure(index, errorNumber('UNKNOWN_TOPIC_ID'), null)
  if (!topic || !partition) return failure(index, errorNumber('UNKNOWN_TOPIC_OR_PARTITION'), null)
  // Only the coordinators write there. Source: ReplicaManager.appendToLocalLog.
  if (topic.isInternal)
    return failure(index, errorNumber('INVALID_TOPIC_EXCEPTION'), `${name} is an internal topic`, partition)
  if (partition.leader !== call.brokerId) return failure(index, notLeader, null, partition)
  if (body.acks === -1 && cluster.replication.isUnderMinIsr(topic, partition))
    return failure(
      index,
      errorNumber('NOT_ENOUGH_REPLICAS'),
      `${partition.isr.length} in-sync replicas of ${name}-${index}, but min.insync.replicas is ${topic.settings.minInsyncReplicas}`,
    )
  const refusal = notAdmitted.get(partition)
  if (refusal) return failure(index, errorNumber(admissionError(refusal, version)), admissionMessage(refusal))
  const outcome = appendRecords(partition, topic.settings, asBuffer(records), {
    produceVersion: version,
    wallTime: cluster.clock.wallTime(),
  })
  if ('refusal' in outcome) return refused(index, outcome.refusal)
  if (!outcome.duplicate) partition.changed()
  const afterwards = injectedError(call, 'after', name, index)
  if (afterwards) return failure(index, afterwards.code, afterwards.message, partition)
  const { baseOffset, lastOffset, logAppendTimeMs } = outcome
  const answer = { index, errorCode: 0, baseOffset, logAppendTimeMs, logStartOffset: partition.log.startOffset }
  // Of a duplicate too: that it is there does not yet mean that it stays.
  if (body.acks === -1 && lastOffset >= partition.log.highWatermark)
    unreplicated.push({
      partition,
      lastOffset,
      done(error) {
        if (error)
          Object.assign(answer, { errorCode: errorNumber(error), ...leaderHint(errorNumber(error), partition) })
      },
    })
  return answer
}

/** What clients of older versions try again without asking for metadata first. Source: ReplicaManager.handleProduceAppend. */
function admissionError(error: string, version: number): string {
  if (error === 'COORDINATOR_NOT_AVAILABLE' || error === 'NOT_COORDINATOR') return 'NOT_ENOUGH_REPLICAS'
  return error === 'CONCURRENT_TRANSACTIONS' && protocolOf(version) !== 'add' ? 'NOT_ENOUGH_REPLICAS' : error
}

const admissionMessage = (error: string) =>
  error === 'INVALID_TXN_STATE' || error === 'TRANSACTION_ABORTABLE'
    ? 'Partition was not added to the transaction'
    : `Unable to verify the partition has been added to the transaction. Underlying error: ${error}`

function refused(index: number, { error, message, recordErrors = [] }: Refusal): PartitionAnswer {
  return { index, errorCode: errorNumber(error), baseOffset: -1n, errorMessage: message, recordErrors }
}

function failure(
  index: number,
  errorCode: number,
  errorMessage: string | null,
  partition?: Partition,
): PartitionAnswer {
  return { index, errorCode, baseOffset: -1n, errorMessage, ...leaderHint(errorCode, partition) }
}

function leaderHint(errorCode: number, partition?: Partition) {
  if (errorCode !== notLeader || !partition) return {}
  return { currentLeader: { leaderId: partition.leader, leaderEpoch: partition.leaderEpoch } }
}

/** KIP-951: where the leaders named in the answer can be reached. */
export function endpoints(
  cluster: Cluster,
  ids: ReadonlySet<number>,
): { nodeId: number; host: string; port: number; rack: null }[] {
  return cluster.nodes
    .filter(({ id }) => ids.has(id))
    .map(({ id, host, port }) => ({ nodeId: id, host, port, rack: null }))
}

/** Of a name and an id only one is there, by version; names are empty where ids are used. */
function findTopic(cluster: Cluster, given: Given): Topic | undefined {
  return topicOf(cluster, given.name === '', given)
}

function targetsOf(cluster: Cluster, given: Given): Target[] {
  const topic = findTopic(cluster, given)?.name ?? given.name
  return given.partitionData.map(({ index }) => ({ topic, partition: index }))
}

function batchesOf(cluster: Cluster, given: Given): ProducedBatch[] {
  const topic = findTopic(cluster, given)?.name ?? given.name
  return given.partitionData.flatMap(({ index, records }) => {
    const bytes = asBuffer(records)
    if (bytes.length < batchHeaderSize) return []
    const { producerId, producerEpoch, baseSequence, recordCount, attributes, sizeInBytes } = readBatchHeader(bytes, 0)
    const { codec } = attributes
    return [{ topic, partition: index, producerId, producerEpoch, baseSequence, recordCount, codec, sizeInBytes }]
  })
}

/** Decoded bytes are views on the frame, which is a Buffer; the table's type only says Uint8Array. */
function asBuffer(records: Uint8Array | null): Buffer {
  if (records === null) return Buffer.alloc(0)
  return Buffer.isBuffer(records) ? records : Buffer.from(records.buffer, records.byteOffset, records.byteLength)
}
