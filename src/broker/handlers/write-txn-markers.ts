import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { groupsTopic } from '../coordinators/internal-topic.ts'
import { appendMarker } from '../log/append.ts'
import { type Appended, whenReplicated } from '../replication-wait.ts'

type Marker = Body<typeof apis.writeTxnMarkers.request>['markers'][number]

/** Kafka's `request.timeout.ms`: the request has no time-out of its own. */
const timeoutMs = 30_000

/** How administrators end a hanging transaction (`kafka-transactions abort`). Source: KafkaApis.handleWriteTxnMarkersRequest. */
export const writeTxnMarkersHandler = handler('WriteTxnMarkers', apis.writeTxnMarkers, {
  handle(call) {
    const unreplicated: Appended[] = []
    const markers = call.body.markers.map(marker => ({
      producerId: marker.producerId,
      topics: marker.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map(partitionIndex => write(call, marker, name, partitionIndex, unreplicated)),
      })),
    }))
    if (unreplicated.length === 0) return { markers }
    return whenReplicated(call, unreplicated, timeoutMs).then(() => ({ markers }))
  },
})

function write(call: Call<unknown>, marker: Marker, topic: string, partitionIndex: number, unreplicated: Appended[]) {
  const { cluster, brokerId } = call
  const answer = { partitionIndex, errorCode: 0 }
  const failed = (errorCode: number) => ({ ...answer, errorCode })
  const injected = anyInjectedError(call, topic, partitionIndex)
  if (injected) return failed(injected.code)
  const partition = cluster.topic(topic)?.partitions[partitionIndex]
  if (!partition) return failed(errorNumber('UNKNOWN_TOPIC_OR_PARTITION'))
  if (partition.leader !== brokerId) return failed(errorNumber('NOT_LEADER_OR_FOLLOWER'))
  const { producerId, producerEpoch, coordinatorEpoch, transactionResult: committed, transactionVersion } = marker
  const end = { producerId, producerEpoch, coordinatorEpoch, committed }
  const lastOffset = partition.log.endOffset
  const error = appendMarker(partition, end, transactionVersion, cluster.clock.wallTime())
  if (error) return failed(errorNumber(error))
  if (topic === groupsTopic) cluster.groups.offsets.endTransaction(producerId, committed, partitionIndex)
  if (lastOffset >= partition.log.highWatermark)
    unreplicated.push({
      partition,
      lastOffset,
      done(error) {
        if (error) answer.errorCode = errorNumber(error)
      },
    })
  return answer
}
