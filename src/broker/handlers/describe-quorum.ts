import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'

const metadataTopic = '__cluster_metadata'

/**
 * The controller is the only voter, and the other brokers follow it. There is no metadata log;
 * its end is given as the number of topics, so that it stands still when nothing happens. Source: KafkaRaftClient.handleDescribeQuorumRequest.
 */
export const describeQuorumHandler = handler('DescribeQuorum', apis.describeQuorum, {
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, errorMessage: injected.message, topics: [], nodes: [] }
    const topics = call.body.topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) =>
        topicName === metadataTopic && partitionIndex === 0 ? quorum(call) : unknown(partitionIndex),
      ),
    }))
    const found = topics.some(({ partitions }) => partitions.some(({ errorCode }) => errorCode === 0))
    return { errorCode: 0, errorMessage: '', topics, nodes: found ? voters(call) : [] }
  },
})

function quorum({ cluster }: Call<unknown>) {
  const { controllerId, nodes } = cluster
  const logEndOffset = BigInt(cluster.topics().length)
  const now = BigInt(cluster.clock.wallTime())
  const replica = (replicaId: number) => ({
    ...{ replicaId, logEndOffset, lastFetchTimestamp: now, lastCaughtUpTimestamp: now },
  })
  return {
    ...{ partitionIndex: 0, errorCode: 0, errorMessage: '', leaderId: controllerId, leaderEpoch: 1 },
    highWatermark: logEndOffset,
    currentVoters: [replica(controllerId)],
    observers: nodes.filter(({ id }) => id !== controllerId).map(({ id }) => replica(id)),
  }
}

function unknown(partitionIndex: number) {
  return {
    ...{ partitionIndex, errorCode: errorNumber('UNKNOWN_TOPIC_OR_PARTITION'), errorMessage: null },
    ...{ leaderId: 0, leaderEpoch: 0, highWatermark: 0n, currentVoters: [], observers: [] },
  }
}

function voters({ cluster }: Call<unknown>) {
  return cluster.nodes
    .filter(({ id }) => id === cluster.controllerId)
    .map(({ id, host, port }) => ({ nodeId: id, listeners: [{ name: 'CONTROLLER', host, port }] }))
}
