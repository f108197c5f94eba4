import { errorNumber } from '../../base/errors/index.ts'
import { apis, type Body, type Draft } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler, throttled } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { ClusterError, refusalOf } from '../cluster-error.ts'
import { mostPartitionsPerRequest } from '../partition-limit.ts'
import type { MutationQuota } from '../quotas/throttling.ts'
import { maxPartitions, type Topic } from '../topic.ts'
import { topicConfigNames, topicConfigProblem } from '../topic-config.ts'
import { repeatedNames } from './repeats.ts'

type Asked = Body<typeof apis.createTopics.request>['topics'][number]
type TopicAnswer = Draft<typeof apis.createTopics.response>['topics'][number]

/** From this version on a client is refused what is beyond its quota (KIP-599). */
const strictQuotaFrom = 6

/** Source: ReplicationControlManager.createTopics. */
export const createTopicsHandler = handler('CreateTopics', apis.createTopics, {
  handle(call) {
    const { topics } = call.body
    const repeated = repeatedNames(topics)
    if (partitionsAsked(call) > mostPartitionsPerRequest)
      return { topics: topics.map(({ name }) => ({ name, ...tooMany })) }
    const quota = call.cluster.throttling.mutations(call, strictQuotaFrom)
    const created = call.cluster.together(() =>
      topics.map(asked => create(call, asked, repeated.has(asked.name), quota)),
    )
    return { topics: created, ...throttled(call, quota.throttleMs) }
  },
})

const tooMany = {
  errorCode: errorNumber('POLICY_VIOLATION'),
  errorMessage: 'Excessively large number of partitions per request.',
}

/** Source: ReplicationControlManager.validateTotalNumberOfPartitions. */
function partitionsAsked({ body, cluster }: Call<Body<typeof apis.createTopics.request>>): number {
  let sum = 0
  for (const { assignments, numPartitions } of body.topics) {
    if (assignments.length > 0) sum += assignments.length
    else sum += numPartitions === -1 ? cluster.settings.numPartitions : Math.max(0, numPartitions)
  }
  return sum
}

function create(
  call: Call<Body<typeof apis.createTopics.request>>,
  asked: Asked,
  repeated: boolean,
  quota: MutationQuota,
): TopicAnswer {
  const { name } = asked
  const injected = anyInjectedError(call, name)
  if (injected) return { name, errorCode: injected.code, errorMessage: injected.message }
  try {
    if (repeated) throw new ClusterError('INVALID_REQUEST', `Duplicate topic name ${name}`)
    call.cluster.checkNewTopic(name)
    const options = optionsOf(call, asked)
    quota.record(partitionsOf(call, options))
    if (call.body.validateOnly) return { name, errorCode: 0, errorMessage: null }
    return created(call.cluster.createTopic(name, options))
  } catch (error) {
    return { name, ...refusalOf(error) }
  }
}

const partitionsOf = ({ cluster }: Call<unknown>, options: ReturnType<typeof optionsOf>): number =>
  options.assignments?.length ?? options.partitions ?? cluster.settings.numPartitions

function optionsOf(call: Call<unknown>, asked: Asked): Parameters<Cluster['createTopic']>[1] & object {
  const config = new Map<string, string>()
  for (const { name, value } of asked.configs) {
    const problem = topicConfigProblem(name, value)
    if (problem) throw new ClusterError('INVALID_CONFIG', problem)
    config.set(name, value!)
  }
  if (asked.assignments.length > 0) return { config, assignments: assignmentsOf(call, asked) }
  const { numPartitions: partitions, replicationFactor } = asked
  if (partitions === 0 || partitions < -1)
    throw new ClusterError('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.')
  if (partitions > maxPartitions)
    throw new ClusterError('INVALID_PARTITIONS', `${partitions} partitions, but at most ${maxPartitions} are allowed.`)
  if (replicationFactor === 0 || replicationFactor < -1)
    throw new ClusterError('INVALID_REPLICATION_FACTOR', 'Replication factor must be larger than 0, or -1.')
  const brokers = call.cluster.nodes.length
  if (replicationFactor > brokers) {
    const message = `Unable to replicate the partition ${replicationFactor} time(s): ${brokers} broker(s) are registered.`
    throw new ClusterError('INVALID_REPLICATION_FACTOR', message)
  }
  return {
    config,
    ...(partitions > 0 && { partitions }),
    ...(replicationFactor > 0 && { replicationFactor }),
  }
}

function assignmentsOf(call: Call<unknown>, asked: Asked): readonly (readonly number[])[] {
  const refuse = (message: string) => new ClusterError('INVALID_REPLICA_ASSIGNMENT', message)
  if (asked.numPartitions !== -1 || asked.replicationFactor !== -1)
    throw new ClusterError('INVALID_REQUEST', 'Partitions or replication factor were given beside assignments.')
  const sorted = [...asked.assignments].sort((a, b) => a.partitionIndex - b.partitionIndex)
  sorted.forEach(({ partitionIndex, brokerIds }, index) => {
    if (partitionIndex !== index) throw refuse('Partitions must be numbered from 0 on without gaps.')
    if (brokerIds.length === 0) throw refuse(`Partition ${index} has no replica.`)
    if (new Set(brokerIds).size !== brokerIds.length) throw refuse(`Partition ${index} names a broker twice.`)
    const unknown = brokerIds.find(id => !call.cluster.node(id))
    if (unknown !== undefined) throw refuse(`Partition ${index} names broker ${unknown}, which is not there.`)
  })
  return sorted.map(({ brokerIds }) => brokerIds)
}

function created(topic: Topic): TopicAnswer {
  return {
    name: topic.name,
    topicId: topic.id,
    errorCode: 0,
    errorMessage: null,
    numPartitions: topic.partitions.length,
    replicationFactor: topic.partitions[0]?.replicas.length ?? -1,
    configs: topicConfigNames.map(name => ({
      name,
      value: topic.settings.get(name),
      readOnly: false,
      configSource: topic.settings.source(name),
      isSensitive: false,
    })),
  }
}
