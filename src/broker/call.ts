import { errorNumber } from '../base/errors/index.ts'
import type { Body, Draft, Message } from '../wire/protocol/index.ts'
import type { KafkaApiName } from './api-names.ts'
import type { Cluster } from './cluster.ts'
import type { PlannedFault } from './faults.ts'
import type { ProducedBatch, Target } from './request-log.ts'
import { targetsOf } from './request-subjects.ts'
import type { Authentication } from './security/authentication.ts'
import type { Topic } from './topic.ts'
import { apiOf } from './versions.ts'

/** An error that a fault puts into an answer. */
export interface InjectedError {
  readonly code: number
  readonly message: string | null
}

/** One request on its way through a handler. */
export interface Call<B> {
  readonly cluster: Cluster
  /** The broker that was asked. */
  readonly brokerId: number
  readonly api: KafkaApiName
  readonly version: number
  readonly clientId: string | null
  /** Where the client is, as Java prints an address: `/127.0.0.1`. */
  readonly clientHost: string
  readonly body: B
  /** Of the request as it came, header and body. */
  readonly sizeInBytes: number
  readonly faults: readonly PlannedFault[]
  /** Of the connection. */
  readonly authentication: Authentication
  /** Calls back when the connection is gone, so that nobody waits for it. */
  onGone(listener: () => void): () => void
  /** Reads no further request for so long: the answer says how long, and comes at once (KIP-219). */
  mute(ms: number): void
}

/** The handler answers nothing: an acks=0 request. `disconnect` is how Kafka tells such a producer of an error. */
export interface NoAnswer {
  readonly noAnswer: 'silence' | 'disconnect'
}

export const silence: NoAnswer = { noAnswer: 'silence' }
export const disconnect: NoAnswer = { noAnswer: 'disconnect' }

export function isNoAnswer(answer: unknown): answer is NoAnswer {
  return typeof answer === 'object' && answer !== null && 'noAnswer' in answer
}

/** How one API is answered. */
export interface Handler {
  readonly name: KafkaApiName
  readonly key: number
  readonly request: Message
  readonly response: Message
  /** The lowest version that ApiVersions tells of. */
  readonly announcedFrom: number
  handle(call: Call<unknown>): unknown
  /** The topics and partitions that a request is about, for faults and log. */
  targets(body: unknown, cluster: Cluster): readonly Target[]
  batches(body: unknown, cluster: Cluster): readonly ProducedBatch[]
  /** What the request log keeps of a body. */
  summary(body: unknown): unknown
}

type Tables = { readonly request: Message; readonly response: Message; readonly announcedFrom?: number }

interface HandlerParts<T extends Tables> {
  handle(call: Call<Body<T['request']>>): Draft<T['response']> | NoAnswer | Promise<Draft<T['response']> | NoAnswer>
  /** Default: the topics and partitions that stand in the body under the names Kafka uses. */
  targets?(body: Body<T['request']>, cluster: Cluster): readonly Target[]
  batches?(body: Body<T['request']>, cluster: Cluster): readonly ProducedBatch[]
  summary?(body: Body<T['request']>): unknown
}

/** Ties a handler to the message tables of its API. */
export function handler<T extends Tables>(name: KafkaApiName, tables: T, parts: HandlerParts<T>): Handler {
  return {
    name,
    key: tables.request.key,
    request: tables.request,
    response: tables.response,
    announcedFrom: tables.announcedFrom ?? apiOf(name).request.versions[0],
    handle: call => parts.handle(call as Call<Body<T['request']>>),
    targets: (body, cluster) => parts.targets?.(body as Body<T['request']>, cluster) ?? targetsOf(body, cluster),
    batches: (body, cluster) => parts.batches?.(body as Body<T['request']>, cluster) ?? [],
    summary: body => (parts.summary ? parts.summary(body as Body<T['request']>) : body),
  }
}

/** The error that a fault gives to a topic or a partition of this request (or to all of it), in the given phase. */
export function injectedError(
  call: Call<unknown>,
  phase: 'before' | 'after',
  topic?: string,
  partition?: number,
): InjectedError | null {
  for (const { rule, phase: when } of call.faults) {
    if (rule.action.type !== 'error' || when !== phase) continue
    if (rule.topic !== undefined && topic !== undefined && rule.topic !== topic) continue
    if (rule.partition !== undefined && partition !== undefined && rule.partition !== partition) continue
    return { code: errorNumber(rule.action.error), message: rule.action.message ?? null }
  }
  return null
}

/** The same, in either phase: for APIs that change nothing, where before and after are one. */
export const anyInjectedError = (call: Call<unknown>, topic?: string, partition?: number): InjectedError | null =>
  injectedError(call, 'before', topic, partition) ?? injectedError(call, 'after', topic, partition)

/** The throttle time for an answer, and the connection muted for as long; nothing where there is none. */
export function throttled(call: Call<unknown>, ms: number): { readonly throttleTimeMs?: number } {
  if (ms <= 0) return {}
  call.mute(ms)
  return { throttleTimeMs: ms }
}

/** A topic by its id where the version has ids, else by its name. */
export function topicOf(cluster: Cluster, byId: boolean, topic: { topicId: string; name: string }): Topic | undefined {
  return byId ? cluster.topicById(topic.topicId) : cluster.topic(topic.name)
}
