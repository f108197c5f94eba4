import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { expect, test } from 'vitest'
import { createProducer } from '../../src/index.ts'
import { instrument } from '../../src/opentelemetry/index.ts'
import { describeOnEachBroker } from '../kafka/brokers-under-test.ts'

describeOnEachBroker('Tracing', ({ kafka }) => {
  test('whoever reads a record finds the context of its span in the headers', async () => {
    const topic = await kafka.createTopic()
    const exporter = new InMemorySpanExporter()
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    const instrumentation = instrument({ tracerProvider, propagator: new W3CTraceContextPropagator() })
    try {
      await using producer = createProducer({ bootstrapServers: kafka.bootstrapServers, compressionType: 'lz4' })
      const parent = tracerProvider.getTracer('test').startSpan('parent')

      await context.with(trace.setSpan(context.active(), parent), async () => {
        await producer.send({ topic, partition: 0, value: '0', headers: { own: 'x' } })
        producer.send({ topic, partition: 0, value: '1' }, () => {})
        await producer.sendAll(['2', '3'].map(value => ({ topic, partition: 0, value })))
      })

      const found = await kafka.readBack(topic)
      const own = exporter
        .getFinishedSpans()
        .filter(({ name, attributes }) => name === `send ${topic}` && 'kafka.offset' in attributes)
      const { traceId } = parent.spanContext()
      expect(own.map(({ attributes }) => attributes['kafka.offset'])).toEqual([0, 1, 2, 3])
      expect(found.map(({ headers }) => headers.map(([name, value]) => [name, String(value)]))).toEqual(
        own.map((span, index) => [
          ...(index === 0 ? [['own', 'x']] : []),
          ['traceparent', `00-${traceId}-${span.spanContext().spanId}-01`],
        ]),
      )
      expect(own.map(span => span.parentSpanContext?.spanId)).toEqual(Array(4).fill(parent.spanContext().spanId))
    } finally {
      instrumentation.disable()
      context.disable()
    }
  })
})
