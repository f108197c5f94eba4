// Traces and channels: a span for each record and for each request, printed as they end, and the batches as a channel tells them.
// In a program of your own, an exporter of OpenTelemetry takes the place of `printed`.
import { subscribe } from 'node:diagnostics_channel'
import { context, propagation, SpanKind, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { createProducer } from 'ottla'
import { instrument } from 'ottla/opentelemetry'

/** @type {import('@opentelemetry/sdk-trace-base').SpanExporter} */
const printed = {
  export(spans, done) {
    for (const { kind, name, parentSpanContext, links, attributes } of spans) {
      const parent = parentSpanContext === undefined ? '' : `, below ${parentSpanContext.spanId}`
      const linked = links.length === 0 ? '' : `, linked to ${links.length} records`
      const offset = attributes['kafka.offset'] === undefined ? '' : `, offset ${attributes['kafka.offset']}`
      console.log(`${SpanKind[kind]} ${name}${parent}${linked}${offset}`)
    }
    done({ code: 0 })
  },
  shutdown: async () => {},
}
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(printed)] }))

const instrumentation = instrument()
subscribe('ottla:batch', message => {
  const { result, topic, partition, records, durationMs } = /** @type {import('ottla').BatchMessage} */ (message)
  console.log(`batch ${result}: ${records} records of ${topic}-${partition} in ${durationMs.toFixed(1)} ms`)
})

const producer = createProducer({ bootstrapServers: process.env.KAFKA_BOOTSTRAP ?? 'localhost:9092' })
try {
  // Its span is a child of this one, and the header `traceparent` carries it on to whoever reads the record.
  await trace.getTracer('example').startActiveSpan('order placed', async span => {
    await producer.send({ topic: 'orders', key: 'user-42', value: '{"id":1}' })
    span.end()
  })
  // Three records travel together: the request's span links to the three.
  await producer.sendAll(['a', 'b', 'c'].map(value => ({ topic: 'orders', key: 'user-42', value })))
} finally {
  await producer.close()
  instrumentation.disable()
}
