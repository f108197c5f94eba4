import type { KafkaError, Outcome } from '../../base/errors/index.ts'
import { LatencyHistogram } from './latency-histogram.ts'

/** One record that was not acknowledged, and where it stood in the input. */
export interface Failure {
  /** `orders.txt:12` */
  readonly place: string
  readonly topic: string
  /** −1 where none was chosen. */
  readonly partition: number
  readonly code: string
  readonly outcome: Outcome | 'aborted'
  readonly message: string
}

/** Failures are named up to this number, and counted beyond it. */
export const NAMED_FAILURES = 10

/** What has become of the records so far. Those of a transaction are nothing yet until it has ended. */
export class Tally {
  readonly latency: LatencyHistogram = new LatencyHistogram()
  readonly failures: Failure[] = []
  records = 0
  bytes = 0
  /** In a transaction: and committed. */
  acknowledged = 0
  notWritten = 0
  unknown = 0
  /** Of a transaction that was not committed: no reader of committed records sees them. */
  aborted = 0
  /** Failures beyond those that are named. */
  unnamed = 0

  get pending(): number {
    return this.records - this.acknowledged - this.failed
  }

  /** All that were not acknowledged: not written, aborted, and unknown. */
  get failed(): number {
    return this.notWritten + this.aborted + this.unknown
  }

  sent(bytes: number): void {
    this.records++
    this.bytes += bytes
  }

  acknowledge(latencyMs: number): void {
    this.acknowledged++
    this.latency.record(latencyMs)
  }

  fail(place: string, topic: string, partition: number, error: KafkaError): void {
    // An error that does not say is taken for the worse case.
    const outcome = error.outcome ?? 'unknown'
    if (outcome === 'unknown') this.unknown++
    else this.notWritten++
    this.name({ place, topic, partition, code: error.code, outcome, message: error.message })
  }

  name(failure: Failure): void {
    if (this.failures.length < NAMED_FAILURES) this.failures.push(failure)
    else this.unnamed++
  }

  /** All records of a transaction are acknowledged now, or none. */
  endTransaction(end: 'acknowledged' | 'aborted' | 'unknown', records: number): void {
    this[end] += records
  }
}
