import { KafkaError } from '../../base/errors/index.ts'
import { type BrokerCalls, earliest, type IsolationLevel, latest, listOffsets } from '../admin/index.ts'
import type { StartAt } from './reader-options.ts'

/** Where a partition's reading begins, and where its log ended at that time. */
export interface StartOffset {
  readonly partition: number
  readonly position: bigint
  readonly end: bigint
  /** Said to the user: what was asked for is not there. */
  readonly notice: string | undefined
}

/** Asks the leaders where to begin. Throws the KafkaError of the first partition that could not be asked. */
export async function startOffsets(
  calls: BrokerCalls,
  topic: string,
  partitions: readonly number[],
  start: StartAt,
  isolation: IsolationLevel,
): Promise<StartOffset[]> {
  const ask = async (timestamp: bigint) => {
    const questions = partitions.map(partition => ({ topic, partition, timestamp }))
    const answers = await listOffsets(calls, questions, isolation, calls.attempts())
    return answers.map(answer => {
      if (answer instanceof KafkaError) throw answer
      return answer
    })
  }
  const [firsts, ends, found] = await Promise.all([
    ask(earliest),
    ask(latest),
    start.at === 'time' ? ask(BigInt(start.timestampMs)) : undefined,
  ])
  return partitions.map((partition, index) => {
    const [first, end] = [firsts[index]!, ends[index]!]
    const wanted = positionOf(start, first, end, found?.[index] ?? -1n)
    const position = within(wanted, first, end)
    const isAway = position !== wanted && start.at === 'offset'
    const notice = isAway
      ? `${topic}-${partition} has the offsets ${first} to ${end}, not ${wanted}: reading from ${position}`
      : undefined
    return { partition, position, end, notice }
  })
}

function within(offset: bigint, first: bigint, end: bigint): bigint {
  if (offset > end) return end
  if (offset < first) return first
  return offset
}

function positionOf(start: StartAt, first: bigint, end: bigint, found: bigint): bigint {
  switch (start.at) {
    case 'beginning':
      return first
    case 'end':
      return end
    case 'offset':
      return start.offset
    case 'last':
      return end - start.count
    case 'time':
      return found < 0n ? end : found
  }
}
