import { InvalidRecordError, KafkaError, RecordTooLargeError, SerializationError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { TopicView } from '../partitioners/partitioner.ts'
import { type HeaderPair, headerPairs } from '../record/headers.ts'
import type { Headers } from '../record/record.ts'
import type { RecordMetadata } from '../record/record-metadata.ts'
import { type AnySerializer, serializerFunction } from '../record/serializers.ts'
import { topicNameProblem } from '../record/topic-name.ts'
import { lengthOf } from './given-record.ts'
import { InterceptedRecord } from './intercepted-record.ts'
import type { ResolvedInterceptor, ResolvedOptions, SentRecord } from './options.ts'

/** A record as it was given, checked; its fields were read once. */
export interface TakenRecord {
  readonly topic: string
  readonly partition: number | undefined
  /** Milliseconds; undefined: the time when it is placed. */
  readonly timestamp: number | undefined
  readonly key: unknown
  readonly value: unknown
  readonly pairs: HeaderPair[]
}

export interface SerializedRecord {
  readonly key: string | Uint8Array | null
  readonly value: string | Uint8Array | null
  readonly pairs: readonly HeaderPair[]
}

/** Upper bound of a record's framing: length, attributes, deltas, key and value lengths. Source: DefaultRecord.MAX_RECORD_OVERHEAD. */
export const recordFramingBytes = 21
export const batchFramingBytes = 61

/** What a record takes in its batch, at most. */
export function encodedSizeOf({ key, value, pairs }: SerializedRecord): number {
  let bytes = recordFramingBytes + lengthOf(key) + lengthOf(value)
  for (const [name, own] of pairs) bytes += 10 + Buffer.byteLength(name) + lengthOf(own)
  return bytes
}

/**
 * What a record without headers has, where nobody can push to it. One for all: records that wait long and records that are
 * refused at once would have theirs made in one place, of which the engine learns that it makes what lives long; it would then
 * keep those of every refused record until the next full collection.
 */
const noPairs = Object.freeze<HeaderPair[]>([]) as HeaderPair[]

const latestTimestamp = 8_640_000_000_000_000 // the last millisecond that a Date can hold

/** Where a record enters: checks, interceptors, serializers, and a partitioner of the user's own. User code runs only here. */
export class RecordIntake {
  readonly #options: ResolvedOptions
  readonly #clock: Clock
  readonly #report: (error: KafkaError) => void
  readonly #keySerializer: AnySerializer | undefined
  readonly #valueSerializer: AnySerializer | undefined
  /** Nothing of the user's runs between `send` and the batch. */
  readonly isDirect: boolean

  constructor(options: ResolvedOptions, clock: Clock, report: (error: KafkaError) => void) {
    this.#options = options
    this.#clock = clock
    this.#report = report
    const { keySerializer, valueSerializer, interceptors, partitioner } = options
    this.#keySerializer = keySerializer === undefined ? undefined : serializerFunction(keySerializer)
    this.#valueSerializer = valueSerializer === undefined ? undefined : serializerFunction(valueSerializer)
    this.isDirect =
      this.#keySerializer === undefined &&
      this.#valueSerializer === undefined &&
      interceptors.length === 0 &&
      typeof partitioner !== 'function'
  }

  /** A record begins its way; undefined where no interceptor wants to know. */
  begin(): InterceptedRecord | undefined {
    const { interceptors, clientId } = this.#options
    return interceptors.length === 0 ? undefined : new InterceptedRecord(clientId, this.#clock, this.#tell)
  }

  /** Runs the interceptors and checks everything that can be checked before bytes are made. Throws InvalidRecordError. */
  take(given: unknown, sent: InterceptedRecord | undefined): TakenRecord {
    const record = sent === undefined ? given : this.#intercept(given, sent)
    if (typeof record !== 'object' || record === null)
      throw new InvalidRecordError(
        'INVALID_RECORD',
        `a record must be an object, not ${record === null ? 'null' : typeof record}`,
      )
    const { topic, partition, timestamp, key, value, headers } = record as Record<string, unknown>
    const problem = topicNameProblem(topic)
    if (problem !== undefined) throw new InvalidRecordError('INVALID_TOPIC', problem)
    if (
      partition !== undefined &&
      !(Number.isInteger(partition) && (partition as number) >= 0 && (partition as number) < 2 ** 31)
    )
      throw new InvalidRecordError(
        'INVALID_PARTITION',
        `partition must be an integer from 0 on, not ${shown(partition)} (topic ${topic})`,
      )
    if (sent !== undefined) {
      sent.topic = topic as string
      sent.partition = partition as number | undefined
    }
    return {
      topic: topic as string,
      partition: partition as number | undefined,
      timestamp: checkedTimestamp(timestamp, topic as string),
      key,
      value,
      pairs: headers !== undefined ? headerPairs(headers as Headers) : this.isDirect ? noPairs : [],
    }
  }

  #intercept(given: unknown, sent: SentRecord): unknown {
    let record = given
    for (const interceptor of this.#options.interceptors) {
      if (interceptor.onSend === undefined) continue
      // As in Java: where one fails, the record goes on as it was before.
      try {
        const made: unknown = interceptor.onSend(record as never, sent)
        if (isThenable(made)) {
          this.#interceptorFailed('onSend of an interceptor gave a promise; it must give the record at once')
          swallowRejection(made)
        } else record = made
      } catch (thrown) {
        this.#interceptorFailed('onSend of an interceptor threw', thrown)
      }
    }
    return record
  }

  #interceptorFailed(message: string, cause?: unknown): void {
    this.#report(new KafkaError('INTERCEPTOR_FAILED', message, { cause }))
  }

  readonly #tell = (sent: SentRecord, error: KafkaError | null, metadata: RecordMetadata | undefined): void =>
    this.#callEach('onAcknowledgement', interceptor => interceptor.onAcknowledgement?.(error, metadata, sent))

  /** Tells the interceptors that the producer has closed. Never throws. */
  close(): void {
    this.#callEach('close', interceptor => interceptor.close?.())
  }

  #callEach(name: string, call: (interceptor: ResolvedInterceptor) => unknown): void {
    for (const interceptor of this.#options.interceptors) {
      const failed = (thrown: unknown) => this.#interceptorFailed(`${name} of an interceptor threw`, thrown)
      try {
        const returned = call(interceptor)
        if (isThenable(returned)) returned.then(undefined, failed)
      } catch (thrown) {
        failed(thrown)
      }
    }
  }

  /** Key and value as bytes of our own, at once or later. Throws (or rejects with) SerializationError. */
  serialize(taken: TakenRecord): SerializedRecord | Promise<SerializedRecord> {
    let key = this.#run(this.#keySerializer, taken.key, taken, true)
    let value: unknown
    try {
      value = this.#run(this.#valueSerializer, taken.value, taken, false)
    } catch (error) {
      swallowRejection(key)
      throw error
    }
    if (!(key instanceof Promise) && !(value instanceof Promise)) return this.#owned(taken, key, value)
    // What is there already is copied before the call returns: the caller's buffers may change then.
    if (isBytes(key)) key = Buffer.from(key)
    if (isBytes(value)) value = Buffer.from(value)
    taken.pairs.forEach(([name, own], index) => {
      if (isBytes(own)) taken.pairs[index] = [name, Buffer.from(own)]
    })
    return Promise.all([key, value]).then(([keyMade, valueMade]) => this.#owned(taken, keyMade, valueMade))
  }

  #run(serializer: AnySerializer | undefined, given: unknown, taken: TakenRecord, isKey: boolean): unknown {
    if (given === null || given === undefined) return null
    const what = isKey ? 'key' : 'value'
    // A promise is a serializer's right alone: given as a value it is a forgotten await.
    if (serializer === undefined) return given instanceof Promise ? ownedBytes(given, what, taken.topic, false) : given
    try {
      const made = serializer(given, { topic: taken.topic, headers: taken.pairs, isKey })
      return isThenable(made) ? Promise.resolve(made) : made
    } catch (thrown) {
      throw this.serializationError(taken.topic, thrown)
    }
  }

  #owned(taken: TakenRecord, key: unknown, value: unknown): SerializedRecord {
    return {
      key: ownedBytes(key, 'key', taken.topic, this.#keySerializer !== undefined),
      value: ownedBytes(value, 'value', taken.topic, this.#valueSerializer !== undefined),
      // A serializer may have pushed to them: whatever it pushed must be headers, and ours.
      pairs: headerPairs(taken.pairs).map(([name, own]) => [name, own instanceof Uint8Array ? Buffer.from(own) : own]),
    }
  }

  serializationError(topic: string, thrown: unknown): KafkaError {
    if (thrown instanceof KafkaError && thrown.outcome !== undefined) return thrown
    const reason = thrown instanceof Error ? thrown.message : thrownText(thrown)
    return new SerializationError(`a serializer failed for topic ${topic}: ${reason}`, thrown)
  }

  /** For the memory that a record is charged with before its bytes are known. */
  estimateBytes({ key, value }: TakenRecord): number {
    return estimate(key) + estimate(value)
  }

  /** What it takes at least, as far as that can be said before it is serialized. */
  leastBytes({ key, value }: TakenRecord): number {
    return (
      (this.#keySerializer === undefined ? length(key) : 0) + (this.#valueSerializer === undefined ? length(value) : 0)
    )
  }

  checkSize(topic: string, bytes: number): void {
    const { maxRequestSize, bufferMemory } = this.#options
    if (bytes > maxRequestSize)
      throw new RecordTooLargeError(
        `a record for ${topic} takes up to ${bytes} bytes, more than maxRequestSize (${maxRequestSize})`,
      )
    if (bytes > bufferMemory)
      throw new RecordTooLargeError(
        `a record for ${topic} takes up to ${bytes} bytes, more than bufferMemory (${bufferMemory})`,
      )
  }

  /** What the user's own partitioner says; undefined where there is none. */
  partitionFor(key: Uint8Array | null, topic: TopicView): number | undefined {
    const { partitioner } = this.#options
    if (typeof partitioner !== 'function') return undefined
    let chosen: unknown
    const input = {
      topic: topic.name,
      key: key === null ? null : Uint8Array.from(key),
      partitionCount: topic.partitionCount,
      availablePartitions: topic.availablePartitions,
    }
    try {
      chosen = partitioner(input)
    } catch (thrown) {
      throw new InvalidRecordError('PARTITIONER', `the partitioner threw for topic ${topic.name}`, thrown)
    }
    swallowRejection(chosen)
    if (!Number.isInteger(chosen) || (chosen as number) < 0 || (chosen as number) >= topic.partitionCount)
      throw new InvalidRecordError(
        'PARTITIONER',
        `the partitioner gave ${shown(chosen)} for topic ${topic.name}; allowed: 0 to ${topic.partitionCount - 1}`,
      )
    return chosen as number
  }
}

/** Objects without text are thrown as well, and must not throw once more. */
export function thrownText(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return `a thrown ${typeof thrown}`
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

/** A promise where none is allowed: the mistake is told, and what the promise ends in must not end the process. */
function swallowRejection(made: unknown): void {
  if (isThenable(made)) made.then(undefined, () => {})
}

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array

/** What was given, short, and never a payload. */
function shown(value: unknown): string {
  if (typeof value === 'string') return 'a string'
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return value === null ? 'null' : typeof value
}

/** Milliseconds that a record can carry. */
export const isTimestamp = (ms: unknown): ms is number =>
  typeof ms === 'number' && ms >= 0 && ms <= latestTimestamp && Number.isInteger(ms)

function checkedTimestamp(timestamp: unknown, topic: string): number | undefined {
  if (timestamp === undefined) return undefined
  const ms = timestamp instanceof Date ? timestamp.getTime() : timestamp
  if (isTimestamp(ms)) return ms
  throw new InvalidRecordError(
    'INVALID_TIMESTAMP',
    `timestamp must be a Date, or whole milliseconds from 0 to ${latestTimestamp}, not ${shown(timestamp)} (topic ${topic})`,
  )
}

/** Strings are immutable, bytes are copied: the caller's buffers are the caller's again when the call returns. */
function ownedBytes(
  made: unknown,
  what: 'key' | 'value',
  topic: string,
  fromSerializer: boolean,
): string | Uint8Array | null {
  if (made === null) return null
  if (typeof made === 'string') return made
  if (made instanceof Uint8Array) return Buffer.from(made)
  const got = made === undefined ? 'undefined' : typeof made
  if (fromSerializer)
    throw new SerializationError(
      `the ${what} serializer gave ${got} for topic ${topic}; allowed: a string, a Uint8Array or null`,
    )
  throw new SerializationError(
    `the ${what} of a record for topic ${topic} is of type ${got}; give a string, a Uint8Array or null, or set ${what}Serializer`,
  )
}

const length = (given: unknown): number => (typeof given === 'string' || given instanceof Uint8Array ? given.length : 0)

const estimate = (given: unknown): number =>
  typeof given === 'string' || given instanceof Uint8Array
    ? given.length
    : given === null || given === undefined
      ? 0
      : 512
