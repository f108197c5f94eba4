import type { KafkaError, Outcome } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import { BucketHistogram, byteBounds, countBounds, ratioBounds, timeBounds } from './histogram.ts'
import { SampledStat, type Windows } from './sampled-stat.ts'
import { Stopwatch } from './stopwatch.ts'

/** What is measured of the records of one topic. */
export class TopicMeter {
  readonly topic: string
  lastUsedAt = Number.NEGATIVE_INFINITY
  readonly recordsSent: SampledStat
  readonly bytes: SampledStat
  readonly compressionRate: SampledStat
  readonly retries: SampledStat
  readonly errors: SampledStat
  acknowledged = 0
  uncompressedBytes = 0

  constructor(topic: string, windows: Windows) {
    this.topic = topic
    this.recordsSent = new SampledStat(windows)
    this.bytes = new SampledStat(windows)
    this.compressionRate = new SampledStat(windows)
    this.retries = new SampledStat(windows)
    this.errors = new SampledStat(windows)
  }
}

/** What goes over connections: of one broker, or of all of them. */
export class TrafficMeter {
  readonly outgoingBytes: SampledStat
  readonly incomingBytes: SampledStat
  readonly connectionsOpened: SampledStat
  readonly connectionsClosed: SampledStat
  lastUsedAt = Number.NEGATIVE_INFINITY
  readonly #also: TrafficMeter | undefined

  /** `also`: the one that counts this traffic as well. */
  constructor(windows: Windows, also?: TrafficMeter) {
    this.outgoingBytes = new SampledStat(windows)
    this.incomingBytes = new SampledStat(windows)
    this.connectionsOpened = new SampledStat(windows)
    this.connectionsClosed = new SampledStat(windows)
    this.#also = also
  }

  opened(now: number): void {
    this.connectionsOpened.record(1, now)
    this.#also?.opened(now)
  }

  closed(now: number): void {
    this.connectionsClosed.record(1, now)
    this.#also?.closed(now)
  }

  /** A request left. */
  sent(bytes: number, now: number): void {
    this.lastUsedAt = now
    this.outgoingBytes.record(bytes, now)
    this.#also?.sent(bytes, now)
  }

  /** A response came. */
  received(bytes: number, now: number): void {
    this.incomingBytes.record(bytes, now)
    this.#also?.received(bytes, now)
  }
}

/** What is measured of the requests to one broker. */
export class BrokerMeter {
  readonly brokerId: number
  readonly traffic: TrafficMeter
  readonly latency: SampledStat
  readonly latencies = new BucketHistogram(timeBounds)

  constructor(brokerId: number, windows: Windows, all: TrafficMeter) {
    this.brokerId = brokerId
    this.traffic = new TrafficMeter(windows, all)
    this.latency = new SampledStat(windows)
  }
}

/** A batch that leaves, as far as it is measured. */
export interface LeavingBatch {
  readonly writtenCount: number
  readonly createdAt: number
  /** Bytes before compression, and of the largest record among them. */
  readonly length: number
  readonly largestRecordBytes: number
  readonly wire: Uint8Array | undefined
  /** Bytes of its records on the wire, over those before compression. */
  readonly compressionRatio: number
  readonly queue: { readonly meter: TopicMeter | undefined }
}

/** A batch, or a record without one, whose result is there. */
export interface SettledRecords {
  readonly writtenCount: number
  readonly createdAt: number
  readonly queue: { readonly meter: TopicMeter | undefined }
}

/**
 * Everything that is measured of one producer. Whoever does the work counts here, once a batch or request, into plain fields;
 * what the fields mean is in metric-table.ts, and is computed by whoever reads.
 */
export class ProducerMeters {
  readonly #clock: Clock
  readonly #windows: Windows
  readonly #batchSize: number
  /** Wall-clock time at which the producer was made. */
  readonly startedAtMs: number
  readonly topics = new Map<string, TopicMeter>()
  readonly brokers = new Map<number, BrokerMeter>()
  /** All connections of this thread, those for questions included. */
  readonly traffic: TrafficMeter

  readonly batchBytes: SampledStat
  readonly compressionRate: SampledStat
  readonly queueTime: SampledStat
  readonly latency: SampledStat
  readonly throttle: SampledStat
  readonly recordsSent: SampledStat
  readonly recordsPerRequest: SampledStat
  readonly retries: SampledStat
  readonly errors: SampledStat
  readonly largestRecord: SampledStat
  readonly splits: SampledStat
  readonly bufferExhausted: SampledStat

  readonly queueTimes = new BucketHistogram(timeBounds)
  readonly deliveryTimes = new BucketHistogram(timeBounds)
  readonly batchSizes = new BucketHistogram(byteBounds)
  readonly batchFills = new BucketHistogram(ratioBounds)
  readonly requestRecords = new BucketHistogram(countBounds)

