import { KafkaError } from '../../base/errors/index.ts'
import {
  BrokerCalls,
  createTopics,
  deleteTopics,
  describeTopicConfigs,
  describeTopics,
  earliest,
  latest,
  listOffsets,
  listTopics,
  type OffsetAnswer,
  type TopicDescription,
  type TopicResult,
} from '../../client/admin/index.ts'
import { exitCode, type Io } from '../io.ts'
import { Notes } from '../output/notes.ts'
import { listedJson, type PartitionOffsets, reportJson, reportText, type TopicReport } from '../output/topic-lines.ts'
import { usageProblems } from '../usage.ts'
import { clientSettings, type ReadProperties } from './client-settings.ts'
import { namesProblems, newTopics, type TopicsFlags } from './topics-flags.ts'

export type TopicsAction = 'list' | 'create' | 'describe' | 'delete'

/** How long a request is tried again. Kafka: `default.api.timeout.ms`. */
const API_TIMEOUT_MS = 60_000
/** A partition whose leader does not answer is shown without offsets. */
const OFFSETS_TIMEOUT_MS = 5_000

/** What an action works with. Resolves to whether all of it went well. */
type Work = (calls: BrokerCalls, io: Io, notes: Notes) => Promise<boolean>

/** `ottla topics list`, `create`, `describe`, `delete`. Resolves to the exit code. */
export async function topics(
  action: TopicsAction,
  names: readonly string[],
  flags: TopicsFlags,
  io: Io,
  readProperties: ReadProperties,
): Promise<number> {
  const command = `ottla topics ${action}`
  const problems: string[] = []
  const work = workOf(action, names, flags, problems)
  const client = await clientSettings(flags, 'ottla-topics', readProperties, problems)
  if (problems.length > 0 || client === undefined) return usageProblems(command, problems, io)
  const notes = new Notes(command, io, false)
  const calls = new BrokerCalls({ ...client, apiTimeoutMs: API_TIMEOUT_MS, clock: io.clock, random: Math.random })
  try {
    await calls.connect()
    return (await work(calls, io, notes)) ? exitCode.ok : exitCode.failed
  } catch (error) {
    notes.failure(error)
    return exitCode.failed
  } finally {
    await calls.close()
  }
}

function workOf(action: TopicsAction, names: readonly string[], flags: TopicsFlags, problems: string[]): Work {
  if (action === 'list') return listing(flags)
  if (action === 'create') return creation(names, flags, problems)
  problems.push(...namesProblems(names, action === 'delete'))
  return action === 'describe' ? description([...new Set(names)], flags) : deletion([...new Set(names)], flags)
}

function listing({ json, internal }: TopicsFlags): Work {
  return async (calls, io, notes) => {
    const { topics: found, errors } = await allTopics(calls, internal)
    io.stdout.write(found.map(topic => (json ? listedJson(topic) : `${topic.name}\n`)).join(''))
    return noneOf(errors, notes)
  }
}

async function allTopics(calls: BrokerCalls, withInternal = false) {
  const { topics: found, errors } = await listTopics(calls)
  return { topics: found.filter(({ isInternal }) => withInternal || !isInternal), errors }
}

/** Tells of each topic that could not be described; whether there was none. */
function noneOf(errors: ReadonlyMap<string, KafkaError>, notes: Notes): boolean {
  for (const [topic, error] of errors) notes.error(`${topic}: ${error.message} (${error.code})`)
  return errors.size === 0
}

function creation(names: readonly string[], flags: TopicsFlags, problems: string[]): Work {
  const wanted = newTopics(names, flags, problems)
  return async (calls, io, notes) => {
    const results = await createTopics(calls, wanted)
    return told(results, io, notes, {
      done: 'created',
      doubt: 'it is there; an answer was lost, so that it may have been there before, with other settings',
      ...(flags.ifNotExists && { harmless: 'TOPIC_ALREADY_EXISTS', instead: 'exists already' }),
    })
  }
}

