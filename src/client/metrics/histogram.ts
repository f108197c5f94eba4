/** A distribution since the producer was made. */
export interface Histogram {
  /** How many values were at most `le`, smaller ones included. Everything else is in `count` only. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
  readonly sum: number
  readonly count: number
}

/** Counts values into fixed buckets: a comparison or two a value, and no object. */
export class BucketHistogram {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0

  /** `bounds`: the largest value of each bucket, in ascending order. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  /** `times`: how many things have this value; a batch stands for its records. */
  record(value: number, times = 1): void {
    this.#sum += value * times
    this.#count += times
    const bounds = this.#bounds
    let index = 0
    while (index < bounds.length && value > bounds[index]!) index++
    if (index < bounds.length) this.#counts[index]! += times
  }

  read(): Histogram {
    let count = 0
    const buckets = this.#bounds.map((le, index) => {
      count += this.#counts[index]!
      return { le, count }
    })
    return { buckets, sum: this.#sum, count: this.#count }
  }
}

/** Milliseconds: from what a broker on the same machine takes to the default of `deliveryTimeoutMs`. */
export const timeBounds = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000]
export const byteBounds = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576]
export const ratioBounds = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1]
export const countBounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]

/** The sum of histograms with the same bounds. */
export function addHistograms(histograms: readonly Histogram[], bounds: readonly number[]): Histogram {
  return {
    buckets: bounds.map((le, index) => ({
      le,
      count: histograms.reduce((count, { buckets }) => count + buckets[index]!.count, 0),
    })),
    sum: histograms.reduce((sum, histogram) => sum + histogram.sum, 0),
    count: histograms.reduce((count, histogram) => count + histogram.count, 0),
  }
}
