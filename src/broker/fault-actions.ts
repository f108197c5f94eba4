import type { Random } from '../base/random.ts'
import type { FaultRule } from './fault-rules.ts'
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

/** What faults make of the bytes of an answer, with its length in front. */
export function changeFrame(
  frame: Buffer,
  faults: readonly PlannedFault[],
  random: Random,
): { bytes: Buffer; closeAfter: boolean } {
  let bytes = frame
  let closeAfter = false
  for (const { rule } of faults) {
    const { action } = rule
    if (action.type === 'truncate') {
      bytes = bytes.subarray(0, action.bytes)
      closeAfter = true
    } else if (action.type === 'correlation-id') bytes.writeInt32BE((bytes.readInt32BE(4) + action.add) | 0, 4)
    else if (action.type === 'garbage') {
      const head = Buffer.from(bytes.subarray(0, 8))
      head.writeInt32BE(4 + action.bytes)
      bytes = Buffer.concat([head, Buffer.from(Array.from({ length: action.bytes }, () => Math.floor(random() * 256)))])
    }
  }
  return { bytes, closeAfter }
}

/** The names under which answers keep their topics, and topics their partitions. */
const topicLists = ['responses', 'topics']
const partitionLists = ['partitionResponses', 'partitions']
const indexNames = ['index', 'partitionIndex']

/** Replaces the partitions of an answer that a rule is about by what `map` gives for each. */
function mapPartitions(answer: unknown, rule: FaultRule, map: (partition: unknown) => unknown[]): unknown {
  return mapList(answer, topicLists, topic => {
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

function mapList(holder: unknown, names: readonly string[], map: (row: Row) => unknown[]): unknown {
  const row = holder as Row
  const name = names.find(candidate => Array.isArray(row[candidate]))
  return name ? { ...row, [name]: (row[name] as Row[]).flatMap(map) } : holder
}
