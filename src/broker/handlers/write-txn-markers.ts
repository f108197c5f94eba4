import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { groupsTopic } from '../coordinators/internal-topic.ts'
import { appendMarker } from '../log/append.ts'

type Marker = Body<typeof apis.writeTxnMarkers.request>['markers'][number]

/** How administrators end a hanging transaction (`kafka-transactions abort`). Source: KafkaApis.handleWriteTxnMarkersRequest. */
export const writeTxnMarkersHandler = handler('WriteTxnMarkers', apis.writeTxnMarkers, {
  handle: call => ({
    markers: call.body.markers.map(marker => ({
      producerId: marker.producerId,
      topics: marker.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map(partitionIndex => ({
          partitionIndex,
          errorCode: write(call, marker, name, partitionIndex),
        })),
      })),
    })),
  }),
})

function write(call: Call<unknown>, marker: Marker, topic: string, index: number): number {
  const { cluster, brokerId } = call
  const injected = anyInjectedError(call, topic, index)
  if (injected) return injected.code
  const partition = cluster.topic(topic)?.partitions[index]
  if (!partition) return errorNumber('UNKNOWN_TOPIC_OR_PARTITION')
  if (partition.leader !== brokerId) return errorNumber('NOT_LEADER_OR_FOLLOWER')
  const { producerId, producerEpoch, coordinatorEpoch, transactionResult: committed, transactionVersion } = marker
  const end = { producerId, producerEpoch, coordinatorEpoch, committed }
  const error = appendMarker(partition, end, transactionVersion, cluster.clock.wallTime())
  if (error) return errorNumber(error)
  if (topic === groupsTopic) cluster.groups.offsets.endTransaction(producerId, committed, index)
  return 0
}
