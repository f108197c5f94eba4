import { type TextMapPropagator, trace } from '@opentelemetry/api'

/** The header `traceparent` of W3C's Trace Context, version 00. */
export const traceparent: TextMapPropagator = {
  inject(context, carrier, setter) {
    const span = trace.getSpanContext(context)
    if (span === undefined || /^0+$/.test(span.traceId)) return
    setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-0${span.traceFlags & 1}`)
  },
  extract(context, carrier, getter) {
    const [, traceId, spanId, flags] =
      /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(String(getter.get(carrier, 'traceparent'))) ?? []
    if (traceId === undefined || spanId === undefined) return context
    return trace.setSpanContext(context, { traceId, spanId, traceFlags: Number.parseInt(flags!, 16), isRemote: true })
  },
  fields: () => ['traceparent', 'tracestate'],
}
