import { ConfigError, type OptionProblem } from '../../base/errors/index.ts'
import type { Timer } from '../../base/time/clock.ts'
import type { Broker } from '../broker.ts'
import type { Cluster } from '../cluster.ts'
import { type Fault, type FaultMatch, matches } from '../fault-rules.ts'
import type { BrokerRequest } from '../request-log.ts'
import { type ClusterAction, checkClusterAction, runClusterAction } from './cluster-actions.ts'
import { type DeclaredFault, faultShape, matchFields, ruleOf } from './fault-json.ts'
import { isObject, listOf, objectOf, type Shape, tell, whole } from './shape.ts'

/** Which request an event follows: the n-th (default the first) that matches, counted from when the schedule is loaded. */
export type EventTrigger = Omit<FaultMatch, 'when'> & { readonly nth?: number }

/** Something done to the cluster, once: after a request was answered, or at a time. */
export type ScheduledEvent = ClusterAction &
  (
    | { readonly afterRequest: EventTrigger; readonly atMs?: never }
    /** Milliseconds after the schedule was loaded. */
    | { readonly atMs: number; readonly afterRequest?: never }
  )

/** What shall go wrong, as it can stand in a JSON file. */
export interface FaultSchedule {
  /** Where it has chance in it (delays, flipped bits, garbage), the same in every run. */
  readonly seed?: number
  readonly faults?: readonly DeclaredFault[]
  readonly events?: readonly ScheduledEvent[]
}

/** A schedule that was loaded. */
export interface LoadedSchedule {
  /** In the order of the schedule. */
  readonly faults: readonly Fault[]
  /** How many events have not happened yet. */
  readonly pendingEvents: number
  /** What failed of the events that have happened: there was no such topic, say. */
  readonly failures: readonly Error[]
  /** Resolves when no event is pending any more. */
  readonly eventsDone: Promise<void>
  /** Takes all of it back. */
  remove(): void
}

const eventFields = {
  afterRequest: objectOf({ ...matchFields, nth: whole(1) }),
  atMs: whole(0, 2 ** 31 - 1),
  do: () => {},
  args: () => {},
}

const eventShape: Shape = (value, path, problems) => {
  objectOf(eventFields, ['do'])(value, path, problems)
  if (!isObject(value)) return
  if ((value.afterRequest === undefined) === (value.atMs === undefined))
    tell(problems, path, 'needs afterRequest or atMs, and not both')
  if (value.do !== undefined) checkClusterAction(value, path, problems)
}

const scheduleShape = objectOf({ seed: whole(0, 2 ** 32 - 1), faults: listOf(faultShape), events: listOf(eventShape) })

/** All that is wrong with a schedule. `path`: where it stands, for the messages. */
export function scheduleProblems(schedule: unknown, path = ''): OptionProblem[] {
  const problems: OptionProblem[] = []
  scheduleShape(schedule, path, problems)
  return problems
}

/** Throws ConfigError with all that is wrong. */
export function checkSchedule(schedule: unknown): asserts schedule is FaultSchedule {
  const problems = scheduleProblems(schedule)
  if (problems.length > 0) throw new ConfigError(problems)
}

interface PendingEvent {
  readonly event: ScheduledEvent
  left: number
  timer?: Timer
}

/** Sets the faults of a checked schedule, and lets its events happen. */
export class RunningSchedule implements LoadedSchedule {
  readonly faults: readonly Fault[]
  readonly failures: Error[] = []
  readonly eventsDone: Promise<void>
  readonly #broker: Broker
  readonly #pending = new Set<PendingEvent>()
  readonly #off: () => void
  #finish: () => void = () => {}

  constructor(schedule: FaultSchedule, broker: Broker, cluster: Cluster) {
    this.#broker = broker
    this.eventsDone = new Promise(resolve => {
      this.#finish = resolve
    })
    for (const event of schedule.events ?? []) {
      const pending: PendingEvent = { event, left: event.afterRequest?.nth ?? 1 }
      this.#pending.add(pending)
      if (event.atMs !== undefined)
        pending.timer = cluster.clock.schedule(() => void this.#happen(pending), event.atMs, true)
    }
    this.#off = cluster.requests.onServed(request => this.#served(request))
    this.faults = (schedule.faults ?? []).map(fault => broker.faults.add(ruleOf(fault)))
    this.#settle()
  }

  get pendingEvents(): number {
    return this.#pending.size
  }

  remove(): void {
    for (const fault of this.faults) fault.remove()
    for (const { timer } of this.#pending) timer?.cancel()
    this.#pending.clear()
    this.#settle()
  }

  #served(request: BrokerRequest): void {
    for (const pending of [...this.#pending]) {
      const { afterRequest } = pending.event
      if (!afterRequest || !matches(afterRequest, request)) continue
      if (--pending.left === 0) void this.#happen(pending)
    }
  }

  async #happen(pending: PendingEvent): Promise<void> {
    try {
      await runClusterAction(this.#broker, pending.event)
    } catch (error) {
      this.failures.push(error instanceof Error ? error : new Error(String(error)))
    }
    this.#pending.delete(pending)
    this.#settle()
  }

  #settle(): void {
    if (this.#pending.size > 0) return
    this.#off()
    this.#finish()
  }
}
