import { type Attributes, type Counter, type Histogram, type MeterProvider, metrics } from '@opentelemetry/api'
import { software } from '../base/software.ts'
import type { BatchMessage, RequestMessage } from '../client/observer/channels.ts'
import { operation, type SemanticConventions, serverOf } from './conventions.ts'
import { failureOf, onlyTopicOf } from './request-spans.ts'

/** The buckets that the conventions ask for, in seconds. */
const secondsBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/** The two metrics that the conventions have for a producer. Nothing of high cardinality: neither partitions nor clients. */
export class ClientMetrics {
  readonly #given: MeterProvider | undefined
  readonly #conventions: SemanticConventions
  #instruments: { readonly duration: Histogram; readonly sent: Counter } | undefined

  constructor(meterProvider: MeterProvider | undefined, conventions: SemanticConventions) {
    this.#given = meterProvider
    this.#conventions = conventions
  }

  /** Made with the first request: the program may set up its SDK after this instrumentation. */
  get #made() {
    if (this.#instruments === undefined) {
      const meter = (this.#given ?? metrics.getMeterProvider()).getMeter('ottla', software.version)
      this.#instruments = {
        duration: meter.createHistogram('messaging.client.operation.duration', {
          description: 'Duration of a Produce request, from its sending to its answer',
          unit: 's',
          advice: { explicitBucketBoundaries: secondsBounds },
        }),
        sent: meter.createCounter('messaging.client.sent.messages', {
          description: 'Records whose batch was acknowledged, or has failed (error.type)',
          unit: '{message}',
        }),
      }
    }
    return this.#instruments
  }

  requestEnded(message: RequestMessage): void {
    const { 'server.address': address, 'server.port': port } = serverOf(message.remote)
    const attributes = {
      ...this.#attributes(onlyTopicOf(message), failureOf(message)?.code),
      ...(address !== undefined && { 'server.address': address, 'server.port': port }),
    }
    this.#made.duration.record((message.durationMs ?? 0) / 1000, attributes as Attributes)
  }

  batchEnded({ topic, records, result, error }: BatchMessage): void {
    if (result !== 'split') this.#made.sent.add(records, this.#attributes(topic, error?.code))
  }

  #attributes(topic: string | undefined, errorType: string | undefined): Attributes {
    return {
      ...operation(this.#conventions),
      ...(topic !== undefined && { 'messaging.destination.name': topic }),
      ...(errorType !== undefined && { 'error.type': errorType }),
    }
  }
}
