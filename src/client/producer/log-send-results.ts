import { ConfigError, type KafkaError, type OptionProblem } from '../../base/errors/index.ts'
import { type Clock, systemClock, type Timer } from '../../base/time/clock.ts'
import { failureWords } from '../observer/failure-words.ts'
import {
  isLogger,
  type LineWriter,
  type LogFields,
  type Logger,
  type LogLevel,
  lineWriter,
  logLevels,
} from '../observer/logger.ts'
import { counted, spanText } from '../observer/repeated-lines.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import { describeGiven } from './options/describe-given.ts'
import type { ProducerInterceptor, SentRecord } from './options.ts'
import type { AnyTopic, RecordOf } from './types.ts'

/** How `logSendResults` logs. */
export interface SendResultLogOptions<Topics = AnyTopic> {
  /** Where the lines go: whatever the producer's own `logger` may be. */
  logger: Logger
  /** The level of records that were acknowledged. Default: info. */
  level?: LogLevel
  /** The level of records that failed. Default: error. */
  failureLevel?: LogLevel
  /** Says nothing of records that were acknowledged. Default: false. */
  failuresOnly?: boolean
  /** The share of acknowledged records that is logged, evenly spread: 0.01 is each hundredth. Failures are all logged. Default: 1. */
  sample?: number
  /**
   * The most lines a second of acknowledged records, and once more of failed ones; of the rest a line a second tells how many there were.
   * Default: 100.
   */
  maxPerSecond?: number
  /**
   * What to say of a record: the only way by which anything of its key, value or headers gets into a line. Called in `send`; one that throws
   * is reported by the `error` event, and the record's line does without. Default: nothing.
   */
  describe?: (record: RecordOf<Topics>) => LogFields
}

/**
 * An interceptor that logs what became of each record: topic, partition, offset, timestamp and how long it took, or code, outcome and
 * message of its failure. Bounded, since a producer may send a million records a second. Keys, values and headers are never logged
 * unless `describe` says so. As with every interceptor, records go the longer of two ways: docs/logging.md tells what that costs.
 *
 * @throws ConfigError with every wrong option
 */
export function logSendResults<Topics = AnyTopic>(options: SendResultLogOptions<Topics>): ProducerInterceptor<Topics> {
  return new SendResultLog(checked(options), systemClock)
}

/** The same with a clock of one's own, for tests. */
export class SendResultLog<Topics = AnyTopic> implements ProducerInterceptor<Topics> {
  readonly #write: LineWriter
  readonly #failuresOnly: boolean
  readonly #sample: number
  readonly #describe: ((record: RecordOf<Topics>) => LogFields) | undefined
  readonly #described = new WeakMap<SentRecord, LogFields>()
  readonly #acknowledged: Pace
  readonly #failed: Pace
  /** Grows by the share of each record; one whole is a line. */
  #credit = 0

  constructor(options: SendResultLogOptions<Topics>, clock: Clock) {
    const { logger, level = 'info', failureLevel = 'error', failuresOnly = false, sample = 1 } = options
    const { maxPerSecond = 100, describe } = options
    this.#write = lineWriter(logger)
    this.#failuresOnly = failuresOnly
    this.#sample = sample
    this.#describe = describe
    this.#acknowledged = new Pace(this.#write, level, 'acknowledged', maxPerSecond, clock)
    this.#failed = new Pace(this.#write, failureLevel, 'failed', maxPerSecond, clock)
  }

