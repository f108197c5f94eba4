const SUB_BUCKETS = 64
/** 2^0 to 2^31 microseconds (36 minutes), each power in 64 steps: a value read back is at most 1.6 % off. */
const POWERS = 32

/** Counts latencies in a fixed 16 KiB, however many there are. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(POWERS * SUB_BUCKETS)
  #total = 0
  #maxMs = 0

  record(ms: number): void {
    this.#total++
    if (ms > this.#maxMs) this.#maxMs = ms
    const at = bucketOf(ms)
    this.#counts[at]!++
  }

  get count(): number {
    return this.#total
  }

  get maxMs(): number {
    return this.#maxMs
  }

  /** The latency that this share (0 to 1) of all is not above; 0 where nothing was recorded. */
  percentileMs(share: number): number {
    if (this.#total === 0) return 0
    const rank = Math.max(1, Math.ceil(share * this.#total))
    let seen = 0
    for (let at = 0; at < this.#counts.length; at++) {
      seen += this.#counts[at]!
      if (seen >= rank) return Math.min(upperEdgeMs(at), this.#maxMs)
    }
    return this.#maxMs
  }
}

function bucketOf(ms: number): number {
  const us = Math.max(1, ms * 1000)
  const power = Math.min(POWERS - 1, 31 - Math.clz32(Math.min(us, 2 ** 32 - 1)))
  const within = Math.floor((us / 2 ** power - 1) * SUB_BUCKETS)
  return power * SUB_BUCKETS + Math.min(SUB_BUCKETS - 1, Math.max(0, within))
}

function upperEdgeMs(bucket: number): number {
  const power = Math.floor(bucket / SUB_BUCKETS)
  return (2 ** power * (1 + ((bucket % SUB_BUCKETS) + 1) / SUB_BUCKETS)) / 1000
}
