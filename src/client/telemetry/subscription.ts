import { type CodecName, codecNames } from '../../wire/compression/index.ts'
import type { apis, Body } from '../../wire/protocol/index.ts'

export type SubscriptionAnswer = Body<typeof apis.getTelemetrySubscriptions.response>

/** What a broker wants of this client. */
export interface Subscription {
  readonly clientInstanceId: string
  readonly subscriptionId: number
  readonly pushIntervalMs: number
  readonly maxBytes: number
  /** Counters are told as what they have grown since the last push, and not since the beginning. */
  readonly isDelta: boolean
  /** What the broker takes, in its order; codecs that we do not know are left out. */
  readonly codecs: readonly CodecName[]
  /** Beginnings of the names that are wanted. */
  readonly prefixes: readonly string[]
}

/** Where a broker has not said how often, or nobody could be asked. Source: ClientTelemetryReporter.DEFAULT_PUSH_INTERVAL_MS. */
export const defaultIntervalMs = 300_000
/** Kafka's smallest `interval.ms`: a broker that says less must not keep us busy. */
const shortestIntervalMs = 100

export function subscriptionOf(answer: SubscriptionAnswer): Subscription {
  const { clientInstanceId, subscriptionId, pushIntervalMs, telemetryMaxBytes, deltaTemporality } = answer
  return {
    clientInstanceId,
    subscriptionId,
    pushIntervalMs: pushIntervalMs <= 0 ? defaultIntervalMs : Math.max(shortestIntervalMs, pushIntervalMs),
    maxBytes: telemetryMaxBytes,
    isDelta: deltaTemporality,
    codecs: answer.acceptedCompressionTypes.flatMap(id => codecNames[id] ?? []),
    // Kafka's brokers write a star for everything; the definition of the message an empty string, which begins every name.
    prefixes: answer.requestedMetrics.map(prefix => (prefix === '*' ? '' : prefix)),
  }
}

export const isWanted = ({ prefixes }: Subscription, name: string): boolean =>
  prefixes.some(prefix => name.startsWith(prefix))
