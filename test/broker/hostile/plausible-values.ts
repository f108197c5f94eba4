import type { Random } from '../../../src/base/random.ts'
import { oneOf, upTo } from './choice.ts'
import { plausibleRecords } from './record-attacks.ts'

/** What the broker has told that later requests can name: members, producers, sessions. */
export interface Learned {
  memberId: string
  generationId: number
  producerId: bigint
  producerEpoch: number
  sessionId: number
}

/** Where a generated request takes its values from. */
export interface Surroundings {
  readonly random: Random
  /** The ids of topics that are there, or were. */
  readonly topicIds: readonly string[]
  readonly learned: readonly Learned[]
}

const topics = ['orders', 'orders', 'orders', 'users', 'users', 'new', 'other', 'gone', '__consumer_offsets']
const groups = ['g', 'g', 'h', 'workers']
const transactionalIds = ['tx', 'tx', 'ty', 'tz']
const configs = [
  ['retention.ms', '86400000'],
  ['retention.bytes', '1000000'],
  ['cleanup.policy', 'compact'],
  ['cleanup.policy', 'delete'],
  ['max.message.bytes', '1000'],
  ['max.message.bytes', '1048588'],
  ['message.timestamp.type', 'LogAppendTime'],
  ['min.insync.replicas', '1'],
  ['segment.bytes', '1048576'],
  ['log.retention.ms', '86400000'],
  ['compression.type', 'zstd'],
  ['no.such.config', 'x'],
] as const

/** Texts by the name of their field. What is not named here is drawn from all of them. */
const texts: Readonly<Record<string, readonly string[]>> = {
  topic: topics,
  topicName: topics,
  topicNames: topics,
  resourceName: [...topics, '', '1'],
  groupId: groups,
  groups,
  groupsNames: groups,
  key: [...groups, ...transactionalIds],
  coordinatorKeys: [...groups, ...transactionalIds],
  transactionalId: transactionalIds,
  v3AndBelowTransactionalId: transactionalIds,
  transactionalIds,
  transactionalIdPattern: ['t.', '', '(t+)+$', '['],
  groupInstanceId: ['static-1', 'static-2'],
  protocolType: ['consumer', 'consumer', 'connect'],
  protocolName: ['range', 'roundrobin'],
  value: configs.map(([, value]) => value),
  configurationKeys: configs.map(([name]) => name),
  feature: ['transaction.version', 'metadata.version', 'group.version'],
  mechanism: ['PLAIN', 'SCRAM-SHA-256', 'GSSAPI'],
  clientSoftwareName: ['hostile'],
  clientSoftwareVersion: ['1.0'],
  stateFilters: ['Ongoing', 'Empty'],
  statesFilter: ['Stable', 'Empty'],
  typesFilter: ['classic', 'consumer'],
}

/** What `name` means depends on where it stands. */
const namesIn: Readonly<Record<string, readonly string[]>> = {
  CreatableTopicConfig: configs.map(([name]) => name),
  AlterableConfig: configs.map(([name]) => name),
  JoinGroupRequestProtocol: ['range', 'roundrobin', 'sticky'],
  UserName: ['alice'],
}

const numbers: Readonly<Record<string, readonly number[]>> = {
  acks: [-1, -1, 1, 0],
  timeoutMs: [1_000, 0, 60_000],
  maxWaitMs: [0, 0, 0, 500, 2_000],
  minBytes: [0, 1, 1, 10_000],
  maxBytes: [1_000_000, 50_000_000, 1],
  partitionMaxBytes: [1_000_000, 1],
  sessionTimeoutMs: [10_000, 30_000],
  rebalanceTimeoutMs: [5_000, 20_000],
  transactionTimeoutMs: [60_000, 1_000],
  numPartitions: [1, 2, 3, -1],
  replicationFactor: [1, -1],
  count: [2, 3, 4, 5],
  partition: [0, 0, 1, 2],
  partitionIndex: [0, 0, 1, 2],
  partitionIndexes: [0, 0, 1, 2],
  partitions: [0, 0, 1, 2],
  index: [0, 0, 1, 2],
  brokerIds: [1],
  replicas: [1],
  resourceType: [2, 2, 4],
  configOperation: [0, 1, 2, 3],
  keyType: [0, 1],
  isolationLevel: [0, 1],
  sessionEpoch: [-1, 0, 0, 1, 2],
  currentLeaderEpoch: [-1, -1, 0, 1],
  responsePartitionLimit: [2_000, 1],
}

const edges = [-(2 ** 31), -2, -1, 0, 1, 2, 7, 127, 128, 32_767, 2 ** 31 - 1]
const widths: Readonly<Record<string, number>> = { int8: 8, int16: 16, uint16: 16, int32: 32 }

function number(name: string, type: string, { random, learned }: Surroundings): number {
  const known = oneOf(random, learned) as Learned | undefined
  if (known && random() < 0.8) {
    if (name.startsWith('generationId')) return known.generationId
    if (name.endsWith('roducerEpoch')) return known.producerEpoch
    if (name === 'sessionId') return known.sessionId
  }
  const wanted = numbers[name]
  if (wanted && random() < 0.95) return oneOf(random, wanted)
  const bits = widths[type]!
  const edge = oneOf(random, edges)
  return type === 'uint16' ? edge & 0xffff : (edge << (32 - bits)) >> (32 - bits)
}

const longs = [-1n, -2n, -3n, 0n, 1n, 5n, 100n, 1_700_000_000_000n, 2n ** 63n - 1n, -(2n ** 63n)]

function long(name: string, { random, learned }: Surroundings): bigint {
  const known = oneOf(random, learned) as Learned | undefined
  if (known && name.toLowerCase().includes('producerid') && random() < 0.8) return known.producerId
  if (name.endsWith('ffset') && random() < 0.8) return BigInt(upTo(random, 20))
  return oneOf(random, longs)
}

function text(name: string, struct: string, { random, learned }: Surroundings): string {
  const known = oneOf(random, learned) as Learned | undefined
  if (name === 'memberId') return known && random() < 0.8 ? known.memberId : oneOf(random, ['', 'nobody'])
  if (name === 'name') return oneOf(random, namesIn[struct] ?? topics)
  return oneOf(random, texts[name] ?? oneOf(random, Object.values(texts)))
}

/** A value that a client could mean. `struct` is what the field stands in. */
export function plausibleValue(name: string, type: string, struct: string, around: Surroundings): unknown {
  const { random, topicIds, learned } = around
  switch (type) {
    case 'bool':
      return random() < 0.5
    case 'int64':
      return long(name, around)
    case 'float64':
      return random()
    case 'string':
      return text(name, struct, around)
    case 'uuid':
      return random() < 0.9 && topicIds.length > 0 ? oneOf(random, topicIds) : 'AAAAAAAAAAAAAAAAAAAAAA'
    case 'bytes':
      return Buffer.from(Array.from({ length: upTo(random, 30) }, () => upTo(random, 256)))
    case 'records':
      return plausibleRecords(random, oneOf(random, learned) as Learned | undefined)
    default:
      return number(name, type, around)
  }
}
