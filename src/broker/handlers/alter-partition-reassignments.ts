import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'
import { ClusterError, refusalOf } from '../cluster-error.ts'

type Request = Body<typeof apis.alterPartitionReassignments.request>

/** Moves replicas, which is done at once. Source: ReplicationControlManager.alterPartitionReassignments. */
export const alterPartitionReassignmentsHandler = handler(
  'AlterPartitionReassignments',
  apis.alterPartitionReassignments,
  {
    handle: call => ({
      allowReplicationFactorChange: call.body.allowReplicationFactorChange,
      errorCode: 0,
      errorMessage: null,
      responses: call.body.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, replicas }) => ({
          partitionIndex,
          ...reassign(call, name, partitionIndex, replicas),
        })),
      })),
    }),
  },
)

function reassign(call: Call<Request>, topicName: string, index: number, replicas: readonly number[] | null) {
  const injected = anyInjectedError(call, topicName, index)
  if (injected) return { errorCode: injected.code, errorMessage: injected.message }
  const { cluster, body } = call
  try {
    const topic = cluster.topic(topicName)
    if (!topic) throw new ClusterError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find a topic named ${topicName}.`)
    const partition = topic.partitions[index]
    if (!partition)
      throw new ClusterError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find partition ${topicName}:${index}.`)
    // Cancels a move; none is ever under way here.
    if (replicas === null) return { errorCode: errorNumber('NO_REASSIGNMENT_IN_PROGRESS'), errorMessage: null }
    checkReplicas(call, replicas)
    if (!body.allowReplicationFactorChange && replicas.length !== partition.replicas.length)
      throw new ClusterError(
        'INVALID_REPLICATION_FACTOR',
        `The replication factor is ${partition.replicas.length}, and would become ${replicas.length}.`,
      )
    cluster.reassign(partition, [...replicas])
    return { errorCode: 0, errorMessage: null }
  } catch (error) {
    return refusalOf(error)
  }
}

function checkReplicas({ cluster }: Call<Request>, replicas: readonly number[]): void {
  const refuse = (what: string) => new ClusterError('INVALID_REPLICA_ASSIGNMENT', `The assignment includes ${what}.`)
  if (replicas.length === 0) throw refuse('an empty replica list')
  const repeated = replicas.find((id, place) => replicas.indexOf(id) !== place)
  if (repeated !== undefined) throw refuse(`broker ${repeated} more than once`)
  const unknown = replicas.find(id => !cluster.node(id))
  if (unknown !== undefined) throw refuse(`broker ${unknown}, but there is no such broker`)
}
