import type { apis, Body, Draft } from '../wire/protocol/index.ts'
import type { Call } from './call.ts'
import type { Cluster } from './cluster.ts'

type Request = Body<typeof apis.fetch.request>
type Answer = Draft<typeof apis.fetch.response>
type Asked = Request['topics'][number]
type AskedPartition = Asked['partitions'][number]
type PartitionAnswer = Answer['responses'][number]['partitions'][number]

/** Kafka's `max.incremental.fetch.session.cache.slots`. */
const slotsPerBroker = 1_000
/** Kafka has no limit for what is in the sessions. These are kept in less than 100 MiB. */
const mostPartitions = 200_000
/** Kafka's `min.incremental.fetch.session.eviction.ms`: only a session that was idle for so long makes way for another. */
const evictableAfterMs = 120_000
const maxEpoch = 2 ** 31 - 1
const [initialEpoch, finalEpoch] = [0, -1]

/** One partition of a session: what was asked last, and what the client was told last. */
interface SessionPartition {
  readonly topic: string
  readonly topicId: string
  asked: AskedPartition
  highWatermark: bigint
  logStartOffset: bigint
}

interface FetchSession {
  readonly id: number
  readonly broker: number
  readonly byId: boolean
  /** In the order they are read; one that had records goes to the end, so that each gets its turn. */
  readonly partitions: Map<string, SessionPartition>
  nextEpoch: number
  usedAt: number
}

const byId = (version: number) => version >= 13
const keyOf = ({ topic, topicId }: { topic?: string | undefined; topicId?: string | undefined }, partition: number) =>
  `${topic || topicId}/${partition}`

/** What a fetch is to read, and what of the answer is news. */
export interface FetchContext {
  readonly topics: readonly Asked[]
  /** Of the answer what is to be sent; notes nothing. */
  news(answer: Answer): Answer
  /** The same, which is noted as told. */
  finish(answer: Answer): Answer
  /** The answer to a client that has to pause: nothing was told. */
  readonly empty: Answer
}

const asItIs = (answer: Answer) => answer
const nothing: Answer = { responses: [] }

/**
 * The fetch sessions of all brokers (KIP-227): a client names its partitions once, then only what changes, and is told
 * only what is new. They outlive connections and are bounded in number. Source: FetchManager, FetchSessionCacheShard.
 */
export class FetchSessions {
  readonly #cluster: Cluster
  /** The one that was used longest ago comes first. */
  readonly #sessions = new Map<number, FetchSession>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** All that a request asks for, with what its session holds; changes nothing. */
  asked(body: Request): readonly Asked[] {
    const session = body.sessionEpoch > initialEpoch ? this.#sessions.get(body.sessionId) : undefined
    if (!session) return body.topics
    const partitions = new Map(session.partitions)
    change(partitions, body)
    return topicsOf(partitions.values())
  }