function deletion(names: readonly string[], flags: TopicsFlags): Work {
  return async (calls, io, notes) => {
    const known = await describeTopics(calls, names, 0)
    const internal = known.topics.filter(({ isInternal }) => isInternal)
    if (internal.length > 0 && !flags.force) {
      for (const { name } of internal)
        notes.error(`${name} is internal, and brokers cannot do without it; --force says you want that`)
      notes.error('nothing was deleted')
      return false
    }
    return told(await deleteTopics(calls, names), io, notes, {
      done: 'deleted',
      doubt: 'it is not there; an answer was lost, so that it may have been missing before',
      ...(flags.ifExists && { harmless: 'UNKNOWN_TOPIC_OR_PARTITION', instead: 'does not exist' }),
    })
  }
}

interface Words {
  readonly done: string
  readonly doubt: string
  /** The code of an error that was expected, and what is said in its place. */
  readonly harmless?: string
  readonly instead?: string
}

function told(results: readonly TopicResult[], io: Io, notes: Notes, words: Words): boolean {
  let isWell = true
  for (const { topic, error, isDoubtful } of results) {
    if (error === undefined) io.stdout.write(`${words.done} ${topic}\n`)
    else if (error.code === words.harmless) io.stdout.write(`${topic} ${words.instead}\n`)
    else {
      isWell = false
      notes.error(
        `${topic}: ${error.message} (${error.code})${isDoubtful ? '; an earlier attempt may have been carried out' : ''}`,
      )
    }
    if (error === undefined && isDoubtful) notes.note(`${topic}: ${words.doubt}`)
  }
  return isWell
}

function description(names: readonly string[], flags: TopicsFlags): Work {
  return async (calls, io, notes) => {
    const asked = names.length > 0 ? describeTopics(calls, names) : allTopics(calls, flags.internal)
    const { topics: found, errors } = await asked
    const reports = await reportsOf(calls, found, notes)
    io.stdout.write(flags.json ? reports.map(reportJson).join('') : reports.map(reportText).join('\n'))
    return noneOf(errors, notes)
  }
}

async function reportsOf(calls: BrokerCalls, found: readonly TopicDescription[], notes: Notes): Promise<TopicReport[]> {
  if (found.length === 0) return []
  const [offsets, configs] = await Promise.all([
    offsetsOf(calls, found, notes),
    describeTopicConfigs(
      calls,
      found.map(({ name }) => name),
    ),
  ])
  return found.map(topic => {
    const entries = configs.get(topic.name)
    if (entries instanceof KafkaError)
      notes.note(`${topic.name}: its settings are not told: ${entries.message} (${entries.code})`)
    return {
      topic,
      offsets: offsets.get(topic.name) ?? new Map(),
      configs:
        entries === undefined || entries instanceof KafkaError
          ? undefined
          : entries.filter(({ origin }) => origin !== 'default'),
    }
  })
}

async function offsetsOf(
  calls: BrokerCalls,
  found: readonly TopicDescription[],
  notes: Notes,
): Promise<Map<string, Map<number, PartitionOffsets>>> {
  const places = found.flatMap(({ name, partitions }) =>
    partitions.map(({ partition }) => ({ topic: name, partition })),
  )
  const ask = (timestamp: bigint) =>
    listOffsets(
      calls,
      places.map(place => ({ ...place, timestamp })),
      'read_uncommitted',
      calls.attempts(OFFSETS_TIMEOUT_MS),
    )
  const [firsts, ends] = await Promise.all([ask(earliest), ask(latest)])
  const offsets = new Map(found.map(({ name }) => [name, new Map<number, PartitionOffsets>()]))
  const known = (answer: OffsetAnswer | undefined) => {
    if (answer instanceof KafkaError) notes.note(`${answer.message} (${answer.code})`)
    return typeof answer === 'bigint' ? answer : undefined
  }
  for (const [index, { topic, partition }] of places.entries())
    offsets.get(topic)!.set(partition, { first: known(firsts[index]), end: known(ends[index]) })
  return offsets
}
