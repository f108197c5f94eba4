import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { type Call, handler, injectedError } from '../call.ts'
import type { ClassicGroup } from '../groups/group.ts'
import { codeOf, errorOf, groupError } from './coordinator-check.ts'

/** Source: KafkaApis.handleOffsetDeleteRequest, OffsetMetadataManager.deleteOffsets. */
export const offsetDeleteHandler = handler('OffsetDelete', apis.offsetDelete, {
  handle(call) {
    const { groupId, topics } = call.body
    const refusal = groupError({ ...call, faults: [] }, groupId, true)
    if (refusal !== 0) return { errorCode: refusal, topics: [] }
    let group: ClassicGroup
    try {
      group = call.cluster.groups.forOffsetDelete(groupId)
    } catch (error) {
      return { errorCode: codeOf(error), topics: [] }
    }
    const deleted: { topic: string; partition: number }[] = []
    const answered = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const errorCode = partitionError(call, group, name, partitionIndex)
        if (errorCode === 0) deleted.push({ topic: name, partition: partitionIndex })
        const injected = injectedError(call, 'after', name, partitionIndex)
        return { partitionIndex, errorCode: injected?.code ?? errorCode }
      }),
    }))
    const failure = errorOf(() => call.cluster.groups.offsets.delete(groupId, deleted))
    return { errorCode: failure, topics: failure === 0 ? answered : [] }
  },
})

function partitionError(call: Call<unknown>, group: ClassicGroup, topic: string, partition: number): number {
  const injected = injectedError(call, 'before', topic, partition)
  if (injected) return injected.code
  if (!call.cluster.topic(topic)) return errorNumber('UNKNOWN_TOPIC_OR_PARTITION')
  return group.isSubscribedTo(topic) ? errorNumber('GROUP_SUBSCRIBED_TO_TOPIC') : 0
}
