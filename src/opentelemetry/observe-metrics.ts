import { type MeterProvider, metrics, type Observable } from '@opentelemetry/api'
import { software } from '../base/software.ts'
import type { NumberMetric, ProducerMetrics } from '../client/metrics/producer-metrics.ts'
import { ucumUnits } from '../client/metrics/ucum-units.ts'
import type { Instrumentation } from './instrument.ts'

export interface ObserveMetricsOptions {
  /** Default: the global one, which must be set before this call. */
  readonly meterProvider?: MeterProvider
}

/** Numbers of the producer as a whole: those of topics and brokers have a tag more. */
function* wholeOf(read: ProducerMetrics): Generator<NumberMetric> {
  for (const metric of read)
    if (metric.type !== 'histogram' && Object.keys(metric.tags).join() === 'client-id') yield metric
}

/**
 * Makes what `producer.metrics()` tells of the producer as a whole readable for OpenTelemetry, under `kafka.producer.` and Kafka's own
 * name with underscores: `kafka.producer.buffer_available_bytes`. Read when metrics are collected, and only then.
 */
export function observeMetrics(
  producer: { metrics(): ProducerMetrics },
  { meterProvider = metrics.getMeterProvider() }: ObserveMetricsOptions = {},
): Instrumentation {
  const meter = meterProvider.getMeter('ottla', software.version)
  const observables = new Map<string, Observable>()
  for (const { name, type, unit, description } of wholeOf(producer.metrics())) {
    const metricOptions = { description, unit: ucumUnits[unit] }
    const full = `kafka.producer.${name.replaceAll('-', '_')}`
    observables.set(
      name,
      type === 'counter'
        ? meter.createObservableCounter(full, metricOptions)
        : meter.createObservableGauge(full, metricOptions),
    )
  }
  const all = [...observables.values()]
  const callback: Parameters<typeof meter.addBatchObservableCallback>[0] = result => {
    for (const { name, value, tags } of wholeOf(producer.metrics())) {
      const observable = observables.get(name)
      if (observable !== undefined && Number.isFinite(value))
        result.observe(observable, value, { 'messaging.client.id': tags['client-id'] })
    }
  }
  meter.addBatchObservableCallback(callback, all)
  return { disable: () => meter.removeBatchObservableCallback(callback, all) }
}
