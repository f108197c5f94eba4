import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { diag, type MeterProvider, propagation, type TracerProvider, trace } from '@opentelemetry/api'
import { ConfigError } from '../base/errors/index.ts'
import { software } from '../base/software.ts'
import type { BatchMessage, RequestMessage, SendMessage } from '../client/observer/channels.ts'
import { ClientMetrics } from './client-metrics.ts'
import { conventionsOf, type SemanticConventions } from './conventions.ts'
import type { Propagator } from './header-context.ts'
import { RecordSpans } from './record-spans.ts'
import { RequestSpans } from './request-spans.ts'

export interface InstrumentationOptions {
  /** Default: the global one, also where it is set after this call. */
  readonly tracerProvider?: TracerProvider
  /** Default: the one that is global when the first request is answered. */
  readonly meterProvider?: MeterProvider
  /** Writes the context into headers. Default: the global one, also where it is set after this call. */
  readonly propagator?: Propagator
  /** Default: `dup` where the environment's `OTEL_SEMCONV_STABILITY_OPT_IN` has `messaging/dup`, else `stable`. */
  readonly semconv?: SemanticConventions
  /** Records' keys in spans, where they are text, numbers or bytes. Keys may be personal data. Default: false. */
  readonly recordKeys?: boolean
}

export interface Instrumentation {
  /** Nothing is begun any more; spans that are open are left open. */
  disable(): void
}

/**
 * Makes spans and metrics of what every producer in this process does, of whichever copy of ottla. Call it once, before or after
 * producers are made.
 *
 * - `send {topic}`, kind PRODUCER: one per record, from `send` to its result, over all retries; child of what is active at the call.
 *   Its context goes into the record's headers, whether it is sampled or not. A context that the record had already is replaced, and linked.
 * - `send {topic}`, kind CLIENT: one per Produce request, and so another one for each retry. Of a single record it is a child; of several it
 *   is a trace of its own, with links to the first 128. Where none of its records is sampled, there is none.
 * - `messaging.client.operation.duration` in seconds, per request; `messaging.client.sent.messages`, per record of batches that ended.
 *
 * Why not a span `create` for each record, as the conventions have it for batches: when `send` is called nobody knows yet
 * how many records the request will carry, and the operation that the caller waits for ends with the acknowledgement.
 *
 * @throws ConfigError
 */
export function instrument(options: InstrumentationOptions = {}): Instrumentation {
  const {
    tracerProvider = trace,
    meterProvider,
    propagator = propagation,
    semconv = conventionsOf(process.env.OTEL_SEMCONV_STABILITY_OPT_IN),
    recordKeys = false,
  } = options
  if (!['stable', 'old', 'dup'].includes(semconv))
    throw new ConfigError([{ option: 'semconv', message: "semconv must be 'stable', 'old' or 'dup'" }])
  const tracer = tracerProvider.getTracer('ottla', software.version)
  const records = new RecordSpans({ tracer, propagator, conventions: semconv, recordKeys })
  const requests = new RequestSpans(tracer, semconv, records)
  const clientMetrics = new ClientMetrics(meterProvider, semconv)
  const subscriptions: [channel: string, onMessage: (message: unknown) => void][] = [
    ['tracing:ottla:send:start', guarded<SendMessage>(message => records.start(message))],
    ['tracing:ottla:send:asyncEnd', guarded<SendMessage>(message => records.end(message))],
    ['tracing:ottla:request:start', guarded<RequestMessage>(message => requests.start(message))],
    [
      'tracing:ottla:request:asyncEnd',
      guarded<RequestMessage>(message => {
        requests.end(message)
        clientMetrics.requestEnded(message)
      }),
    ],
    ['ottla:batch', guarded<BatchMessage>(message => clientMetrics.batchEnded(message))],
  ]
  for (const subscription of subscriptions) subscribe(...subscription)
  return {
    disable() {
      for (const subscription of subscriptions) unsubscribe(...subscription)
    },
  }
}

/** What an exporter or processor throws is told to OpenTelemetry's own log: it would end the process else. */
const guarded =
  <M>(run: (message: M) => void) =>
  (message: unknown): void => {
    try {
      run(message as M)
    } catch (error) {
      diag.error('ottla: a span or metric was lost', error)
    }
  }
