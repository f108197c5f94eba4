/** Over what rates, averages and maxima are taken. Source: Kafka `metrics.num.samples`, `metrics.sample.window.ms`. */
export interface Windows {
  readonly samples: number
  readonly windowMs: number
}

interface Sample {
  startedAt: number
  lastAt: number
  sum: number
  count: number
  max: number
}

/**
 * One measured quantity over a few windows of time, and since the beginning. Recording is a handful of plain additions; what
 * has grown old is sorted out by whoever reads.
 *
 * A sample that overlaps the monitored time counts whole, and a rate takes windows that are missing for empty ones, so that it
 * begins low and not with the first burst. Source: SampledStat and Rate of org.apache.kafka.common.metrics.stats.
 */
export class SampledStat {
  /** Sum and number of everything recorded so far. */
  total = 0
  events = 0
  readonly #windows: Windows
  readonly #samples: Sample[] = []
  /** undefined until something is recorded or its rate is read: the first window begins then. */
  #current: Sample | undefined
  #index = 0

  constructor(windows: Windows) {
    this.#windows = windows
  }

  record(value: number, now: number): void {
    this.total += value
    this.events++
    let sample = this.#current ?? this.#begin(now)
    if (now - sample.startedAt >= this.#windows.windowMs) sample = this.#advance(now)
    sample.sum += value
    sample.count++
    if (value > sample.max) sample.max = value
    sample.lastAt = now
  }

  #begin(now: number): Sample {
    const sample = { startedAt: now, lastAt: now, sum: 0, count: 0, max: Number.NEGATIVE_INFINITY }
    this.#samples.push(sample)
    this.#current = sample
    return sample
  }

  /** One sample more than are asked for: the oldest may still overlap the monitored time. */
  #advance(now: number): Sample {
    this.#index = (this.#index + 1) % (this.#windows.samples + 1)
    const next = this.#samples[this.#index]
    if (next === undefined) return this.#begin(now)
    reset(next, now)
    this.#current = next
    return next
  }

  #purge(now: number): void {
    const { samples, windowMs } = this.#windows
    for (const sample of this.#samples) if (now - sample.lastAt >= samples * windowMs) reset(sample, now)
  }

  /** NaN where nothing was recorded in the monitored time. */
  average(now: number): number {
    this.#purge(now)
    let sum = 0
    let count = 0
    for (const sample of this.#samples) {
      sum += sample.sum
      count += sample.count
    }
    return count === 0 ? Number.NaN : sum / count
  }

  /** NaN where nothing was recorded in the monitored time. */
  maximum(now: number): number {
    this.#purge(now)
    const max = Math.max(...this.#samples.map(sample => sample.max))
    return max === Number.NEGATIVE_INFINITY ? Number.NaN : max
  }

  /** The sum of what was recorded, a second. */
  rate(now: number): number {
    return this.#perSecond(now, sample => sample.sum)
  }

  /** How often something was recorded, a second. */
  eventRate(now: number): number {
    return this.#perSecond(now, sample => sample.count)
  }

  #perSecond(now: number, of: (sample: Sample) => number): number {
    this.#purge(now)
    if (this.#current === undefined) this.#begin(now)
    let sum = 0
    let oldest = now
    for (const sample of this.#samples) {
      sum += of(sample)
      oldest = Math.min(oldest, sample.startedAt)
    }
    const { samples, windowMs } = this.#windows
    const elapsedMs = now - oldest
    const isMissing = elapsedMs < (samples - 1) * windowMs
    const missing = isMissing ? samples - 1 - Math.floor(elapsedMs / windowMs) : 0
    return (sum * 1000) / Math.max(elapsedMs + missing * windowMs, 1)
  }
}

function reset(sample: Sample, now: number): void {
  sample.startedAt = sample.lastAt = now
  sample.sum = sample.count = 0
  sample.max = Number.NEGATIVE_INFINITY
}