  onSend(record: RecordOf<Topics>, sent: SentRecord): RecordOf<Topics> {
    if (this.#describe !== undefined) this.#described.set(sent, this.#describe(record))
    return record
  }

  onAcknowledgement(error: KafkaError | null, metadata: RecordMetadata | undefined, sent: SentRecord): unknown {
    if (error !== null) {
      if (this.#failed.admits(sent.clientId)) return this.#say(this.#failed.level, sent, failureLine(error, sent))
    } else if (metadata !== undefined && !this.#failuresOnly && this.#isInSample()) {
      if (this.#acknowledged.admits(sent.clientId))
        return this.#say(this.#acknowledged.level, sent, acknowledgedLine(metadata, sent))
    }
    return undefined
  }

  close(): void {
    this.#acknowledged.tellRest()
    this.#failed.tellRest()
  }

  #isInSample(): boolean {
    this.#credit += this.#sample
    if (this.#credit < 1) return false
    this.#credit -= 1
    return true
  }

  /** What the logger throws, or its promise rejects with, is for the producer to report. */
  #say(level: LogLevel, sent: SentRecord, { message, fields }: { message: string; fields: LogFields }): unknown {
    const record = this.#described.get(sent)
    const described = record === undefined ? '' : `; ${textOf(record)}`
    const all = { clientId: sent.clientId, ...fields, ...(record !== undefined && { record }) }
    return this.#write(level, `${message}${described}`, all)
  }
}

/** So many lines a second; the rest is counted, and told when the second is over. */
class Pace {
  readonly level: LogLevel
  readonly #write: LineWriter
  readonly #kind: string
  readonly #most: number
  readonly #clock: Clock
  #secondBeganAt = Number.NEGATIVE_INFINITY
  #lines = 0
  #rest = 0
  #clientId = ''
  #timer: Timer | undefined

  constructor(write: LineWriter, level: LogLevel, kind: string, most: number, clock: Clock) {
    this.level = level
    this.#write = write
    this.#kind = kind
    this.#most = most
    this.#clock = clock
  }

  admits(clientId: string): boolean {
    const now = this.#clock.now()
    if (now - this.#secondBeganAt >= 1000) {
      this.tellRest()
      this.#secondBeganAt = now
      this.#lines = 0
    }
    if (this.#lines < this.#most) {
      this.#lines++
      return true
    }
    this.#rest++
    this.#clientId = clientId
    this.#timer ??= this.#clock.schedule(() => this.tellRest(), this.#secondBeganAt + 1000 - now, true)
    return false
  }

  /** Nobody would hear of a logger that fails here: what cannot be logged is not logged. */
  tellRest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const rest = this.#rest
    this.#rest = 0
    if (rest === 0) return
    const fields = { clientId: this.#clientId, event: `more-${this.#kind}`, times: rest }
    try {
      const returned = this.#write(
        this.level,
        `and ${counted(rest, 'more record')} ${this.#kind} in this second`,
        fields,
      )
      Promise.resolve(returned).catch(() => {})
    } catch {}
  }
}

function acknowledgedLine({ topic, partition, offset, hasOffset, timestamp }: RecordMetadata, sent: SentRecord) {
  const where = hasOffset ? `${topic}-${partition} has it at offset ${offset}` : `${topic}-${partition} has it`
  const { latencyMs, after } = timesOf(sent)
  // As in the metadata's own JSON: it has no bigint.
  const offsets = hasOffset ? { offset: String(offset) } : {}
  return {
    message: `${where} ${after}`,
    fields: { event: 'acknowledged', topic, partition, ...offsets, timestamp, latencyMs },
  }
}

function failureLine(error: KafkaError, sent: SentRecord) {
  const { topic, outcome, reason } = failureWords(sent.topic, error)
  const { partition } = sent
  const { latencyMs, after } = timesOf(sent)
  const place = topic === '' ? 'without a topic that could be one' : `for ${topic}`
  const at = partition === undefined ? {} : { partition }
  return {
    message: `a record ${place} failed ${after}, ${reason}`,
    fields: { event: 'failed', topic, ...at, code: error.code, outcome, latencyMs },
  }
}

function timesOf({ elapsedMs }: SentRecord): { latencyMs: number; after: string } {
  return { latencyMs: Math.round(elapsedMs * 1000) / 1000, after: `after ${spanText(elapsedMs)}` }
}

const textOf = (fields: LogFields): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ')

function checked<Topics>(given: SendResultLogOptions<Topics>): SendResultLogOptions<Topics> {
  const problems: OptionProblem[] = []
  const check = (option: string, isRight: boolean, value: unknown, allowed: string) => {
    if (!isRight)
      problems.push({ option, message: `${option} is ${describeGiven(option, value)}; allowed: ${allowed}` })
  }
  if (typeof given !== 'object' || given === null) {
    check('options', false, given, 'an object such as { logger: console }')
    throw new ConfigError(problems)
  }
  const { logger, level = 'info', failureLevel = 'error', failuresOnly = false, sample = 1 } = given
  const { maxPerSecond = 100, describe = () => ({}) } = given
  check('logger', isLogger(logger), logger, 'an object with debug, info, warn and error, or with log')
  for (const [name, value] of Object.entries({ level, failureLevel }))
    check(name, logLevels.includes(value), value, logLevels.map(each => `'${each}'`).join(', '))
  check('failuresOnly', typeof failuresOnly === 'boolean', failuresOnly, 'true or false')
  check('sample', typeof sample === 'number' && sample >= 0 && sample <= 1, sample, 'a number from 0 to 1')
  const isCount = Number.isSafeInteger(maxPerSecond) && maxPerSecond >= 0
  check('maxPerSecond', isCount, maxPerSecond, 'a whole number from 0 on')
  check('describe', typeof describe === 'function', describe, 'a function')
  if (problems.length > 0) throw new ConfigError(problems)
  return { ...given }
}
