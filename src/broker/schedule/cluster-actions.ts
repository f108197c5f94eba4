import type { OptionProblem } from '../../base/errors/index.ts'
import type { Broker } from '../broker.ts'
import { either, flag, isObject, listOf, matching, objectOf, type Shape, tell, text, whole } from './shape.ts'

interface Action<A> {
  readonly shape: Shape
  readonly run: (broker: Broker, args: A) => void | Promise<void>
}

function action<A extends object>(
  run: Action<A>['run'],
  args: { readonly [Name in keyof Required<A>]: Shape },
  optional: readonly (keyof A & string)[] = [],
): Action<A> {
  const required = Object.keys(args).filter(name => !(optional as readonly string[]).includes(name))
  return { run, shape: objectOf(args as Readonly<Record<string, Shape>>, required) }
}

interface OfBroker {
  readonly broker: number
}
interface OfTopic {
  readonly topic: string
}
interface OfPartition extends OfTopic {
  readonly partition: number
}

const brokerId = whole(1)
const partition = { topic: text, partition: whole(0) }

/** What can be done to a cluster by its name: in schedules, and over the control port. */
const clusterActions = {
  stop: action<OfBroker>((broker, args) => broker.stop(args.broker), { broker: brokerId }),
  start: action<OfBroker>((broker, args) => broker.start(args.broker), { broker: brokerId }),
  pause: action<OfBroker>((broker, args) => broker.pause(args.broker), { broker: brokerId }),
  resume: action<OfBroker>((broker, args) => broker.resume(args.broker), { broker: brokerId }),
  closeConnections: action<{ broker?: number; reset?: boolean }>(
    (broker, { broker: id, reset }) => broker.closeConnections(id, { reset: reset ?? false }),
    { broker: brokerId, reset: flag },
    ['broker', 'reset'],
  ),
  moveLeader: action<OfPartition & { to: number; truncate?: boolean }>(
    (broker, { topic, partition, to, truncate }) =>
      broker.moveLeader(topic, partition, to, { truncate: truncate ?? false }),
    { ...partition, to: brokerId, truncate: flag },
    ['truncate'],
  ),
  pauseReplication: action<Partial<OfPartition>>(
    (broker, { topic, partition }) => broker.pauseReplication(topic, partition),
    partition,
    ['topic', 'partition'],
  ),
  resumeReplication: action<Partial<OfPartition>>(
    (broker, { topic, partition }) => broker.resumeReplication(topic, partition),
    partition,
    ['topic', 'partition'],
  ),
  leaderless: action<OfPartition>((broker, { topic, partition }) => broker.leaderless(topic, partition), partition),
  shrinkIsr: action<OfPartition & { to: number }>(
    (broker, { topic, partition, to }) => broker.shrinkIsr(topic, partition, to),
    { ...partition, to: whole(0) },
  ),
  setIsr: action<OfPartition & { brokers: readonly number[] }>(
    (broker, { topic, partition, brokers }) => broker.setIsr(topic, partition, brokers),
    { ...partition, brokers: listOf(brokerId) },
  ),
  deleteTopic: action<OfTopic>((broker, { topic }) => broker.deleteTopic(topic), { topic: text }),
  recreateTopic: action<OfTopic>((broker, { topic }) => broker.recreateTopic(topic), { topic: text }),
  expireProducerIds: action<{ producerId?: string | number }>(
    (broker, { producerId }) => broker.forgetProducers(producerId === undefined ? undefined : BigInt(producerId)),
    { producerId: either(matching(/^\d{1,19}$/, 'a producer id, as a number or a text of digits'), whole(0)) },
    ['producerId'],
  ),
  addPartitions: action<OfTopic & { count: number }>((broker, { topic, count }) => broker.addPartitions(topic, count), {
    topic: text,
    count: whole(1),
  }),
  moveCoordinator: action<{ kind: 'group' | 'transaction'; key: string; to: number }>(
    (broker, { kind, key, to }) => broker.moveCoordinator(kind, key, to),
    { kind: matching(/^(group|transaction)$/, 'group or transaction'), key: text, to: brokerId },
  ),
  expireTransaction: action<{ id: string }>((broker, { id }) => broker.expireTransaction(id), { id: text }),
  expireSession: action<{ group: string; member?: string }>(
    (broker, { group, member }) => broker.expireSession(group, member),
    { group: text, member: text },
    ['member'],
  ),
  bumpEpochs: action<object>(broker => broker.bumpEpochs(), {}),
  replaceCluster: action<object>(broker => broker.replaceCluster(), {}),
} as const

type ClusterActions = typeof clusterActions
export type ClusterActionName = keyof ClusterActions
type ArgsOf<N extends ClusterActionName> = ClusterActions[N] extends Action<infer A> ? A : never

/** One thing to do to the cluster: `{ do: 'stop', args: { broker: 2 } }`. */
export type ClusterAction = {
  [N in ClusterActionName]: { readonly do: N } & (object extends ArgsOf<N>
    ? { readonly args?: ArgsOf<N> }
    : { readonly args: ArgsOf<N> })
}[ClusterActionName]

export const clusterActionNames = Object.keys(clusterActions) as ClusterActionName[]

/** Says what is wrong with `do` and `args` of an object; other fields of it are none of its business. */
export function checkClusterAction(value: Record<string, unknown>, path: string, problems: OptionProblem[]): void {
  const at = (name: string) => (path === '' ? name : `${path}.${name}`)
  const { do: name, args = {} } = value
  if (typeof name !== 'string' || !Object.hasOwn(clusterActions, name))
    tell(problems, at('do'), `${JSON.stringify(name)} is none of ${clusterActionNames.join(', ')}`)
  else clusterActions[name as ClusterActionName].shape(args, at('args'), problems)
}

/** A cluster action on its own, from JSON. */
export const clusterActionShape: Shape = (value, path, problems) => {
  if (!isObject(value)) return tell(problems, path, 'is not an object with do and args')
  for (const name of Object.keys(value))
    if (name !== 'do' && name !== 'args') tell(problems, name, 'there is no such field')
  checkClusterAction(value, path, problems)
}

/** Does it. Throws what the broker's method throws: no such broker, topic or partition. */
export async function runClusterAction(broker: Broker, { do: name, args = {} }: ClusterAction): Promise<void> {
  await (clusterActions[name] as Action<object>).run(broker, args)
}
