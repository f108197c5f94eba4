import { ClusterError } from '../cluster-error.ts'
import type { ClientTelemetry } from './client-telemetry.ts'
import { defaultIntervalMs, subscriptionProblem, type TelemetrySubscription } from './telemetry-options.ts'

/** The type of resource under which Kafka has subscriptions to client metrics. Source: ConfigResource.Type. */
export const clientMetricsResource = 16

/** Kafka's names for what a subscription consists of. Source: ClientMetricsConfigs. */
const names = ['metrics', 'interval.ms', 'match'] as const
export type TelemetryConfigName = (typeof names)[number]
export const telemetryConfigNames: readonly TelemetryConfigName[] = names
export const isTelemetryConfigName = (name: string): name is TelemetryConfigName => names.some(own => own === name)
export const telemetryConfigIsList = (name: TelemetryConfigName): boolean => name !== 'interval.ms'

export function telemetryConfigDefault(name: TelemetryConfigName): string {
  return name === 'interval.ms' ? String(defaultIntervalMs) : ''
}

/** So that clients cannot fill the memory with them; Kafka keeps as many as there is room for. */
const [mostSubscriptions, mostCharacters] = [100, 64 * 1024]

/** What was set of a subscription, by Kafka's names; nothing where there is none. */
export function telemetryConfig(telemetry: ClientTelemetry, subscription: string): ReadonlyMap<string, string> {
  const { metrics, intervalMs, match } = telemetry.subscription(subscription) ?? {}
  return new Map([
    ...(metrics ? [['metrics', metrics.join(',')] as const] : []),
    ...(intervalMs === undefined ? [] : [['interval.ms', String(intervalMs)] as const]),
    ...(match ? [['match', match.join(',')] as const] : []),
  ])
}

/** Sets a subscription; with nothing it is taken away. Throws ClusterError where Kafka would refuse it. */
export function setTelemetryConfig(
  telemetry: ClientTelemetry,
  subscription: string,
  entries: ReadonlyMap<string, string>,
): void {
  if (entries.size === 0) {
    telemetry.unsubscribe(subscription)
    return
  }
  if (telemetry.subscription(subscription) === undefined && telemetry.subscriptionNames.length >= mostSubscriptions)
    throw new ClusterError('POLICY_VIOLATION', `There are ${mostSubscriptions} subscriptions already.`)
  const characters = [...entries.values()].reduce((sum, value) => sum + value.length, subscription.length)
  if (characters > mostCharacters)
    throw new ClusterError('INVALID_CONFIG', `The subscription has more than ${mostCharacters} characters.`)
  const list = (name: TelemetryConfigName) =>
    entries
      .get(name)
      ?.split(',')
      .filter(item => item !== '')
  const [interval, match] = [entries.get('interval.ms'), list('match')]
  const settings: TelemetrySubscription = {
    metrics: list('metrics') ?? [],
    ...(interval !== undefined && { intervalMs: Number(interval) }),
    ...(match && { match }),
  }
  const problem = subscriptionProblem(settings)
  if (problem !== null) throw new ClusterError('INVALID_CONFIG', problem)
  telemetry.subscribe(subscription, settings)
}
