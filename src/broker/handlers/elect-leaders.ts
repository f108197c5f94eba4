import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler } from '../call.ts'

type Request = Body<typeof apis.electLeaders.request>

const preferred = 0

/** Source: ReplicationControlManager.electLeaders. */
export const electLeadersHandler = handler('ElectLeaders', apis.electLeaders, {
  handle(call) {
    const { topicPartitions } = call.body
    const asked =
      topicPartitions ??
      call.cluster
        .topics()
        .map(({ name, partitions }) => ({ topic: name, partitions: partitions.map(one => one.index) }))
    const replicaElectionResults = asked.map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map(id => ({ partitionId: id, ...elect(call, topic, id) })),
    }))
    if (topicPartitions) return { replicaElectionResults }
    // Asked for all, Kafka tells of those alone where something happened.
    const notNeeded = errorNumber('ELECTION_NOT_NEEDED')
    return {
      replicaElectionResults: replicaElectionResults
        .map(one => ({
          ...one,
          partitionResult: one.partitionResult.filter(({ errorCode }) => errorCode !== notNeeded),
        }))
        .filter(({ partitionResult }) => partitionResult.length > 0),
    }
  },
})

function elect(call: Call<Request>, topic: string, index: number) {
  const answer = (code: string | null, errorMessage: string | null = null) => ({
    errorCode: code === null ? 0 : errorNumber(code),
    errorMessage,
  })
  const injected = anyInjectedError(call, topic, index)
  if (injected) return { errorCode: injected.code, errorMessage: injected.message }
  const { cluster } = call
  const partition = cluster.topic(topic)?.partitions[index]
  if (!partition) return answer('UNKNOWN_TOPIC_OR_PARTITION', `No such partition: ${topic}-${index}`)
  const runs = (id: number | undefined) => id !== undefined && cluster.node(id)?.running === true
  if (call.body.electionType === preferred) {
    const first = partition.replicas[0]
    if (first === partition.leader) return answer('ELECTION_NOT_NEEDED', 'The preferred replica leads already.')
    if (first === undefined || !runs(first) || !partition.isr.includes(first))
      return answer('PREFERRED_LEADER_NOT_AVAILABLE', 'The preferred replica is not in sync.')
    partition.lead(first)
    return answer(null)
  }
  if (partition.leader !== -1) return answer('ELECTION_NOT_NEEDED', 'There is a leader.')
  const anyone = partition.replicas.find(runs)
  if (anyone === undefined) return answer('ELIGIBLE_LEADERS_NOT_AVAILABLE', 'No replica is there.')
  // Whoever is elected uncleanly is the only one who has what he has.
  partition.setIsr([anyone])
  partition.lead(anyone)
  return answer(null)
}
