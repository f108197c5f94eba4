import {
  type Attributes,
  context,
  isSpanContextValid,
  type Link,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { SendMessage } from '../client/observer/channels.ts'
import { named, operation, type SemanticConventions } from './conventions.ts'
import { carriedContext, injectContext, type Propagator } from './header-context.ts'

export interface RecordSpanOptions {
  readonly tracer: Tracer
  readonly propagator: Propagator
  readonly conventions: SemanticConventions
  readonly recordKeys: boolean
}

/** The keys that can be shown as text. */
const keyText = (key: unknown): string | undefined =>
  typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint'
    ? String(key)
    : key instanceof Uint8Array
      ? Buffer.from(key).toString()
      : undefined

/** A PRODUCER span for each record, from `send` to its result, over all retries. Its context goes with the record. */
export class RecordSpans {
  readonly #options: RecordSpanOptions
  readonly #common: Attributes
  readonly #spans = new WeakMap<SendMessage, Span>()

  constructor(options: RecordSpanOptions) {
    this.#options = options
    this.#common = operation(options.conventions)
  }

  start(message: SendMessage): void {
    const { tracer, propagator } = this.#options
    const { topic, startedAt, record } = message
    const parent = context.active()
    const carried = carriedContext(propagator, record.headers)
    const isNews = carried !== undefined && carried.spanId !== trace.getSpanContext(parent)?.spanId
    const links: Link[] = isNews && isSpanContextValid(carried) ? [{ context: carried }] : []
    const attributes: Attributes = {
      ...this.#common,
      ...(topic !== '' && { 'messaging.destination.name': topic }),
      'messaging.client.id': message.clientId,
      ...this.#keyOf(message),
    }
    const span = tracer.startSpan(
      topic === '' ? 'send' : `send ${topic}`,
      { kind: SpanKind.PRODUCER, startTime: startedAt, attributes, links },
      parent,
    )
    injectContext(propagator, trace.setSpan(parent, span), record.headers)
    this.#spans.set(message, span)
  }

  #keyOf({ record }: SendMessage): Attributes {
    const { conventions, recordKeys } = this.#options
    const key = recordKeys ? keyText(record.key) : undefined
    return key === undefined ? {} : named(conventions, 'key', key)
  }

  end(message: SendMessage): void {
    const span = this.#spans.get(message)
    if (span === undefined) return
    const { startedAt, durationMs = 0 } = message
    if (span.isRecording()) this.#tell(span, message)
    span.end(startedAt + durationMs)
  }

  #tell(span: Span, message: SendMessage): void {
    span.setAttributes(this.#resultOf(message))
    if (message.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: message.error.message })
  }

  #resultOf({ partition, metadata, error }: SendMessage): Attributes {
    const { conventions } = this.#options
    return {
      ...(partition !== undefined && { 'messaging.destination.partition.id': String(partition) }),
      ...(metadata?.hasOffset && named(conventions, 'offset', Number(metadata.offset))),
      ...(metadata?.serializedValueSize === -1 && named(conventions, 'tombstone', true)),
      ...(error !== undefined && { 'error.type': error.code }),
      ...(error?.outcome !== undefined && { 'ottla.outcome': error.outcome }),
    }
  }

  /** The span of a record, also after its end. */
  of(message: SendMessage): Span | undefined {
    return this.#spans.get(message)
  }
}
