import { BrokerError, brokerErrorCode, KafkaError, NetworkError } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import type { Attempts } from './attempts.ts'
import type { BrokerCalls } from './broker-calls.ts'

/** `read_committed` ends before the first transaction that is still open. */
export type IsolationLevel = 'read_uncommitted' | 'read_committed'

export interface OffsetQuestion {
  readonly topic: string
  readonly partition: number
  /** Milliseconds: the first record of this time or later. Or one of `earliest` and `latest`. */
  readonly timestamp: bigint
}

/** The log's beginning, and its end. Source: ListOffsetsRequest.java. */
export const earliest = -2n
export const latest = -1n

/** −1: no record is that new. */
export type OffsetAnswer = bigint | KafkaError

const aClient = -1
export const isolationNumber = { read_uncommitted: 0, read_committed: 1 } as const

/** Asks the leaders for offsets; the answers have the order of the questions. Asks again until the attempts are over. */
export async function listOffsets(
  calls: BrokerCalls,
  questions: readonly OffsetQuestion[],
  isolation: IsolationLevel,
  attempts: Attempts,
): Promise<OffsetAnswer[]> {
  const answers = new Map<OffsetQuestion, OffsetAnswer>()
  let open = [...questions]
  await topicsAreKnown(calls, questions, attempts)
  while (open.length > 0) {
    const rounds = [...byLeader(calls, open)].map(([leader, asked]) =>
      askLeader(calls, leader, asked, isolation, attempts),
    )
    for (const [question, answer] of (await Promise.all(rounds)).flat()) answers.set(question, answer)
    open = open.filter(question => isOpen(answers.get(question)))
    const reason = open.length > 0 ? (answers.get(open[0]!) as KafkaError) : undefined
    if (reason === undefined) break
    calls.cluster.refresh(reason.message)
    try {
      await attempts.again(reason)
    } catch (error) {
      if (error !== reason) throw error
      break
    }
  }
  return questions.map(question => answers.get(question)!)
}

/** What stays unknown is told when its leader is asked for. */
async function topicsAreKnown(
  calls: BrokerCalls,
  questions: readonly OffsetQuestion[],
  attempts: Attempts,
): Promise<void> {
  const topics = [...new Set(questions.map(({ topic }) => topic))]
  await Promise.allSettled(topics.map(topic => calls.cluster.waitForTopic(topic, attempts.timeLeftMs)))
}

const isOpen = (answer: OffsetAnswer | undefined) =>
  answer === undefined || (answer instanceof KafkaError && answer.retriable)

function byLeader(calls: BrokerCalls, questions: readonly OffsetQuestion[]): Map<number, OffsetQuestion[]> {
  const leaders = new Map<number, OffsetQuestion[]>()
  for (const question of questions) {
    calls.cluster.want(question.topic)
    const leader = calls.cluster.topic(question.topic)?.partitions[question.partition]?.leader ?? -1
    const asked = leaders.get(leader)
    if (asked === undefined) leaders.set(leader, [question])
    else asked.push(question)
  }
  return leaders
}

type Told = [question: OffsetQuestion, answer: OffsetAnswer]

async function askLeader(
  calls: BrokerCalls,
  leader: number,
  questions: readonly OffsetQuestion[],
  isolation: IsolationLevel,
  attempts: Attempts,
): Promise<Told[]> {
  const all = (error: KafkaError) => questions.map((question): Told => [question, error])
  if (leader < 0) {
    const { topic, partition } = questions[0]!
    const known = calls.cluster.lastErrorOf(topic)
    const message = known?.message ?? `${topic}-${partition} has no leader`
    return all(new KafkaError(known?.code ?? 'LEADER_NOT_AVAILABLE', message, { retriable: known?.retriable ?? true }))
  }
  try {
    const timeoutMs = calls.timeoutOf(attempts)
    const connection = await calls.connectionTo(leader, timeoutMs)
    const draft = {
      replicaId: aClient,
      isolationLevel: isolationNumber[isolation],
      topics: draftTopics(calls, questions),
    }
    const { topics } = await connection.request(apis.listOffsets, draft, { timeoutMs })
    const rows = new Map(
      topics.flatMap(({ name, partitions }) => partitions.map(row => [`${name}/${row.partitionIndex}`, row])),
    )
    return questions.map(question => [
      question,
      offsetOf(rows.get(`${question.topic}/${question.partition}`), question),
    ])
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error
    return all(error)
  }
}

function draftTopics(calls: BrokerCalls, questions: readonly OffsetQuestion[]) {
  const topics = new Map<string, { partitionIndex: number; currentLeaderEpoch: number; timestamp: bigint }[]>()
  for (const { topic, partition, timestamp } of questions) {
    const currentLeaderEpoch = calls.cluster.topic(topic)?.partitions[partition]?.leaderEpoch ?? -1
    const partitions = topics.get(topic) ?? []
    topics.set(topic, partitions)
    partitions.push({ partitionIndex: partition, currentLeaderEpoch, timestamp })
  }
  return [...topics].map(([name, partitions]) => ({ name, partitions }))
}

function offsetOf(
  row: { readonly errorCode: number; readonly offset: bigint } | undefined,
  { topic, partition }: OffsetQuestion,
): OffsetAnswer {
  if (row === undefined)
    return new NetworkError('BAD_RESPONSE', `the answer to ListOffsets says nothing of ${topic}-${partition}`)
  if (row.errorCode === 0) return row.offset
  const { name, code, retriable } = brokerErrorCode(row.errorCode)
  return new BrokerError(name, code, `the cluster answers ${name} for the offsets of ${topic}-${partition}`, {
    retriable,
  })
}
