import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'

/** Source: ReplicaManager.deleteRecordsOnLocalLog. */
export const deleteRecordsHandler = handler('DeleteRecords', apis.deleteRecords, {
  handle: call => ({
    topics: call.body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }) => ({
        partitionIndex,
        ...cut(call, name, partitionIndex, offset),
      })),
    })),
  }),
})

function cut(call: Call<unknown>, name: string, index: number, offset: bigint) {
  const fail = (code: string | number) => ({
    lowWatermark: -1n,
    errorCode: typeof code === 'number' ? code : errorNumber(code),
  })
  const injected = anyInjectedError(call, name, index)
  if (injected) return fail(injected.code)
  const topic = call.cluster.topic(name)
  const partition = topic?.partitions[index]
  if (!topic || !partition) return fail('UNKNOWN_TOPIC_OR_PARTITION')
  if (topic.isInternal) return fail('INVALID_TOPIC_EXCEPTION')
  if (partition.leader !== call.brokerId) return fail('NOT_LEADER_OR_FOLLOWER')
  // A topic that is only compacted keeps the last record of every key for good.
  if (!topic.settings.deletes) return fail('POLICY_VIOLATION')
  const { log } = partition
  const before = offset === -1n ? log.highWatermark : offset
  if (before < 0n || before > log.highWatermark) return fail('OFFSET_OUT_OF_RANGE')
  log.deleteRecordsBefore(before)
  return { lowWatermark: log.startOffset, errorCode: 0 }
}
