import type { KafkaApiName } from './api-names.ts'
import { faultProblem } from './fault-checks.ts'
import {
  answerActions,
  type DelayRange,
  type Fault,
  type FaultAction,
  type FaultOptions,
  type FaultPhase,
  type FaultRule,
  matches,
  slotOf,
} from './fault-rules.ts'
import type { BrokerRequest } from './request-log.ts'
import type { FaultSchedule, LoadedSchedule } from './schedule/fault-schedule.ts'

/** A fault that is done to one request: the rule, and for `hold` what to wait for. */
export interface PlannedFault {
  readonly rule: FaultRule
  readonly phase: FaultPhase
  readonly released: Promise<void>
}

class SetFault implements Fault {
  readonly rule: FaultRule
  readonly phase: FaultPhase
  readonly done: Promise<void>
  /** What `hold` waits for. */
  readonly released: Promise<void>
  fired = 0
  remaining: number
  passing: number
  finish!: () => void
  release!: () => void
  readonly #takeBack: (fault: SetFault) => void

  constructor(rule: FaultRule, takeBack: (fault: SetFault) => void) {
    this.rule = rule
    this.phase = answerActions.has(rule.action.type) ? 'after' : (rule.phase ?? 'before')
    this.remaining = rule.times ?? 1
    this.passing = rule.skip ?? (rule.nth ?? 1) - 1
    this.#takeBack = takeBack
    this.done = new Promise(resolve => {
      this.finish = resolve
    })
    this.released = new Promise(resolve => {
      this.release = () => {
        resolve()
        if (rule.action.type === 'hold') takeBack(this)
      }
    })
  }

  remove(): void {
    this.#takeBack(this)
    this.release()
  }
}

/** Makes the broker fail on demand: before, after or instead of handling a request. */
export class Faults {
  #set: SetFault[] = []
  /** Faults that were done as often as they should be, and still hold requests. */
  readonly #holding = new Set<SetFault>()
  readonly #loaded = new Set<LoadedSchedule>()
  readonly #load: (schedule: FaultSchedule) => LoadedSchedule

  /** @internal */
  constructor(load: (schedule: FaultSchedule) => LoadedSchedule) {
    this.#load = load
  }

