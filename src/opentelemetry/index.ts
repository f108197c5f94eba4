/** Spans and metrics for OpenTelemetry, by its conventions for messaging. The only part of ottla that needs `@opentelemetry/api`. */

export type { SemanticConventions } from './conventions.ts'
export { type Instrumentation, type InstrumentationOptions, instrument } from './instrument.ts'
export { type ObserveMetricsOptions, observeMetrics } from './observe-metrics.ts'
