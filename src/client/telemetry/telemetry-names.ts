import type { Metric } from '../metrics/producer-metrics.ts'

/** Of metrics that Kafka's clients have in common. */
const kafkaDomain = 'org.apache.kafka.'
const ownGroups = 'ottla-'

/**
 * The name under which a metric is pushed: `record-send-rate` of `producer-metrics` is `org.apache.kafka.producer.record.send.rate`. Our
 * own have a beginning of their own, so that a subscription to Kafka's does not bring them: `ottla.producer.…`. Source: KIP-714, "Metrics
 * naming and format"; TelemetryMetricNamingConvention.
 */
export function telemetryName({ group, name }: Pick<Metric, 'group' | 'name'>): string {
  const path = `${group.toLowerCase().replaceAll('-', '.').replaceAll('.metrics', '')}.${name.toLowerCase().replaceAll('-', '.')}`
  return group.startsWith(ownGroups) ? path : kafkaDomain + path
}

/** Tags in snake case. The broker knows the client id from the request. */
export function telemetryAttributes(tags: Metric['tags']): [string, string][] {
  return Object.entries(tags)
    .map(([name, value]): [string, string] => [name.toLowerCase().replaceAll('-', '_'), value])
    .filter(([name]) => name !== 'client_id')
}