  /** Sets a fault. Of several that match a request, the one set first is done, and the next waits for the next request. */
  add(rule: FaultRule): Fault {
    const problem = faultProblem(rule)
    if (problem) throw new RangeError(problem)
    const fault = new SetFault(rule, () => this.#drop(fault))
    this.#set.push(fault)
    return fault
  }

  /**
   * The request is handled (a batch is appended), and its answer is lost: after `delayMs` (default 0) the connection is
   * reset, or with `reset: false` closed, so that the client still gets all answers that were sent before.
   * What a leader that dies after the append looks like to a producer.
   */
  loseAnswerAfterAppend(
    api: KafkaApiName = 'Produce',
    options: FaultOptions & { delayMs?: number; reset?: boolean } = {},
  ): Fault {
    const { delayMs: afterMs, reset, ...match } = options
    const how = { ...(afterMs !== undefined && { afterMs }), ...(reset !== undefined && { reset }) }
    return this.#named(api, 'after', { type: 'close', ...how }, match, 'lose-answer')
  }

  /** The request is handled, but never answered; the connection stays open. */
  swallowAnswer(api: KafkaApiName, options: FaultOptions = {}): Fault {
    return this.#named(api, 'after', { type: 'swallow' }, options, 'swallow-answer')
  }

  /** The request is neither handled nor answered; the connection stays open. */
  ignore(api: KafkaApiName, options: FaultOptions = {}): Fault {
    return this.#named(api, 'before', { type: 'swallow' }, options, 'ignore')
  }

  /** Answered with an error instead of being handled: nothing is appended. */
  failBefore(api: KafkaApiName, error: string, options: FaultOptions & { message?: string } = {}): Fault {
    const { message, ...match } = options
    return this.#named(api, 'before', { type: 'error', error, ...(message && { message }) }, match, `before ${error}`)
  }

  /** Handled (the batch is appended), yet answered with an error. */
  failAfter(api: KafkaApiName, error: string, options: FaultOptions & { message?: string } = {}): Fault {
    const { message, ...match } = options
    return this.#named(api, 'after', { type: 'error', error, ...(message && { message }) }, match, `after ${error}`)
  }

  /** The connection is closed instead of handling the request. */
  closeBefore(api: KafkaApiName, options: FaultOptions & { reset?: boolean } = {}): Fault {
    const { reset, ...match } = options
    return this.#named(api, 'before', { type: 'close', ...(reset !== undefined && { reset }) }, match, 'close')
  }

  /** Waits before the handling, for a time or for another in a range each time; with `phase: 'after'`, between the handling and the answer. */
  delay(api: KafkaApiName, ms: number | DelayRange, options: FaultOptions & { phase?: FaultPhase } = {}): Fault {
    const { phase = 'before', ...match } = options
    return this.#named(api, phase, { type: 'delay', ms }, match, 'delay')
  }

  /** Keeps requests until `release()`; with `phase: 'after'`, keeps their answers. Default: all that come until then. */
  hold(api: KafkaApiName, options: FaultOptions & { phase?: FaultPhase } = {}): Fault {
    const { phase = 'before', ...match } = options
    return this.#named(api, phase, { type: 'hold' }, { times: Number.POSITIVE_INFINITY, ...match }, 'hold')
  }

  /** Says a throttle time in the answer, and reads nothing from the connection for as long (KIP-219). */
  throttle(api: KafkaApiName, ms: number, options: FaultOptions = {}): Fault {
    return this.#named(api, 'after', { type: 'throttle', ms }, options, 'throttle')
  }

  /** Sends the first `bytes` bytes of the answer's frame, then closes the connection. */
  truncateAnswer(api: KafkaApiName, bytes: number, options: FaultOptions = {}): Fault {
    return this.#named(api, 'after', { type: 'truncate', bytes }, options, 'truncate')
  }

  /** Answers with another correlation id. */
  wrongCorrelationId(api: KafkaApiName, options: FaultOptions & { add?: number } = {}): Fault {
    const { add = 1, ...match } = options
    return this.#named(api, 'after', { type: 'correlation-id', add }, match, 'wrong-correlation-id')
  }

  /** Leaves partitions out of the answer. */
  omitPartition(api: KafkaApiName, options: FaultOptions = {}): Fault {
    return this.#named(api, 'after', { type: 'omit-partition' }, options, 'omit-partition')
  }

  /** Repeats partitions in the answer. */
  duplicatePartition(api: KafkaApiName, options: FaultOptions = {}): Fault {
    return this.#named(api, 'after', { type: 'duplicate-partition' }, options, 'duplicate-partition')
  }

  /** Random bytes where the answer's body should be. */
  garbage(api: KafkaApiName, options: FaultOptions & { bytes?: number } = {}): Fault {
    const { bytes = 64, ...match } = options
    return this.#named(api, 'after', { type: 'garbage', bytes }, match, 'garbage')
  }

  /** Flips bits of the answer, at places chosen by the broker's chance: what a bad network card or cable does. */
  corrupt(api: KafkaApiName, options: FaultOptions & { bits?: number } = {}): Fault {
    const { bits = 1, ...match } = options
    return this.#named(api, 'after', { type: 'corrupt', bits }, match, 'corrupt')
  }

  /** Writes the answer in pieces of `bytes` bytes. */
  splitWrites(api: KafkaApiName, bytes: number, options: FaultOptions = {}): Fault {
    return this.#named(api, 'after', { type: 'split-writes', bytes }, options, 'split-writes')
  }

  /** Changes the answer by a function: stale metadata, other offsets. */
  changeAnswer(
    api: KafkaApiName,
    answer: (answer: unknown, request: BrokerRequest) => unknown,
    options: FaultOptions = {},
  ): Fault {
    return this.#named(api, 'after', { type: 'answer', answer }, options, 'change-answer')
  }

  /**
   * Sets the faults of a schedule, as it can stand in a JSON file, and lets its events happen. Its seed begins the broker's
   * chance anew.
   *
   * @throws ConfigError with all that is wrong, each with its path; nothing is set then.
   */
  load(schedule: FaultSchedule): LoadedSchedule {
    const loaded = this.#load(schedule)
    this.#loaded.add(loaded)
    return loaded
  }

  /** To how many requests the faults set so far will still be done; those without an end are not counted. */
  get remaining(): number {
    return this.#set.reduce((sum, fault) => sum + (Number.isFinite(fault.remaining) ? fault.remaining : 0), 0)
  }

  /** Takes all faults back, with the events of schedules that have not happened, and lets go what they hold. */
  clear(): void {
    for (const schedule of this.#loaded) schedule.remove()
    this.#loaded.clear()
    for (const fault of [...this.#set, ...this.#holding]) fault.remove()
  }

  /** Chooses what is done to a request, and counts it. */
  plan(request: BrokerRequest): readonly PlannedFault[] {
    if (this.#set.length === 0) return none
    const planned: PlannedFault[] = []
    const taken = new Set<string>()
    for (const fault of [...this.#set]) {
      const slot = slotOf(fault.rule, fault.phase)
      if (taken.has(slot) || (slot.startsWith('main') && taken.has('main'))) continue
      if (!matches(fault.rule, request)) continue
      if (fault.passing > 0) {
        fault.passing--
        continue
      }
      taken.add(slot)
      planned.push(fault)
      fault.fired++
      if (--fault.remaining > 0) continue
      if (fault.rule.action.type === 'hold') this.#holding.add(fault)
      this.#set = this.#set.filter(other => other !== fault)
      fault.finish()
    }
    return planned
  }

  #drop(fault: SetFault): void {
    this.#set = this.#set.filter(other => other !== fault)
    this.#holding.delete(fault)
    fault.finish()
  }

  #named(api: KafkaApiName, phase: FaultPhase, action: FaultAction, options: FaultOptions, name: string): Fault {
    return this.add({ ...options, api, phase, action, name })
  }
}

const none: readonly PlannedFault[] = []
