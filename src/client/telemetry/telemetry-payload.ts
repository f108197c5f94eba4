import { type CodecName, codecNames, loadCodecSync } from '../../wire/compression/index.ts'
import type { Metric } from '../metrics/producer-metrics.ts'
import type { Growth } from './growth.ts'
import { writeMetricsData } from './otlp.ts'
import { isWanted, type Subscription } from './subscription.ts'

export interface PayloadSources {
  readonly resource: Readonly<Record<string, string>>
  readonly version: string
  readonly startedAt: number
  readonly growth: Growth
  metrics(): Iterable<Metric>
}

/** What fits into a push: everything that is wanted, or else all but what there is of each topic. undefined: not even that fits. */
export function payloadFor(subscription: Subscription, sources: PayloadSources, now: number): Buffer | undefined {
  const { growth, resource, version, startedAt } = sources
  const metrics = [...sources.metrics()]
  for (const isTold of [() => true, ({ tags }: Metric) => !('topic' in tags)]) {
    growth.begin()
    const bytes = writeMetricsData(metrics, {
      ...{ resource, version, now, startedAt },
      growth: subscription.isDelta ? growth : undefined,
      isWanted: (metric, name) => isTold(metric) && isWanted(subscription, name),
    })
    // Before compression: some brokers hold what they have unpacked against the same limit.
    if (bytes.length <= subscription.maxBytes) return bytes
  }
  growth.begin()
  return undefined
}

/** Compressed by the first codec that the broker takes and this platform has, but for those that were refused. */
export async function compressed(
  bytes: Buffer,
  { codecs }: Subscription,
  refused: ReadonlySet<CodecName>,
): Promise<{ readonly codec: CodecName; readonly codecId: number; readonly bytes: Uint8Array }> {
  for (const codec of codecs) {
    if (refused.has(codec)) continue
    try {
      return { codec, codecId: codecNames.indexOf(codec), bytes: await loadCodecSync(codec).compressAsync(bytes) }
    } catch {
      // Its library does not load here: another one will do, and no compression at all.
    }
  }
  return { codec: 'none', codecId: 0, bytes }
}
