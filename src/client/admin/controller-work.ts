import { BrokerError, brokerErrorCode, errorNumber, type KafkaError, NetworkError } from '../../base/errors/index.ts'
import type { Connection } from '../../wire/network/index.ts'
import type { BrokerCalls } from './broker-calls.ts'

/** What became of one topic. */
export interface TopicResult {
  readonly topic: string
  /** Why it was not done; undefined: it was. */
  readonly error: KafkaError | undefined
  /** It is as it should be, but an earlier answer was lost, and it may have been so before. */
  readonly isDoubtful: boolean
}

/** One topic's line of an answer. */
export interface TopicLine {
  readonly name: string | null
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface ControllerWork {
  /** What is done, for messages: `create`. */
  readonly verb: string
  /** Kafka's name of the error that says that it is so already: after a lost answer it most likely means "done". */
  readonly alreadyDone: string
  /** Asks once for these topics. */
  ask(
    connection: Connection,
    topics: readonly string[],
    timeoutMs: number,
  ): Promise<{ readonly throttleTimeMs: number; readonly lines: readonly TopicLine[] }>
}

const timedOut = errorNumber('REQUEST_TIMED_OUT')

/**
 * Has the controller do something to topics: follows it where it moves, waits where it is busy, and asks again for those topics
 * alone that are still open. Source: KafkaAdminClient.handleNotControllerError and its retries.
 */
export async function throughController(
  calls: BrokerCalls,
  topics: readonly string[],
  work: ControllerWork,
): Promise<TopicResult[]> {
  const attempts = calls.attempts()
  const results = new Map<string, TopicResult>()
  /** What an attempt without an answer may have done already. */
  const doubtful = new Set<string>()
  let open = [...topics]
  while (open.length > 0) {
    let connection: Connection | undefined
    let reason: KafkaError
    let atLeastMs = 0
    try {
      connection = await calls.toController(attempts)
      const answer = await work.ask(connection, open, calls.timeoutOf(attempts))
      atLeastMs = answer.throttleTimeMs
      const judged = judge(answer.lines, open, work, doubtful)
      for (const result of judged.done) results.set(result.topic, result)
      if (judged.reason === undefined) break
      open = judged.open
      reason = judged.reason
    } catch (error) {
      if (!isRetriable(error)) throw error
      if (connection !== undefined && error instanceof NetworkError) for (const topic of open) doubtful.add(topic)
      reason = error
    }
    try {
      await attempts.again(reason, atLeastMs)
    } catch (error) {
      for (const topic of open)
        results.set(topic, { topic, error: error as KafkaError, isDoubtful: doubtful.has(topic) })
      break
    }
  }
  return topics.map(topic => results.get(topic)!)
}

interface Judged {
  readonly done: readonly TopicResult[]
  readonly open: string[]
  /** Why those are still open. */
  readonly reason: KafkaError | undefined
}

function judge(
  lines: readonly TopicLine[],
  asked: readonly string[],
  work: ControllerWork,
  doubtful: Set<string>,
): Judged {
  const done: TopicResult[] = []
  const open: string[] = []
  let reason: KafkaError | undefined
  const told = new Map(lines.map(line => [line.name, line]))
  for (const topic of asked) {
    const line = told.get(topic)
    const error = line === undefined ? notTold(topic, work.verb) : errorOf(line, topic)
    // Deleting a topic that is not there is no matter of waiting, though Kafka counts the error as retriable.
    const isAlready = error?.code === work.alreadyDone
    if (error?.retriable && !isAlready) {
      if (line?.errorCode === timedOut) doubtful.add(topic)
      open.push(topic)
      reason ??= error
    } else if (isAlready && doubtful.has(topic)) done.push({ topic, error: undefined, isDoubtful: true })
    else done.push({ topic, error, isDoubtful: false })
  }
  return { done, open, reason }
}

function errorOf({ errorCode, errorMessage }: TopicLine, topic: string): BrokerError | undefined {
  if (errorCode === 0) return undefined
  const { name, code, retriable } = brokerErrorCode(errorCode)
  return new BrokerError(name, code, errorMessage || sentenceOf(name, topic), { retriable })
}

const sentences: Readonly<Record<string, string>> = {
  TOPIC_ALREADY_EXISTS: 'it exists already',
  UNKNOWN_TOPIC_OR_PARTITION: 'it does not exist, or this client may not see it',
  INVALID_TOPIC_EXCEPTION: 'a topic cannot be named so',
  TOPIC_AUTHORIZATION_FAILED: 'this client may not do that',
  TOPIC_DELETION_DISABLED: 'the cluster deletes no topics (delete.topic.enable=false)',
  NOT_CONTROLLER: 'the controller has moved',
  REQUEST_TIMED_OUT: 'the controller did not end it in time',
}

const sentenceOf = (name: string, topic: string) => sentences[name] ?? `the cluster answers ${name} for ${topic}`

const notTold = (topic: string, verb: string) =>
  new NetworkError('BAD_RESPONSE', `the answer to ${verb} says nothing of ${topic}`)

function isRetriable(error: unknown): error is KafkaError {
  return error instanceof Error && 'retriable' in error && error.retriable === true
}
