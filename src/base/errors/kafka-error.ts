/** What is known of a record that was not acknowledged, over all its attempts. `unknown`: sending it again by hand may duplicate it. */
export type Outcome = 'not-written' | 'unknown'

export interface KafkaErrorDetails {
  /** The last broker or network error behind this one. */
  cause?: unknown
  retriable?: boolean
  fatal?: boolean
  abortable?: boolean
  outcome?: Outcome
}

/** The root of all errors that ottla makes for what happens in the world. Tell them apart by `code`, which is stable. */
export class KafkaError extends Error {
  override readonly name: string = 'KafkaError'
  /** A stable word: Kafka's own name for what a broker answered (`NOT_ENOUGH_REPLICAS`), else ours (`DELIVERY_TIMEOUT`). */
  readonly code: string
  /** The same call may succeed later. With `outcome: 'unknown'` it may also write the record twice. */
  readonly retriable: boolean
  /** This producer cannot go on; close it and make another. */
  readonly fatal: boolean
  /** The open transaction can only be aborted; after `abortTransaction()` the next one is clean. */
  readonly abortable: boolean
  /** Only on errors about a record, and on `CommitUnknownError`. */
  readonly outcome?: Outcome

  constructor(code: string, message: string, details: KafkaErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.retriable = details.retriable ?? false
    this.fatal = details.fatal ?? false
    this.abortable = details.abortable ?? false
    if (details.outcome !== undefined) this.outcome = details.outcome
  }
}

/** A wrong option, in the words of the person who has to mend it. */
export interface OptionProblem {
  option: string
  /** What is wrong, with what was given and what is allowed. */
  message: string
}

/** Wrong options. All of them are told at once, before any connection is made. */
export class ConfigError extends KafkaError {
  override readonly name = 'ConfigError'
  readonly problems: readonly OptionProblem[]

  constructor(problems: readonly OptionProblem[]) {
    const list = problems.map(problem => `  - ${problem.message}`).join('\n')
    super('INVALID_CONFIG', `${problems.length} wrong option${problems.length === 1 ? '' : 's'}:\n${list}`)
    this.problems = problems
  }
}

/** A record that can never be sent: wrong topic, partition, type, timestamp or header. Nothing was queued. */
export class InvalidRecordError extends KafkaError {
  override readonly name = 'InvalidRecordError'

  constructor(code: string, message: string, cause?: unknown) {
    super(code, message, { outcome: 'not-written', cause })
  }
}

/** A serializer failed, or gave something that is not bytes. */
export class SerializationError extends KafkaError {
  override readonly name = 'SerializationError'

  constructor(message: string, cause?: unknown) {
    super('SERIALIZATION', message, { outcome: 'not-written', cause })
  }
}

/** A record larger than `maxRequestSize` or `bufferMemory`, or than the broker takes. */
export class RecordTooLargeError extends KafkaError {
  override readonly name = 'RecordTooLargeError'

  constructor(message: string, outcome: Outcome = 'not-written', cause?: unknown) {
    super('RECORD_TOO_LARGE', message, { outcome, cause })
  }
}

/** No buffer memory within `maxBlockMs`, or the line of those who wait for it is full as well. */
export class BufferExhaustedError extends KafkaError {
  override readonly name = 'BufferExhaustedError'

  constructor(message: string) {
    super('BUFFER_EXHAUSTED', message, { outcome: 'not-written', retriable: true })
  }
}

/** No acknowledgement within `deliveryTimeoutMs`; the producer has given the record up. */
export class DeliveryTimeoutError extends KafkaError {
  override readonly name = 'DeliveryTimeoutError'

  constructor(message: string, outcome: Outcome, cause?: unknown) {
    super('DELIVERY_TIMEOUT', message, { outcome, retriable: true, cause })
  }
}

/** The topic or its partition did not become known within `maxBlockMs`. */
export class MetadataTimeoutError extends KafkaError {
  override readonly name = 'MetadataTimeoutError'

  constructor(message: string, cause?: unknown) {
    super('METADATA_TIMEOUT', message, { outcome: 'not-written', retriable: true, cause })
  }
}

/** What a broker answered. `code` is Kafka's name of the error, `errorCode` its number. */
export class BrokerError extends KafkaError {
  override readonly name = 'BrokerError'
  readonly errorCode: number

  constructor(code: string, errorCode: number, message: string, details: KafkaErrorDetails = {}) {
    super(code, message, details)
    this.errorCode = errorCode
  }
}

/**
 * The way to a broker failed. Codes: `CONNECT_FAILED`, `CONNECT_TIMEOUT`, `CONNECTION_CLOSED`, `REQUEST_TIMEOUT`,
 * `NOT_KAFKA` (something else answers there), `BAD_RESPONSE` (bytes that the protocol does not allow).
 */
export class NetworkError extends KafkaError {
  override readonly name = 'NetworkError'

  constructor(code: string, message: string, cause?: unknown) {
    super(code, message, { retriable: true, cause })
  }
}

/** Broker and client have no version of an API in common. */
export class UnsupportedVersionError extends KafkaError {
  override readonly name = 'UnsupportedVersionError'

  constructor(message: string, details: KafkaErrorDetails = {}) {
    super('UNSUPPORTED_VERSION', message, details)
  }
}

/** The producer was closed, or is closing. */
export class ClosedError extends KafkaError {
  override readonly name = 'ClosedError'

  constructor(message: string, outcome?: Outcome, cause?: unknown) {
    super('CLOSED', message, { ...(outcome && { outcome }), cause })
  }
}

/** An AbortSignal ended the wait. `outcome` tells whether the record was taken back in time. */
export class AbortedError extends KafkaError {
  override readonly name = 'AbortError'

  constructor(message: string, outcome?: Outcome, cause?: unknown) {
    super('ABORTED', message, { ...(outcome && { outcome }), cause })
  }
}

/** A wait of the caller's own (flush, close) ended at its deadline. */
export class TimeoutError extends KafkaError {
  override readonly name = 'TimeoutError'

  constructor(message: string, details: KafkaErrorDetails = {}) {
    super('TIMEOUT', message, { retriable: true, ...details })
  }
}

/**
 * Nobody can tell whether the transaction was committed: the cluster was asked to commit it, and has not answered. Until it is known only
 * `commitTransaction()` (again) and `close()` are allowed, since an abort might be taken for the end of a transaction that is committed
 * already. Where it is `fatal`, another producer has taken over, and it will never be known from here.
 */
export class CommitUnknownError extends KafkaError {
  override readonly name = 'CommitUnknownError'

  constructor(message: string, details: Omit<KafkaErrorDetails, 'outcome'> = {}) {
    super('COMMIT_UNKNOWN', message, { retriable: details.fatal !== true, ...details, outcome: 'unknown' })
  }
}
