import type { KafkaError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import { failureWords } from './failure-words.ts'
import { LineQueue } from './line-queue.ts'
import { type LogFields, type Logger, type LogLevel, lineWriter } from './logger.ts'
import type { ObservedBatch, ObservedRequest, ProducerObserver } from './observer.ts'
import { counted, RepeatedLines, spanText } from './repeated-lines.ts'

export interface LogSurroundings {
  readonly clientId: string
  readonly clock: Clock
  /** Calls what is the user's, as soon as that is allowed. */
  run(call: () => void): void
  /** The logger failed, for the first time. */
  onFailed(thrown: unknown): void
}

/**
 * What a producer does, in sentences: the `logger` option. The table of lines stands in docs/logging.md. Whatever may happen often is
 * told with bounded repetition; only lines of level `debug` are told each time. No line holds a key, a value or a header.
 */
export class ProducerLog implements ProducerObserver {
  readonly #queue: LineQueue
  readonly #lines: RepeatedLines
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #isDebug: boolean
  /** Brokers there was a connection to. */
  readonly #known = new Set<number>()
  readonly #leaderless = new Set<string>()
  /** The `error` event tells it as well, in the same breath. */
  #told: KafkaError | undefined
  readonly #counts = { acknowledged: 0, notWritten: 0, unknown: 0, sentAgain: 0 }

  constructor(logger: Logger, least: LogLevel | 'silent', { clientId, clock, run, onFailed }: LogSurroundings) {
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#queue = new LineQueue(lineWriter(logger), least, clientId, clock, run, onFailed)
    this.#lines = new RepeatedLines(this.#queue, clock)
    this.#isDebug = this.#queue.wants('debug')
  }

  /** Hands over what waits and what was counted: the process ends, and there is no later. */
  processEnds(): void {
    this.#lines.close()
    this.#queue.tell()
  }

  // ---- brokers

  connected(brokerId: number, remote: string): void {
    const fields = { brokerId, remote }
    this.#lines.ended(brokerKey(brokerId), (forMs, times) => ({
      level: 'info',
      event: 'broker-back',
      text: `broker ${brokerId} is back after ${spanText(forMs)}: ${remote} (${counted(times, 'failed attempt')})`,
      fields: { ...fields, forMs: Math.round(forMs), times },
    }))
    const text = `connected to broker ${brokerId}: ${remote}`
    if (this.#known.has(brokerId)) this.#debug('connected', text, fields)
    else this.#lines.note(`connected ${brokerId}`, { level: 'info', event: 'connected', text, fields })
    this.#known.add(brokerId)
  }

  connectionFailed(brokerId: number, error: KafkaError): void {
    this.#told = error
    this.#lines.note(brokerKey(brokerId), {
      level: 'warn',
      event: this.#known.has(brokerId) ? 'broker-lost' : 'broker-unreachable',
      text: `broker ${brokerId}: ${error.message}; it is tried again`,
      fields: { brokerId, code: error.code },
    })
  }

  metadataFailed(error: KafkaError): void {
    this.#told = error
    this.#lines.note('metadata', {
      level: 'warn',
      event: 'metadata-failed',
      text: `no metadata: ${error.message}; it is asked for again`,
      fields: { code: error.code },
    })
  }

  metadataLearnt(): void {
    this.#lines.ended('metadata', (forMs, times) => ({
      level: 'info',
      event: 'metadata-back',
      text: `metadata is there again after ${spanText(forMs)} (${counted(times, 'failed attempt')})`,
      fields: { forMs: Math.round(forMs), times },
    }))
  }

  leaderChanged(topic: string, partition: number, from: number, to: number): void {
    const name = `${topic}-${partition}`
    if (to < 0) {
      this.#leaderless.add(name)
      const text = `${name} has no leader; its records wait`
      this.#lines.note(`leader-lost ${topic}`, {
        ...{ level: 'warn', event: 'leader-lost', text, partition },
        fields: { topic, from },
      })
      return
    }
    const wasWithout = this.#leaderless.delete(name)
    const fields = { topic, from, to }
    if (from < 0 && !wasWithout) {
      // So it begins with each partition.
      this.#debug('leader-changed', `broker ${to} leads ${name}`, { ...fields, partition })
      return
    }
    const before = wasWithout ? 'nobody did' : `it was broker ${from}`
    const text = `broker ${to} leads ${name} now, ${before}`
    this.#lines.note(`leader-changed ${topic}`, { level: 'info', event: 'leader-changed', text, fields, partition })
  }

  throttled(brokerId: number, throttleMs: number): void {
    const text = `broker ${brokerId} throttles this producer: a pause of ${spanText(throttleMs)}`
    const fields = { brokerId, throttleMs }
    this.#lines.note(`throttled ${brokerId}`, { level: 'warn', event: 'throttled', text, fields })
  }

  // ---- requests

  requestSent(request: ObservedRequest): void {
    if (!this.#isDebug) return
    const fields = requestFields(request)
    this.#debug('request-sent', `Produce request to broker ${request.brokerId}: ${requestText(request)}`, fields)
  }

  requestAnswered(request: ObservedRequest, latencyMs: number): void {
    if (!this.#isDebug) return
    const fields = { ...requestFields(request), latencyMs: rounded(latencyMs) }
    const text = `broker ${request.brokerId} answered after ${spanText(latencyMs)}: ${requestText(request)}`
    this.#debug('request-answered', text, fields)
  }

  requestFailed(request: ObservedRequest, error: KafkaError): void {
    if (!this.#isDebug) return
    const text = `Produce request to broker ${request.brokerId} failed: ${error.message}`
    this.#debug('request-failed', text, { ...requestFields(request), code: error.code })
  }

  // ---- records

  batchRetried(batch: ObservedBatch, error: KafkaError | undefined, backOffMs: number): void {
    const { topic, partition, attempts, writtenCount: records } = batch
    if (error === undefined) {
      const text = `${topic}-${partition}: handed to the connections of the blocked thread`
      this.#debug('handed-over', text, { topic, partition, records })
      return
    }
    this.#counts.sentAgain += records
    this.#lines.note(`sent-again ${topic} ${error.code}`, {
      ...{ level: 'warn', event: 'sent-again', records, partition },
      text: `records for ${topic}-${partition} are sent again: ${error.message}`,
      fields: { topic, code: error.code, attempts, backOffMs: Math.round(backOffMs) },
    })
  }

  batchSplit(batch: ObservedBatch, parts: readonly ObservedBatch[]): void {
    const { topic, partition, length: bytes } = batch
    this.#lines.note(`split ${topic}`, {
      ...{ level: 'info', event: 'split', partition },
      text: `a batch of ${bytes} bytes is too large for the leader of ${topic}-${partition}: it goes in ${parts.length} parts`,
      fields: { topic, bytes, parts: parts.length },
    })
  }

  batchAcknowledged(batch: ObservedBatch): void {
    this.#counts.acknowledged += batch.writtenCount
  }

  batchFailed(batch: ObservedBatch, error: KafkaError): void {
    this.#failed(batch.topic, batch.partition, batch.writtenCount, error)
  }

  recordFailed(topic: string, error: KafkaError): void {
    this.#failed(topic, undefined, 1, error)
  }

  #failed(given: string, partition: number | undefined, records: number, error: KafkaError): void {
    const { code } = error
    const { topic, outcome, reason } = failureWords(given, error)
    if (outcome === 'unknown') this.#counts.unknown += records
    else this.#counts.notWritten += records
    const place = topic === '' ? 'without a topic that could be one' : `for ${topic}`
    this.#lines.note(`failed ${topic} ${code} ${outcome}`, {
      // That it was taken back was somebody's wish.
      level: code === 'ABORTED' ? 'info' : 'error',
      event: 'failed',
      text: `records ${place} failed, ${reason}`,
      fields: { topic, code, outcome },
      records,
      ...(partition !== undefined && { partition }),
    })
  }

  // ---- the producer

  identified(producerId: bigint, producerEpoch: number): void {
    const fields = { producerId: String(producerId), producerEpoch }
    this.#debug('identified', `records are numbered under producer id ${producerId}, epoch ${producerEpoch}`, fields)
  }

  transactionCall(name: string, tookMs: number, error: KafkaError | undefined): void {
    const fields = { call: name, tookMs: rounded(tookMs) }
    if (error !== undefined) {
      const text = `${name} failed after ${spanText(tookMs)}: ${error.message}`
      this.#lines.note(`transaction ${name} ${error.code}`, {
        ...{ level: 'error', event: 'transaction-failed', text },
        fields: { ...fields, code: error.code },
      })
    } else if (name === 'initTransactions')
      this.#say('info', 'transactions-ready', `transactions are ready after ${spanText(tookMs)}`, fields)
    else this.#debug('transaction', `${name} took ${spanText(tookMs)}`, fields)
  }

  reported(error: KafkaError): void {
    if (error === this.#told) return
    const { code } = error
    this.#lines.note(`error ${code}`, { level: 'warn', event: 'error', text: error.message, fields: { code } })
  }

  /** Nothing comes after it: the lines are handed over before `close()` is settled. */
  closed(): void {
    this.#lines.close()
    const { acknowledged, notWritten, unknown, sentAgain } = this.#counts
    const forMs = Math.round(this.#clock.now() - this.#startedAt)
    const text = `closed after ${spanText(forMs)}: ${counted(acknowledged, 'record')} acknowledged, ${notWritten} not written, ${unknown} unknown whether written; ${sentAgain} sent again`
    this.#say('info', 'closed', text, { ...this.#counts, forMs })
    this.#queue.tell()
  }

  #say(level: LogLevel, event: string, message: string, fields: LogFields): void {
    this.#queue.add({ level, write: () => ({ message, fields: { event, ...fields } }) })
  }

  #debug(event: string, message: string, fields: LogFields): void {
    if (this.#isDebug) this.#say('debug', event, message, fields)
  }
}

/** To microseconds. */
const rounded = (ms: number) => Math.round(ms * 1000) / 1000

const brokerKey = (brokerId: number) => `broker ${brokerId}`

const recordsOf = ({ batches }: ObservedRequest) => batches.reduce((sum, batch) => sum + batch.writtenCount, 0)

const requestText = (request: ObservedRequest) =>
  `${counted(recordsOf(request), 'record')}, ${request.batches.length === 1 ? '1 batch' : `${request.batches.length} batches`}, ${request.bytes} bytes`

const requestFields = (request: ObservedRequest): LogFields => ({
  brokerId: request.brokerId,
  remote: request.remote,
  batches: request.batches.length,
  records: recordsOf(request),
  bytes: request.bytes,
})
