import type { Distribution, ProducerScrape } from '../input/producer-scrape.ts'

/** What a producer did between two scrapes: what `ottla metrics --json` prints. Rates are a second; null: nothing to be told of. */
export interface MetricsReport {
  /** ISO 8601. */
  readonly time: string
  readonly producer: string
  readonly version: string | null
  /** Between the scrapes. */
  readonly seconds: number
  readonly records: {
    /** Each attempt counted. */
    readonly sent: Rate
    readonly acknowledged: Rate
    readonly failed: Rate
    readonly retried: Rate
  }
  readonly bytes: { readonly sent: Rate; readonly compressionRatio: number | null }
  readonly latencyMs: { readonly queue: Latency; readonly request: Latency; readonly delivery: Latency }
  readonly batches: {
    readonly sent: Rate
    readonly averageBytes: number | null
    readonly averageFill: number | null
    readonly split: Rate
  }
  readonly requests: {
    readonly sent: Rate
    readonly averageRecords: number | null
    readonly inFlight: number
    readonly connections: number
  }
  readonly memory: {
    readonly usedBytes: number
    readonly limitBytes: number
    readonly waitingRecords: number
    readonly waitingForMemory: number
    /** Records that failed for want of it. */
    readonly exhausted: Rate
  }
  /** Parts of the time that passed in which brokers throttled, and records waited for memory or for their topic. */
  readonly timeShares: { readonly throttled: number; readonly memory: number; readonly metadata: number }
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number } | null
  readonly transactions: { readonly committed: Rate; readonly aborted: Rate; readonly failed: Rate }
  readonly failures: readonly { readonly outcome: string; readonly code: string; readonly records: Rate }[]
  readonly retries: readonly { readonly cause: string; readonly records: Rate }[]
  /** Those with the most records first. */
  readonly topics: readonly TopicReport[]
  readonly brokers: readonly BrokerReport[]
}

export interface Rate {
  readonly perSecond: number
  readonly total: number
}

/** Of what ended between the scrapes, read from the buckets of a histogram. */
export type Latency = { readonly p50: number; readonly p95: number; readonly p99: number; readonly mean: number } | null

export interface TopicReport {
  readonly topic: string
  readonly sent: Rate
  readonly acknowledged: Rate
  readonly failed: Rate
  readonly retried: Rate
  readonly bytes: Rate
  readonly compressionRatio: number | null
}

export interface BrokerReport {
  readonly broker: string
  readonly requests: Rate
  readonly sentBytes: Rate
  readonly receivedBytes: Rate
  readonly latencyMs: Latency
}

/** Compares two scrapes. A counter that is smaller than before began anew, with its process: what it has now is what was added. */
export function metricsReport(
  clientId: string,
  before: ProducerScrape,
  now: ProducerScrape,
  wallTimeMs: number,
): MetricsReport {
  return new Comparison(before, now).report(clientId, wallTimeMs)
}

class Comparison {
  readonly #before: ProducerScrape
  readonly #now: ProducerScrape
  readonly #seconds: number

  constructor(before: ProducerScrape, now: ProducerScrape) {
    this.#before = before
    this.#now = now
    this.#seconds = (now.at - before.at) / 1000
  }

