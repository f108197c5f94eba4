import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { leaderError } from './leader-check.ts'

/** Source: ReplicaManager.lastOffsetForLeaderEpoch, LeaderEpochFileCache.endOffsetFor. */
export const offsetForLeaderEpochHandler = handler('OffsetForLeaderEpoch', apis.offsetForLeaderEpoch, {
  handle: call => ({
    topics: call.body.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => ({
        partition,
        ...endOf(call, topic, partition, currentLeaderEpoch, leaderEpoch),
      })),
    })),
  }),
})

function endOf(call: Call<unknown>, topic: string, index: number, currentEpoch: number, epoch: number) {
  const injected = anyInjectedError(call, topic, index)
  if (injected) return { errorCode: injected.code }
  const partition = call.cluster.topic(topic)?.partitions[index]
  if (!partition) return { errorCode: errorNumber('UNKNOWN_TOPIC_OR_PARTITION') }
  const errorCode = leaderError(call, partition, currentEpoch)
  if (errorCode !== 0) return { errorCode }
  const { log, leaderEpoch } = partition
  if (epoch === leaderEpoch) return { errorCode: 0, leaderEpoch, endOffset: log.endOffset }
  if (epoch > leaderEpoch || epoch < 0) return { errorCode: 0 }
  // The epoch ends where a later one begins; the answer names the last epoch that wrote before that.
  const later = log.epochs.findIndex(one => one.epoch > epoch)
  const last = (later < 0 ? log.epochs : log.epochs.slice(0, later)).at(-1)?.epoch
  if (later < 0) return { errorCode: 0, leaderEpoch: last ?? epoch, endOffset: log.endOffset }
  return { errorCode: 0, leaderEpoch: last ?? -1, endOffset: log.epochs[later]!.startOffset }
}
