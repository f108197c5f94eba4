import type { EventEmitter } from 'node:events'
import type { KafkaError } from '../base/errors/index.ts'
import { callbackError } from '../client/accumulator/deliveries.ts'
import type { ProducerMeters } from '../client/metrics/meters.ts'
import type { Undelivered } from '../client/producer/types.ts'

/** The events of a mock producer. A listener that throws harms nobody. */
export class MockReports {
  readonly #emitter: EventEmitter
  readonly #meters: ProducerMeters

  constructor(emitter: EventEmitter, meters: ProducerMeters) {
    this.#emitter = emitter
    this.#meters = meters
  }

  get isUndeliveredHeard(): boolean {
    return this.#emitter.listenerCount('undelivered') > 0
  }

  /** A record failed, and nobody watched it; undefined where nobody listened then. */
  undelivered(report: Undelivered | undefined): void {
    this.#meters.undelivered++
    if (report === undefined) return
    try {
      this.#emitter.emit('undelivered', report)
    } catch (thrown) {
      this.error(callbackError(thrown, "a listener of 'undelivered'"))
    }
  }

  /** What belongs to no record. Never thrown when nobody listens. */
  error(error: KafkaError): void {
    this.#meters.reportedErrors++
    if (this.#emitter.listenerCount('error') === 0) return
    try {
      this.#emitter.emit('error', error)
    } catch {
      // A listener that throws about an error has nobody left to tell.
    }
  }
}
