import type { Histogram } from '../metrics/histogram.ts'
import type { Metric } from '../metrics/producer-metrics.ts'

type Value = number | Histogram

interface Told {
  readonly value: Value
  readonly at: number
}

/** How much a counter or histogram has grown, and since when (wall clock, milliseconds). */
export interface Grown<V extends Value> {
  readonly value: V
  readonly since: number
}

/**
 * What brokers were told of each counter, for subscriptions that want to know only what has come since. What a broker has not
 * acknowledged is in the next push again: an answer that was lost may so count twice, and nothing is ever missing. It grows with the
 * number of counters, as the meters themselves do.
 */
export class Growth {
  readonly #told = new Map<string, Told>()
  /** Of the push that is on its way. */
  #untold = new Map<string, Told>()
  readonly #startedAt: number

  /** `startedAt`: when the counters began, on the wall clock. */
  constructor(startedAt: number) {
    this.#startedAt = startedAt
  }

  /** A push is put together now. */
  begin(): void {
    this.#untold = new Map()
  }

  /** What a counter has grown by since it was told; it will have been told with the push that is put together. */
  of<V extends Value>({ group, name, tags }: Metric, value: V, now: number): Grown<V> {
    const key = `${group}/${name}/${JSON.stringify(tags)}`
    const last = this.#told.get(key)
    this.#untold.set(key, { value, at: now })
    if (last === undefined) return { value, since: this.#startedAt }
    // The wall clock may have been set back.
    return { value: difference(value, last.value) as V, since: Math.min(last.at, now) }
  }

  /** The broker has what was put together. */
  acknowledged(): void {
    for (const [key, told] of this.#untold) this.#told.set(key, told)
    this.#untold = new Map()
  }

  /** Another kind of subscription: nothing was told yet. */
  reset(): void {
    this.#told.clear()
    this.#untold = new Map()
  }
}

function difference(now: Value, before: Value): Value {
  if (typeof now === 'number' || typeof before === 'number') return Number(now) - Number(before)
  return {
    count: now.count - before.count,
    sum: now.sum - before.sum,
    buckets: now.buckets.map(({ le, count }, index) => ({ le, count: count - before.buckets[index]!.count })),
  }
}