  acknowledgedRecords = 0
  uncompressedBytes = 0
  undelivered = 0
  reportedErrors = 0
  /** Records that failed, by outcome and code. */
  readonly failures = new Map<Outcome, Map<string, number>>()
  /** Records that were sent again, by the code of what went wrong. */
  readonly retryCauses = new Map<string, number>()

  readonly memoryWait: Stopwatch
  readonly metadataWait: Stopwatch
  /** Time in the calls of the user that wait, in milliseconds. */
  flushMs = 0
  blockedMs = 0
  readonly transactionMs = { init: 0, begin: 0, sendOffsets: 0, prepare: 0, commit: 0, abort: 0 }
  readonly transactionsEnded = { committed: 0, aborted: 0, failed: 0 }

  constructor(clock: Clock, windows: Windows, batchSize: number) {
    this.#clock = clock
    this.#windows = windows
    this.#batchSize = batchSize
    this.startedAtMs = clock.wallTime()
    const stat = () => new SampledStat(windows)
    this.traffic = new TrafficMeter(windows)
    this.batchBytes = stat()
    this.compressionRate = stat()
    this.queueTime = stat()
    this.latency = stat()
    this.throttle = stat()
    this.recordsSent = stat()
    this.recordsPerRequest = stat()
    this.retries = stat()
    this.errors = stat()
    this.largestRecord = stat()
    this.splits = stat()
    this.bufferExhausted = stat()
    this.memoryWait = new Stopwatch(clock, windows)
    this.metadataWait = new Stopwatch(clock, windows)
  }

  topic(name: string): TopicMeter {
    let meter = this.topics.get(name)
    if (meter === undefined) {
      meter = new TopicMeter(name, this.#windows)
      this.topics.set(name, meter)
    }
    return meter
  }

  broker(brokerId: number): BrokerMeter {
    let meter = this.brokers.get(brokerId)
    if (meter === undefined) {
      meter = new BrokerMeter(brokerId, this.#windows, this.traffic)
      this.brokers.set(brokerId, meter)
    }
    return meter
  }

  /** A Produce request leaves with these batches. */
  requestSent(batches: readonly LeavingBatch[], now: number): void {
    let records = 0
    for (const batch of batches) {
      records += batch.writtenCount
      this.#batchSent(batch, now)
    }
    this.recordsSent.record(records, now)
    this.recordsPerRequest.record(records, now)
    this.requestRecords.record(records)
  }

  #batchSent(batch: LeavingBatch, now: number): void {
    const { meter } = batch.queue
    const bytes = batch.wire!.length
    const queuedMs = now - batch.createdAt
    const { compressionRatio } = batch
    this.batchBytes.record(bytes, now)
    this.batchSizes.record(bytes)
    this.batchFills.record(batch.length / this.#batchSize)
    this.queueTime.record(queuedMs, now)
    this.queueTimes.record(queuedMs)
    this.compressionRate.record(compressionRatio, now)
    this.largestRecord.record(batch.largestRecordBytes, now)
    this.uncompressedBytes += batch.length
    if (meter === undefined) return
    meter.lastUsedAt = now
    meter.recordsSent.record(batch.writtenCount, now)
    meter.bytes.record(bytes, now)
    meter.compressionRate.record(compressionRatio, now)
    meter.uncompressedBytes += batch.length
  }

  /** A broker has answered a Produce request. */
  answered(broker: BrokerMeter, latencyMs: number, throttleMs: number, now: number): void {
    this.latency.record(latencyMs, now)
    this.throttle.record(throttleMs, now)
    broker.latency.record(latencyMs, now)
    broker.latencies.record(latencyMs)
  }

  retried(batch: SettledRecords, cause: string): void {
    const now = this.#clock.now()
    const records = batch.writtenCount
    this.retries.record(records, now)
    batch.queue.meter?.retries.record(records, now)
    this.retryCauses.set(cause, (this.retryCauses.get(cause) ?? 0) + records)
  }

  split(): void {
    this.splits.record(1, this.#clock.now())
  }

  acknowledged(batch: SettledRecords): void {
    const records = batch.writtenCount
    this.acknowledgedRecords += records
    const { meter } = batch.queue
    if (meter !== undefined) meter.acknowledged += records
    this.deliveryTimes.record(this.#clock.now() - batch.createdAt, records)
  }

  /** Records failed; `meter` is that of their topic, where it was ever known. */
  failed(records: number, error: KafkaError, meter: TopicMeter | undefined): void {
    if (records === 0) return
    const now = this.#clock.now()
    this.errors.record(records, now)
    meter?.errors.record(records, now)
    if (meter !== undefined) meter.lastUsedAt = now
    if (error.code === 'BUFFER_EXHAUSTED') this.bufferExhausted.record(records, now)
    const outcome = error.outcome ?? 'not-written'
    let byCode = this.failures.get(outcome)
    if (byCode === undefined) {
      byCode = new Map()
      this.failures.set(outcome, byCode)
    }
    byCode.set(error.code, (byCode.get(error.code) ?? 0) + records)
  }
}
