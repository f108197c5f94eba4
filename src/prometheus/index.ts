/** What a producer does, for Prometheus: a server that it scrapes, or a guest in the registry that a program has already. */

export type { MeasuredProducer } from './collection.ts'
export { type MetricsServer, type MetricsServerOptions, startMetricsServer } from './metrics-server.ts'
export type { CollectionOptions, MeasuredProducers } from './options.ts'
export { type MetricRegistry, registerMetrics } from './register-metrics.ts'
