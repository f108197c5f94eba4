import { apis, type Body } from '../../wire/protocol/index.ts'
import { anyInjectedError, type Call, handler, throttled } from '../call.ts'
import { ClusterError, refusalOf } from '../cluster-error.ts'
import type { MutationQuota } from '../quotas/throttling.ts'
import { maxPartitions } from '../topic.ts'
import { repeatedNames } from './repeats.ts'

type Request = Body<typeof apis.createPartitions.request>
type Asked = Request['topics'][number]

/** From this version on a client is refused what is beyond its quota (KIP-599). */
const strictQuotaFrom = 3

/** Source: ReplicationControlManager.createPartitions. */
export const createPartitionsHandler = handler('CreatePartitions', apis.createPartitions, {
  handle(call) {
    const { topics } = call.body
    const repeated = repeatedNames(topics)
    const quota = call.cluster.throttling.mutations(call, strictQuotaFrom)
    const results = topics.map(asked => ({ name: asked.name, ...add(call, asked, repeated, quota) }))
    return { results, ...throttled(call, quota.throttleMs) }
  },
})

function add(call: Call<Request>, asked: Asked, repeated: ReadonlySet<string>, quota: MutationQuota) {
  const injected = anyInjectedError(call, asked.name)
  if (injected) return { errorCode: injected.code, errorMessage: injected.message }
  try {
    if (repeated.has(asked.name)) throw new ClusterError('INVALID_REQUEST', 'Duplicate topic name.')
    const topic = call.cluster.topic(asked.name)
    if (!topic) throw new ClusterError('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic.')
    const assignments = checked(call, asked, topic.partitions.length)
    quota.record(asked.count - topic.partitions.length)
    if (!call.body.validateOnly) call.cluster.addPartitions(topic, asked.count, assignments)
    return { errorCode: 0, errorMessage: null }
  } catch (error) {
    return refusalOf(error)
  }
}

function checked(call: Call<Request>, { count, assignments }: Asked, now: number): readonly number[][] | undefined {
  if (count === now) throw new ClusterError('INVALID_PARTITIONS', `Topic already has ${now} partition(s).`)
  if (count < now)
    throw new ClusterError(
      'INVALID_PARTITIONS',
      `The topic currently has ${now} partition(s); ${count} would not be an increase.`,
    )
  if (count > maxPartitions)
    throw new ClusterError('INVALID_PARTITIONS', `${count} partitions, but at most ${maxPartitions} are allowed.`)
  if (!assignments) return undefined
  if (assignments.length !== count - now)
    throw new ClusterError(
      'INVALID_REPLICA_ASSIGNMENT',
      `${count - now} additional partition(s) were asked for, but ${assignments.length} assignment(s) were given.`,
    )
  for (const { brokerIds } of assignments) {
    const unknown = brokerIds.find(id => !call.cluster.node(id))
    if (brokerIds.length === 0 || unknown !== undefined || new Set(brokerIds).size !== brokerIds.length)
      throw new ClusterError(
        'INVALID_REPLICA_ASSIGNMENT',
        `[${brokerIds}] is no list of different brokers that are there.`,
      )
  }
  return assignments.map(({ brokerIds }) => [...brokerIds])
}