  report(producer: string, wallTimeMs: number): MetricsReport {
    const now = this.#now
    const limitBytes = now.number('buffer_limit_bytes') ?? 0
    const batchBytes = this.#added('batch_size_bytes')
    const fills = this.#added('batch_fill_ratio')
    const requests = this.#added('request_records')
    const failures = now.samples('record_outcomes_total').filter(({ labels }) => labels.outcome !== 'acknowledged')
    const topics = this.#topics()
    return {
      time: new Date(wallTimeMs).toISOString(),
      producer,
      version: now.samples('info')[0]?.labels.version ?? null,
      seconds: this.#seconds,
      records: {
        sent: { perSecond: this.#perSecond(requests.sum), total: now.distribution('request_records').sum },
        acknowledged: this.#rate('record_outcomes_total', { outcome: 'acknowledged' }),
        failed: sumOf(failures.map(({ labels }) => this.#rate('record_outcomes_total', labels))),
        retried: sumOf(
          now.samples('record_retries_total').map(({ labels }) => this.#rate('record_retries_total', labels)),
        ),
      },
      bytes: {
        sent: { perSecond: this.#perSecond(batchBytes.sum), total: now.distribution('batch_size_bytes').sum },
        compressionRatio: this.#compressionRatio(topics.map(({ topic }) => topic)),
      },
      latencyMs: {
        queue: latencyOf(this.#added('queue_duration_seconds')),
        // Broker by broker: one that is no longer told of must not look like a process that began anew.
        request: latencyOf(
          together(this.#brokerIds.map(broker => this.#added('request_duration_seconds', { broker }))),
        ),
        delivery: latencyOf(this.#added('delivery_duration_seconds')),
      },
      batches: {
        sent: this.#rate('batches_sent_total'),
        averageBytes: averageOf(batchBytes),
        averageFill: averageOf(fills),
        split: this.#rate('batch_splits_total'),
      },
      requests: {
        sent: this.#rate('produce_requests_total'),
        averageRecords: averageOf(requests),
        inFlight: now.number('requests_in_flight') ?? 0,
        connections: now.number('connections') ?? 0,
      },
      memory: {
        usedBytes: limitBytes - (now.number('buffer_available_bytes') ?? limitBytes),
        limitBytes,
        waitingRecords: now.number('waiting_records') ?? 0,
        waitingForMemory: now.number('memory_waiting_records') ?? 0,
        exhausted: this.#rate('buffer_exhausted_total'),
      },
      timeShares: {
        throttled: this.#rate('throttle_seconds_total').perSecond,
        memory: this.#rate('memory_wait_seconds_total').perSecond,
        metadata: this.#rate('metadata_wait_seconds_total').perSecond,
      },
      eventLoopDelayMs: this.#eventLoopDelay(),
      transactions: {
        committed: this.#rate('transactions_total', { result: 'committed' }),
        aborted: this.#rate('transactions_total', { result: 'aborted' }),
        failed: this.#rate('transactions_total', { result: 'failed' }),
      },
      failures: failures.map(({ labels }) => ({
        outcome: labels.outcome ?? '',
        code: labels.code ?? '',
        records: this.#rate('record_outcomes_total', labels),
      })),
      retries: now.samples('record_retries_total').map(({ labels }) => ({
        cause: labels.cause ?? '',
        records: this.#rate('record_retries_total', labels),
      })),
      topics,
      brokers: this.#brokers(),
    }
  }

  #topics(): TopicReport[] {
    const names = [...this.#now.by('records_sent_total', 'topic').keys()]
    const reports = names.map(topic => ({
      topic,
      sent: this.#seen('records_sent_total', { topic }),
      acknowledged: this.#seen('records_acknowledged_total', { topic }),
      failed: this.#seen('records_failed_total', { topic }),
      retried: this.#seen('records_retried_total', { topic }),
      bytes: this.#seen('sent_bytes_total', { topic }),
      compressionRatio: this.#compressionRatio([topic]),
    }))
    return reports.toSorted((a, b) => b.sent.perSecond - a.sent.perSecond || b.sent.total - a.sent.total)
  }

  get #brokerIds(): string[] {
    return [...this.#now.by('requests_total', 'broker').keys()]
  }

  #brokers(): BrokerReport[] {
    const reports = this.#brokerIds.map(broker => ({
      broker,
      requests: this.#seen('requests_total', { broker }),
      sentBytes: this.#seen('outgoing_bytes_total', { broker }),
      receivedBytes: this.#seen('incoming_bytes_total', { broker }),
      latencyMs: latencyOf(this.#added('request_duration_seconds', { broker })),
    }))
    return reports.toSorted((a, b) => Number(a.broker) - Number(b.broker))
  }

  #eventLoopDelay(): MetricsReport['eventLoopDelayMs'] {
    const [p50, p99, max] = ['0.5', '0.99', '1'].map(quantile =>
      this.#now.number('event_loop_delay_seconds', { quantile }),
    )
    if (p50 === undefined || p99 === undefined || max === undefined) return null
    return { p50: p50 * 1000, p99: p99 * 1000, max: max * 1000 }
  }

  #compressionRatio(topics: readonly string[]): number | null {
    const sum = (name: string) => sumOf(topics.map(topic => this.#seen(name, { topic }))).perSecond
    const uncompressed = sum('uncompressed_bytes_total')
    return uncompressed === 0 ? null : sum('sent_bytes_total') / uncompressed
  }

  #perSecond(added: number): number {
    return this.#seconds > 0 ? added / this.#seconds : 0
  }

  /** Of a counter that begins at 0 when it is first told of. */
  #rate(name: string, labels: Readonly<Record<string, string>> = {}): Rate {
    const total = this.#now.number(name, labels) ?? 0
    const before = this.#before.number(name, labels) ?? 0
    return { perSecond: this.#perSecond(total < before ? total : total - before), total }
  }

  /** Of a counter that may be told of again after a long rest: what it counted before is not of this time. */
  #seen(name: string, labels: Readonly<Record<string, string>>): Rate {
    if (this.#before.number(name, labels) !== undefined) return this.#rate(name, labels)
    return { perSecond: 0, total: this.#now.number(name, labels) ?? 0 }
  }

  /** What came into a histogram. */
  #added(name: string, labels: Readonly<Record<string, string>> = {}): Distribution {
    const now = this.#now.distribution(name, labels)
    const before = this.#before.distribution(name, labels)
    if (now.count < before.count) return now
    const earlier = new Map(before.buckets.map(({ le, count }) => [le, count]))
    return {
      buckets: now.buckets.map(({ le, count }) => ({ le, count: Math.max(0, count - (earlier.get(le) ?? 0)) })),
      sum: now.sum - before.sum,
      count: now.count - before.count,
    }
  }
}

const sumOf = (rates: readonly Rate[]): Rate => ({
  perSecond: rates.reduce((sum, { perSecond }) => sum + perSecond, 0),
  total: rates.reduce((sum, { total }) => sum + total, 0),
})

/** Histograms with the same bounds as one. */
function together(distributions: readonly Distribution[]): Distribution {
  const [first = { buckets: [], sum: 0, count: 0 }, ...others] = distributions
  return others.reduce(
    (all, one) => ({
      buckets: all.buckets.map(({ le, count }, index) => ({ le, count: count + (one.buckets[index]?.count ?? 0) })),
      sum: all.sum + one.sum,
      count: all.count + one.count,
    }),
    first,
  )
}

const averageOf = ({ sum, count }: Distribution) => (count === 0 ? null : sum / count)

function latencyOf(seconds: Distribution): Latency {
  if (seconds.count === 0) return null
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map(share => percentile(seconds, share) * 1000) as [number, number, number]
  return { p50, p95, p99, mean: (seconds.sum / seconds.count) * 1000 }
}

/** Within a bucket values are taken to lie evenly; beyond the last bound nobody knows. Source: histogram_quantile of PromQL. */
function percentile({ buckets }: Distribution, share: number): number {
  const rank = share * (buckets.at(-1)?.count ?? 0)
  let lower = { le: 0, count: 0 }
  for (const bucket of buckets) {
    if (bucket.count >= rank && bucket.count > lower.count) {
      if (bucket.le === Number.POSITIVE_INFINITY) return lower.le
      return lower.le + ((bucket.le - lower.le) * (rank - lower.count)) / (bucket.count - lower.count)
    }
    lower = bucket
  }
  return lower.le
}