  /** Begins, goes on with or ends the session of a request; an error's name where there is none to go on with. */
  open({ brokerId, version, body }: Call<Request>): FetchContext | string {
    const { sessionId, sessionEpoch, topics } = body
    const found = this.#sessions.get(sessionId)
    const session = found?.broker === brokerId ? found : undefined
    if (sessionEpoch === initialEpoch || sessionEpoch === finalEpoch) {
      if (session) this.#sessions.delete(sessionId)
      if (sessionEpoch === finalEpoch) return { topics, news: asItIs, finish: asItIs, empty: nothing }
      const finish = (answer: Answer) => this.#begin(brokerId, byId(version), body, answer)
      return { topics, news: asItIs, finish, empty: nothing }
    }
    if (!session) return 'FETCH_SESSION_ID_NOT_FOUND'
    if (session.nextEpoch !== sessionEpoch) return 'INVALID_FETCH_SESSION_EPOCH'
    if (session.byId !== byId(version)) return 'FETCH_SESSION_TOPIC_ID_ERROR'
    change(session.partitions, body)
    this.#sessions.delete(sessionId)
    // Who adds without end has to begin anew.
    if (this.#isFull(session.partitions.size)) return 'FETCH_SESSION_ID_NOT_FOUND'
    // A session of nothing is no use to anybody.
    if (session.partitions.size === 0) return { topics: [], news: asItIs, finish: asItIs, empty: nothing }
    this.#sessions.set(sessionId, session)
    session.nextEpoch = sessionEpoch === maxEpoch ? 1 : sessionEpoch + 1
    session.usedAt = this.#cluster.clock.now()
    return {
      topics: topicsOf(session.partitions.values()),
      news: answer => newsOf(session, answer),
      finish: answer => told(session, newsOf(session, answer)),
      empty: { ...nothing, sessionId: session.id },
    }
  }

  #begin(broker: number, withIds: boolean, body: Request, answer: Answer): Answer {
    const usedAt = this.#cluster.clock.now()
    if (!this.#makeRoom(broker, usedAt)) return answer
    const partitions = new Map<string, SessionPartition>()
    change(partitions, body)
    if (this.#isFull(partitions.size)) return answer
    const session = { id: this.#newId(), broker, byId: withIds, partitions, nextEpoch: 1, usedAt }
    for (const { topic, topicId, partitions: answered } of answer.responses)
      for (const one of answered) note(partitions.get(keyOf({ topic, topicId }, one.partitionIndex)), one)
    this.#sessions.set(session.id, session)
    return { ...answer, sessionId: session.id }
  }

  #makeRoom(broker: number, now: number): boolean {
    let count = 0
    let oldest: FetchSession | undefined
    for (const session of this.#sessions.values()) {
      if (session.broker !== broker) continue
      oldest ??= session
      count++
    }
    if (!oldest || count < slotsPerBroker) return true
    return now - oldest.usedAt > evictableAfterMs && this.#sessions.delete(oldest.id)
  }

  /** Whether the partitions of all sessions are too many with as many more. */
  #isFull(more: number): boolean {
    let count = more
    for (const { partitions } of this.#sessions.values()) count += partitions.size
    return count > mostPartitions
  }

  #newId(): number {
    for (;;) {
      const id = 1 + Math.floor(this.#cluster.settings.random() * (maxEpoch - 1))
      if (!this.#sessions.has(id)) return id
    }
  }
}

/** Adds, changes and forgets partitions as a request says. */
function change(partitions: Map<string, SessionPartition>, { topics, forgottenTopicsData }: Request): void {
  for (const { topic, topicId, partitions: asked } of topics)
    for (const one of asked) {
      const key = keyOf({ topic, topicId }, one.partition)
      const told = partitions.get(key) ?? { highWatermark: -1n, logStartOffset: -1n }
      partitions.set(key, { topic, topicId, ...told, asked: one })
    }
  for (const { topic, topicId, partitions: forgotten } of forgottenTopicsData)
    for (const index of forgotten) partitions.delete(keyOf({ topic, topicId }, index))
}

/** Neighbours of one topic together; the order stays. */
function topicsOf(partitions: Iterable<SessionPartition>): Asked[] {
  const topics: (Asked & { partitions: AskedPartition[] })[] = []
  for (const { topic, topicId, asked } of partitions) {
    const last = topics.at(-1)
    if (last && last.topic === topic && last.topicId === topicId) last.partitions.push(asked)
    else topics.push({ topic, topicId, partitions: [asked] })
  }
  return topics
}

function newsOf(session: FetchSession, answer: Answer): Answer {
  const responses = answer.responses
    .map(({ partitions, ...rest }) => ({
      ...rest,
      partitions: partitions.filter(one => isNews(session.partitions.get(keyOf(rest, one.partitionIndex)), one)),
    }))
    .filter(({ partitions }) => partitions.length > 0)
  return { ...answer, sessionId: session.id, responses }
}

function told(session: FetchSession, news: Answer): Answer {
  for (const { topic, topicId, partitions } of news.responses)
    for (const one of partitions) {
      const key = keyOf({ topic, topicId }, one.partitionIndex)
      const known = session.partitions.get(key)
      if (known && (one.records?.length ?? 0) > 0) {
        session.partitions.delete(key)
        session.partitions.set(key, known)
      }
      note(known, one)
    }
  return news
}

/** Whether the client has to be told. An error is told again each time, and so is what follows it. */
function isNews(known: SessionPartition | undefined, answer: PartitionAnswer): boolean {
  const { errorCode, highWatermark, records, logStartOffset = -1n } = answer
  if (!known || errorCode !== 0 || (records?.length ?? 0) > 0) return true
  return known.highWatermark !== highWatermark || known.logStartOffset !== logStartOffset
}

/** Source: FetchSession.CachedPartition.maybeUpdateResponseData. */
function note(known: SessionPartition | undefined, answer: PartitionAnswer): void {
  if (!known) return
  const { errorCode, highWatermark, logStartOffset = -1n } = answer
  known.highWatermark = errorCode === 0 ? highWatermark : -1n
  if (errorCode === 0) known.logStartOffset = logStartOffset
}
