import { Script } from 'node:vm'
import { KafkaError } from '../../base/errors/index.ts'

/** Metrics that clients are asked to push. Source: ClientMetricsConfigs of Kafka, whose names are `metrics`, `interval.ms` and `match`. */
export interface TelemetrySubscription {
  /** Beginnings of names, as `org.apache.kafka.producer.`; `'*'` for all metrics. None: clients are asked for nothing. */
  readonly metrics: readonly string[]
  /** How often a client pushes, in milliseconds: 100 to 3,600,000. Default 300,000. */
  readonly intervalMs?: number
  /**
   * Which clients are meant, each as `name=pattern`, where the pattern is a regular expression for the whole of it: `client_id`,
   * `client_instance_id` or `client_source_address`. All of them must match. Default: every client.
   */
  readonly match?: readonly string[]
}

/** That a broker takes pushes of clients. */
export interface TelemetryOptions {
  /** What clients are asked for to begin with, by name. Default: nothing. */
  readonly subscriptions?: { readonly [name: string]: TelemetrySubscription }
  /** Kafka's `telemetry.max.bytes`: a larger push is answered TELEMETRY_TOO_LARGE. Default 1,048,576. */
  readonly maxBytes?: number
  /** Whether clients tell how much counters have grown, or what they have come to. Kafka always says true. Default true. */
  readonly deltaTemporality?: boolean
  /** Ids of the codecs that are taken, the preferred one first. Default: zstd, lz4, gzip, snappy (4, 3, 1, 2), as Kafka. */
  readonly compressionTypes?: readonly number[]
}

export const defaultIntervalMs = 300_000
export const allMetrics = '*'
const [shortestIntervalMs, longestIntervalMs] = [100, 3_600_000]
const matchable = ['client_id', 'client_instance_id', 'client_source_address'] as const
export type Matchable = (typeof matchable)[number]

/** What is wrong with a subscription; null: nothing. */
export function subscriptionProblem({ metrics, intervalMs, match = [] }: TelemetrySubscription): string | null {
  if (!(Array.isArray(metrics) && metrics.every(name => typeof name === 'string')))
    return 'metrics is not a list of names'
  const interval: unknown = intervalMs ?? defaultIntervalMs
  if (!(Number.isInteger(interval) && Number(interval) >= shortestIntervalMs && Number(interval) <= longestIntervalMs))
    return `intervalMs: ${String(interval)} is not a whole number from ${shortestIntervalMs} to ${longestIntervalMs}`
  for (const one of match) {
    const { name, pattern } = parsed(one)
    if (!matchable.some(known => known === name)) return `match: ${one} begins with none of ${matchable.join(', ')}`
    try {
      new RegExp(pattern)
    } catch {
      return `match: ${pattern} is no regular expression`
    }
  }
  return null
}

export function checkSubscription(name: string, subscription: TelemetrySubscription): void {
  const problem = subscriptionProblem(subscription)
  if (problem !== null) throw new KafkaError('INVALID_CONFIG', `telemetry subscription ${name}: ${problem}`)
}

/** The option `telemetry`. */
export function checkTelemetry(
  telemetry: TelemetryOptions | undefined,
  wrong: (option: string, message: string) => void,
): void {
  const { subscriptions = {}, maxBytes = 1, compressionTypes = [] } = telemetry ?? {}
  for (const [name, subscription] of Object.entries(subscriptions)) {
    const problem = subscriptionProblem(subscription)
    if (problem !== null) wrong(`telemetry.subscriptions.${name}`, problem)
  }
  if (!(Number.isInteger(maxBytes) && maxBytes >= 1 && maxBytes <= 2 ** 31 - 1))
    wrong('telemetry.maxBytes', `${String(maxBytes)} is not a whole number from 1 to ${2 ** 31 - 1}`)
  if (!compressionTypes.every(id => Number.isInteger(id) && id >= 0 && id <= 127))
    wrong('telemetry.compressionTypes', `${String(compressionTypes)} are not ids of codecs`)
}

/** How long all patterns together may take for one client, in milliseconds: some have the engine try without end. */
const patternTimeoutMs = 100
const matchAll = new Script('tests.map(({ pattern, value }) => new RegExp(pattern).test(value))')

/** The subscriptions by which a client is meant: only those without patterns, where these take too long. */
export function meantFor(
  subscriptions: Iterable<TelemetrySubscription>,
  client: { readonly [name in Matchable]: string | null },
): TelemetrySubscription[] {
  const all = [...subscriptions]
  const tests = all.flatMap(({ match = [] }) =>
    match.map(parsed).map(({ name, pattern }) => ({
      ...{ pattern: `^(?:${pattern})$`, value: client[name as Matchable] ?? '' },
    })),
  )
  if (tests.length === 0) return all
  let matches: readonly boolean[] = []
  try {
    matches = matchAll.runInNewContext({ tests }, { timeout: patternTimeoutMs }) as readonly boolean[]
  } catch {
    return all.filter(({ match = [] }) => match.length === 0)
  }
  let index = 0
  return all.filter(({ match = [] }) => match.map(() => matches[index++]).every(Boolean))
}

function parsed(one: string): { name: string; pattern: string } {
  const [name = '', ...rest] = one.split('=')
  return { name: name.trim(), pattern: rest.join('=').trim() }
}
