import type { Random } from '../base/random.ts'
import type { DelayRange, FaultRule } from './fault-rules.ts'
import type { PlannedFault } from './faults.ts'
import type { BrokerRequest } from './request-log.ts'

/** What faults make of a decoded answer, before it is written. */
export function changeAnswer(
  answer: unknown,
  faults: readonly PlannedFault[],
  request: BrokerRequest,
): { answer: unknown; throttleMs: number } {
  let changed = answer
  let throttleMs = 0
  for (const { rule } of faults) {
    const { action } = rule
    if (action.type === 'answer') changed = action.answer(changed, request)
    else if (action.type === 'omit-partition') changed = mapPartitions(changed, rule, () => [])
    else if (action.type === 'duplicate-partition') changed = mapPartitions(changed, rule, one => [one, one])
    else if (action.type === 'throttle') {
      throttleMs = action.ms
      changed = { ...(changed as object), throttleTimeMs: action.ms }
    }
  }
  return { answer: changed, throttleMs }
}

/** What is written in place of an answer. */
export interface ChangedFrame {
  readonly bytes: Buffer
  readonly closeAfter: boolean
  /** How much is written at once. */
  readonly pieceBytes: number
}

/** What faults make of the bytes of an answer, with its length in front. */
export function changeFrame(frame: Buffer, faults: readonly PlannedFault[], random: Random): ChangedFrame {
  let bytes = frame
  let closeAfter = false
  let pieceBytes = Number.POSITIVE_INFINITY
  for (const { rule } of faults) {
    const { action } = rule
    if (action.type === 'truncate') {
      bytes = bytes.subarray(0, action.bytes)
      closeAfter = true
    } else if (action.type === 'correlation-id') bytes.writeInt32BE((bytes.readInt32BE(4) + action.add) | 0, 4)
    else if (action.type === 'split-writes') pieceBytes = action.bytes
    else if (action.type === 'corrupt') flipBits(bytes, action.bits ?? 1, random)
    else if (action.type === 'garbage') {
      const head = Buffer.from(bytes.subarray(0, 8))
      head.writeInt32BE(4 + action.bytes)
      bytes = Buffer.concat([head, Buffer.from(Array.from({ length: action.bytes }, () => Math.floor(random() * 256)))])
    }
  }
  return { bytes, closeAfter, pieceBytes }
}

/** The length stays as it is, so that the answer is whole, and wrong. */
function flipBits(frame: Buffer, bits: number, random: Random): void {
  for (let flipped = 0; flipped < bits && frame.length > 4; flipped++) {
    const place = 4 + Math.floor(random() * (frame.length - 4))
    frame[place]! ^= 1 << Math.floor(random() * 8)
  }
}

/** How long a `delay` takes this time. */
export function delayMs(ms: number | DelayRange, random: Random): number {
  return typeof ms === 'number' ? ms : ms.minMs + random() * (ms.maxMs - ms.minMs)
}

/** The names under which answers keep what holds topics, their topics, and topics their partitions. */
const holderLists = ['groups', 'resultsByTransaction']
const topicLists = [
  'responses',
  'topics',
  'topicResults',
  'resultsByTopicV3AndBelow',
  'replicaElectionResults',
] as const
const partitionLists = ['partitionResponses', 'partitions', 'resultsByPartition', 'partitionResult'] as const
const indexNames = ['index', 'partitionIndex', 'partitionId'] as const

/** Replaces the partitions of an answer that a rule is about by what `map` gives for each. */
function mapPartitions(answer: unknown, rule: FaultRule, map: (partition: unknown) => unknown[]): unknown {
  // A list of groups stands in old versions too, empty; then the topics beside it count.
  const holders = mapList(answer, holderLists, holder => [mapTopics(holder, rule, map)])
  return mapTopics(holders, rule, map)
}

function mapTopics(holder: unknown, rule: FaultRule, map: (partition: unknown) => unknown[]): unknown {
  return mapList(holder, topicLists, topic => {
    const name = (topic.name ?? topic.topic) as string | undefined
    if (rule.topic !== undefined && name && name !== rule.topic) return [topic]
    return [
      mapList(topic, partitionLists, partition => {
        const index = indexNames.map(key => partition[key]).find(found => found !== undefined)
        return rule.partition === undefined || rule.partition === index ? map(partition) : [partition]
      }),
    ]
  })
}

type Row = Record<string, unknown>

/** The lists that have rows. */
function mapList(holder: unknown, names: readonly string[], map: (row: Row) => unknown[]): unknown {
  const row = holder as Row
  const mapped = { ...row }
  for (const name of names) if (Array.isArray(row[name])) mapped[name] = (row[name] as Row[]).flatMap(map)
  return mapped
}
