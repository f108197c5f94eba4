import type { EventEmitter } from 'node:events'
import type { KafkaError } from '../base/errors/index.ts'
import { callbackError } from '../client/accumulator/deliveries.ts'
import type { ProducerCounters } from '../client/producer/metrics.ts'
import type { Undelivered } from '../client/producer/types.ts'

/** The events of a mock producer. A listener that throws harms nobody. */
export class MockReports {
  readonly #emitter: EventEmitter
  readonly #counters: ProducerCounters

  constructor(emitter: EventEmitter, counters: ProducerCounters) {
    this.#emitter = emitter
    this.#counters = counters
  }

  get isUndeliveredHeard(): boolean {
    return this.#emitter.listenerCount('undelivered') > 0
  }

  /** A record failed, and nobody watched it; undefined where nobody listened then. */
  undelivered(report: Undelivered | undefined): void {
    this.#counters.undelivered++
    if (report === undefined) return
    try {
      this.#emitter.emit('undelivered', report)
    } catch (thrown) {
      this.error(callbackError(thrown, "a listener of 'undelivered'"))
    }
  }

  /** What belongs to no record. Never thrown when nobody listens. */
  error(error: KafkaError): void {
    this.#counters.errors++
    if (this.#emitter.listenerCount('error') === 0) return
    try {
      this.#emitter.emit('error', error)
    } catch {
      // A listener that throws about an error has nobody left to tell.
    }
  }
}
