import {
  type Attributes,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { RequestMessage } from '../client/observer/channels.ts'
import { operation, type SemanticConventions, serverOf } from './conventions.ts'
import type { RecordSpans } from './record-spans.ts'

/** As many links as the SDK keeps by default; a request may carry hundreds of thousands of records. */
const maxLinks = 128

/** What a request failed with: having no answer, or the first batch that was refused. */
export const failureOf = ({ error, batches }: RequestMessage) => error ?? batches.find(batch => batch.error)?.error

/** The topic of a request, where it has but one. */
export function onlyTopicOf({ batches }: RequestMessage): string | undefined {
  const topic = batches[0]?.topic
  return batches.every(batch => batch.topic === topic) ? topic : undefined
}

/**
 * A CLIENT span for each Produce request. One that carries a single traced record is a child of its span; one of several begins a
 * trace of its own, and links to the first 128 of them. Where none of its records is sampled, there is no span.
 */
export class RequestSpans {
  readonly #tracer: Tracer
  readonly #conventions: SemanticConventions
  readonly #records: RecordSpans
  readonly #spans = new WeakMap<RequestMessage, Span>()

  constructor(tracer: Tracer, conventions: SemanticConventions, records: RecordSpans) {
    this.#tracer = tracer
    this.#conventions = conventions
    this.#records = records
  }

  start(message: RequestMessage): void {
    const records = message.batches.flatMap(batch => batch.sends.map(send => this.#records.of(send)))
    const sampled = records.filter(span => span !== undefined && isSampled(span)) as Span[]
    if (records.length > 0 && sampled.length === 0) return
    const only = records.length === 1 ? sampled[0] : undefined
    const links: Link[] = only ? [] : sampled.slice(0, maxLinks).map(span => ({ context: span.spanContext() }))
    const parent = only === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, only)
    const topic = onlyTopicOf(message)
    const span = this.#tracer.startSpan(
      topic === undefined ? 'send' : `send ${topic}`,
      { kind: SpanKind.CLIENT, startTime: message.startedAt, attributes: this.#attributesOf(message, topic), links },
      parent,
    )
    this.#spans.set(message, span)
  }

  #attributesOf({ clientId, remote, batches }: RequestMessage, topic: string | undefined): Attributes {
    const [first] = batches
    return {
      ...operation(this.#conventions),
      ...(topic !== undefined && { 'messaging.destination.name': topic }),
      ...(batches.length === 1 && { 'messaging.destination.partition.id': String(first!.partition) }),
      'messaging.batch.message_count': batches.reduce((sum, { records }) => sum + records, 0),
      'messaging.client.id': clientId,
      ...serverOf(remote),
    }
  }

  end(message: RequestMessage): void {
    const span = this.#spans.get(message)
    if (span === undefined) return
    const error = failureOf(message)
    if (error !== undefined) {
      span.setAttribute('error.type', error.code)
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    }
    const { startedAt, durationMs = 0 } = message
    span.end(startedAt + durationMs)
  }
}

const isSampled = (span: Span) => (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0
