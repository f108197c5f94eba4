import type { KafkaApiName } from './api-names.ts'
import type { BrokerRequest } from './request-log.ts'
import { groupsOf, transactionalIdsOf } from './request-subjects.ts'

/** Which requests a fault is done to. What is left out matches anything. */
export interface FaultMatch {
  api?: KafkaApiName | readonly KafkaApiName[]
  versions?: readonly [min: number, max: number]
  broker?: number
  connection?: number
  clientId?: string
  /** Requests about this topic. An error is then given for this topic alone, not for the others in the request. */
  topic?: string
  /** Requests about this partition (of `topic`, or of any). An error is then given for this partition alone. */
  partition?: number
  /** Requests of this transactional id, or that ask about it. */
  transactionalId?: string
  /** Requests of this consumer group, or that ask about it. */
  group?: string
  when?: (request: BrokerRequest) => boolean
}

/** Both ends included, in milliseconds. */
export interface DelayRange {
  readonly minMs: number
  readonly maxMs: number
}

/** What is done to a request, or to its answer. */
export type FaultAction =
  /** Answered with Kafka's error of this name: `NOT_ENOUGH_REPLICAS`. */
  | { type: 'error'; error: string; message?: string }
  /** The connection ends without an answer; after `afterMs` (default 0), by a reset (RST) unless `reset` is false. */
  | { type: 'close'; reset?: boolean; afterMs?: number }
  /** Never answered; the connection stays open, and later requests on it are answered. */
  | { type: 'swallow' }
  /** Waits for `ms`, or each time for another time between the two, by the broker's own chance (`seed`). */
  | { type: 'delay'; ms: number | DelayRange }
  /** Waits until the fault's `release()` is called. */
  | { type: 'hold' }
  /** Sets the throttle time in the answer and mutes the connection for as long (KIP-219). */
  | { type: 'throttle'; ms: number }
  /** Only the first `bytes` bytes of the answer are sent (of the frame with its length), then the connection is closed. */
  | { type: 'truncate'; bytes: number }
  /** The answer carries the request's correlation id plus `add`. */
  | { type: 'correlation-id'; add: number }
  /** `bytes` random bytes in place of the answer's body; length and correlation id are right. */
  | { type: 'garbage'; bytes: number }
  /** Flips `bits` (default 1) bits of the answer behind its length, at places chosen by the broker's own chance (`seed`). */
  | { type: 'corrupt'; bits?: number }
  /** The answer is written in pieces of `bytes` bytes, each in a turn of its own: clients see frames cut anywhere. */
  | { type: 'split-writes'; bytes: number }
  /** The matched partitions (all where none is named) are left out of the answer, or stand there twice. */
  | { type: 'omit-partition' }
  | { type: 'duplicate-partition' }
  /** Any other answer: gets what would be sent (undefined before the handling) and gives what is sent in its place. */
  | { type: 'answer'; answer: (answer: unknown, request: BrokerRequest) => unknown }

/**
 * `before`: the action takes the place of the handling (errors, close, swallow, answer), or delays it.
 * `after`: the request is handled, its effects stay, and the action is done to the answer.
 */
export type FaultPhase = 'before' | 'after'

export interface FaultRule extends FaultMatch {
  /** Default `after` for what only touches answers, else `before`. */
  phase?: FaultPhase
  action: FaultAction
  /** How many requests; default 1. Infinity: until it is taken back. */
  times?: number
  /** How many matching requests pass untouched first; default 0. */
  skip?: number
  /** The first matching request that it is done to, counted from 1: another way to say `skip`. */
  nth?: number
  /** As the request log shows it; default the action's type. */
  name?: string
}

/** Options that all the named faults take. */
export interface FaultOptions extends Omit<FaultMatch, 'api'> {
  times?: number
  skip?: number
  nth?: number
}

/** A fault that was set. */
export interface Fault {
  readonly rule: FaultRule
  /** How many requests it was done to. */
  readonly fired: number
  /** To how many more it will be done. */
  readonly remaining: number
  /** Resolves when it was done as often as it should be, or was taken back. */
  readonly done: Promise<void>
  /** Lets go the requests that a `hold` keeps, and holds no more. */
  release(): void
  /** Takes it back. What it holds is let go. */
  remove(): void
}

/** Actions that only make sense once there is an answer. */
export const answerActions: ReadonlySet<FaultAction['type']> = new Set([
  'throttle',
  'truncate',
  'correlation-id',
  'garbage',
  'corrupt',
  'split-writes',
  'omit-partition',
  'duplicate-partition',
])

/** Actions of which one request gets the first only: the next waits for the next request. */
export function slotOf(rule: FaultRule, phase: FaultPhase): string {
  switch (rule.action.type) {
    case 'delay':
    case 'hold':
    case 'throttle':
      return `${phase} ${rule.action.type}`
    case 'error':
      return rule.topic === undefined && rule.partition === undefined
        ? 'main'
        : `main ${rule.topic ?? '*'}/${rule.partition ?? '*'}`
    default:
      return 'main'
  }
}

export function matches(rule: FaultMatch, request: BrokerRequest): boolean {
  const { api, versions, broker, connection, clientId, topic, partition, transactionalId, group, when } = rule
  if (api !== undefined && (typeof api === 'string' ? api !== request.api : !api.includes(request.api))) return false
  if (versions && (request.version < versions[0] || request.version > versions[1])) return false
  if (broker !== undefined && broker !== request.broker) return false
  if (connection !== undefined && connection !== request.connection) return false
  if (clientId !== undefined && clientId !== request.clientId) return false
  if (
    (topic !== undefined || partition !== undefined) &&
    !request.targets.some(
      target =>
        (topic === undefined || target.topic === topic) && (partition === undefined || target.partition === partition),
    )
  )
    return false
  if (transactionalId !== undefined && !transactionalIdsOf(request.body).includes(transactionalId)) return false
  if (group !== undefined && !groupsOf(request.body).includes(group)) return false
  return when?.(request) ?? true
}
