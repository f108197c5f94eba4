/** Kafka's `quota.window.num` and `quota.window.size.seconds`, which the mutation quota has too: ten whole windows and the current one. */
const windows = 11
const windowMs = 1_000

/** The most that can be used at once without being throttled for it alone. Source: ClientQuotaManager.getMaxValueInQuotaWindow. */
export const mostWithinQuota = (perSecond: number): number => (perSecond * (windows - 1) * windowMs) / 1_000

/** Whatever measures one client. */
export interface Meter {
  /** It tells no more than a new one would. */
  isIdle(now: number): boolean
}

/** Beyond this many meters the idle ones are dropped, and again when there are twice as many as were left. */
const fewMeters = 1_000

/** Meters by who shares them. Client ids may be many, and new all the time. */
export class Meters<M extends Meter> {
  readonly #make: () => M
  readonly #meters = new Map<string, M>()
  #sweepAt = fewMeters

  constructor(make: () => M) {
    this.#make = make
  }

  get size(): number {
    return this.#meters.size
  }

  of(key: string, now: number): M {
    const known = this.#meters.get(key)
    if (known) return known
    if (this.#meters.size >= this.#sweepAt) this.#sweep(now)
    const made = this.#make()
    this.#meters.set(key, made)
    return made
  }

  clear(): void {
    this.#meters.clear()
  }

  #sweep(now: number): void {
    for (const [key, meter] of this.#meters) if (meter.isIdle(now)) this.#meters.delete(key)
    this.#sweepAt = Math.max(fewMeters, 2 * this.#meters.size)
  }
}

interface Sample {
  readonly startedAt: number
  lastAt: number
  value: number
}

/**
 * How much a second, over the last ten windows and the current one; windows in which nothing came count as well. Times are
 * milliseconds that never go back. Source: Rate.java, SampledStat.java.
 */
export class SampledRate implements Meter {
  #samples: Sample[] = []

  record(value: number, now: number): void {
    let current = this.#samples.at(-1)
    if (!current || now - current.startedAt >= windowMs || this.#isObsolete(current, now)) {
      current = { startedAt: now, lastAt: now, value: 0 }
      this.#forget(now)
      this.#samples.push(current)
    }
    current.value += value
    current.lastAt = now
  }

  /** How long nothing may come until the rate is `perSecond` again, in milliseconds. Source: QuotaUtils.throttleTime. */
  throttleMs(perSecond: number, now: number): number {
    this.#forget(now)
    const sum = this.#samples.reduce((total, { value }) => total + value, 0)
    const overMs = this.#measuredMs(now)
    const rate = (sum * 1_000) / overMs
    return rate > perSecond ? Math.round(((rate - perSecond) / perSecond) * overMs) : 0
  }

  /** Nothing is left of what it measured. */
  isIdle(now: number): boolean {
    return this.#samples.every(sample => this.#isObsolete(sample, now))
  }

  #measuredMs(now: number): number {
    const elapsedMs = now - (this.#samples[0]?.startedAt ?? now)
    const missing = Math.max(0, windows - 1 - Math.floor(elapsedMs / windowMs))
    return elapsedMs + missing * windowMs
  }

  #isObsolete({ lastAt }: Sample, now: number): boolean {
    return now - lastAt >= windows * windowMs
  }

  #forget(now: number): void {
    const first = this.#samples[0]
    if (first && this.#isObsolete(first, now))
      this.#samples = this.#samples.filter(sample => !this.#isObsolete(sample, now))
  }
}

/** Fills up with what a quota allows, to eleven seconds' worth; may be overdrawn once, and then has to be filled. Source: TokenBucket.java. */
export class TokenBucket implements Meter {
  #tokens = Number.POSITIVE_INFINITY
  #perSecond = 0
  #filledAt = 0

  take(tokens: number, perSecond: number, now: number): void {
    this.#fill(perSecond, now)
    this.#tokens -= tokens
  }

  /** How long it takes until it is no longer overdrawn, in milliseconds. Source: ControllerMutationQuotaManager.throttleTimeMs. */
  throttleMs(perSecond: number, now: number): number {
    this.#fill(perSecond, now)
    return this.#tokens < 0 ? Math.round((-this.#tokens / perSecond) * 1_000) : 0
  }

  isIdle(now: number): boolean {
    this.#fill(this.#perSecond, now)
    return this.#tokens === mostTokens(this.#perSecond)
  }

  #fill(perSecond: number, now: number): void {
    const most = mostTokens(perSecond)
    this.#perSecond = perSecond
    this.#tokens = Math.min(most, this.#tokens + (perSecond * (now - this.#filledAt)) / 1_000)
    this.#filledAt = now
  }
}

const mostTokens = (perSecond: number) => (windows * windowMs * perSecond) / 1_000
