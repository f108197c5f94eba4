import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

/** One folder, that of the broker; in memory it has a name only. Source: ReplicaManager.describeLogDirs. */
export const describeLogDirsHandler = handler('DescribeLogDirs', apis.describeLogDirs, {
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, results: [] }
    const { cluster, brokerId, body } = call
    const asked = body.topics && new Map(body.topics.map(({ topic, partitions }) => [topic, new Set(partitions)]))
    const topics = cluster
      .topics()
      .filter(({ name }) => asked?.has(name) ?? true)
      .map(({ name, partitions }) => ({
        name,
        partitions: partitions
          .filter(({ index, replicas }) => replicas.includes(brokerId) && (asked?.get(name)?.has(index) ?? true))
          .map(({ index, log }) => ({
            partitionIndex: index,
            partitionSize: BigInt(log.sizeInBytes),
            offsetLag: 0n,
            isFutureKey: false,
          })),
      }))
      .filter(({ partitions }) => partitions.length > 0)
    return { results: [{ errorCode: 0, logDir: cluster.settings.logDir, topics }] }
  },
})
