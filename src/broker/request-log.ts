import type { Clock, Timer } from '../base/time/clock.ts'
import type { KafkaApiName } from './api-names.ts'

/** A topic partition that a request is about; APIs about topics alone leave the partition out. */
export interface Target {
  readonly topic: string
  readonly partition?: number
}

/** What a Produce request carried for one partition, by the header of its batch. */
export interface ProducedBatch {
  readonly topic: string
  readonly partition: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
  readonly codec: number
  readonly sizeInBytes: number
}

/** One request as it reached a broker. */
export interface BrokerRequest {
  /** Milliseconds on the broker's clock (monotonic). */
  readonly at: number
  readonly broker: number
  /** Counts the connections of all brokers, from 1. */
  readonly connection: number
  readonly api: KafkaApiName
  readonly version: number
  readonly clientId: string | null
  readonly correlationId: number
  /**
   * The decoded request. While faults are matched it is whole; in the log, a Produce request keeps no records: `batches`
   * says what they were.
   */
  readonly body: unknown
  readonly targets: readonly Target[]
  /** Of requests that name one, or ask about it (the first, where there are several). */
  readonly transactionalId: string | null
  /** The consumer group, likewise. */
  readonly group: string | null
  /** Of Produce requests. */
  readonly batches: readonly ProducedBatch[]
  /** The faults that were done to it, in order; empty for none. */
  readonly faults: readonly string[]
}

export type RequestMatch = KafkaApiName | ((request: BrokerRequest) => boolean)

interface Waiter {
  readonly matches: (request: BrokerRequest) => boolean
  readonly resolve: (request: BrokerRequest) => void
  readonly reject: (error: Error) => void
  timer?: Timer
}

const predicate = (match: RequestMatch) =>
  typeof match === 'function' ? match : (request: BrokerRequest) => request.api === match

/** For all bodies in the log together, in bytes: without it a few thousand large requests would fill the memory. */
const mostBodyBytes = 16 * 1024 * 1024
/** About what a target or a batch in the log takes. */
const subjectBytes = 80

/** The last requests that reached the brokers, oldest first; older ones are only counted. */
export class RequestLog {
  readonly #entries: (BrokerRequest | undefined)[] = []
  readonly #sizes: number[] = []
  /** Where the oldest entry is; what stands before it has gone, and is cut off now and then. */
  #oldest = 0
  #bodyBytes = 0
  readonly #capacity: number
  readonly #clock: Clock
  readonly #counts = new Map<KafkaApiName, number>()
  readonly #waiters = new Set<Waiter>()
  readonly #onServed = new Set<(request: BrokerRequest) => void>()

  constructor(capacity: number, clock: Clock) {
    this.#capacity = capacity
    this.#clock = clock
  }

  /** @param bodyBytes - About how much memory the body takes. */
  add(request: BrokerRequest, bodyBytes: number): void {
    this.#counts.set(request.api, (this.#counts.get(request.api) ?? 0) + 1)
    if (this.#capacity > 0) this.#keep(request, bodyBytes)
    for (const waiter of [...this.#waiters])
      if (waiter.matches(request)) {
        this.#waiters.delete(waiter)
        waiter.timer?.cancel()
        waiter.resolve(request)
      }
  }

  #keep(request: BrokerRequest, bodyBytes: number): void {
    const sizeInBytes = bodyBytes + subjectBytes * (request.targets.length + request.batches.length)
    this.#entries.push(request)
    this.#sizes.push(sizeInBytes)
    this.#bodyBytes += sizeInBytes
    while (
      this.#entries.length - this.#oldest > this.#capacity ||
      (this.#bodyBytes > mostBodyBytes && this.#oldest < this.#entries.length - 1)
    ) {
      this.#bodyBytes -= this.#sizes[this.#oldest]!
      this.#entries[this.#oldest++] = undefined
    }
    if (this.#oldest < 1_000 || this.#oldest < this.#entries.length / 2) return
    this.#entries.splice(0, this.#oldest)
    this.#sizes.splice(0, this.#oldest)
    this.#oldest = 0
  }

  /** Calls `listener` after each request that was answered, or whose connection was closed instead, until it is taken off. */
  onServed(listener: (request: BrokerRequest) => void): () => void {
    this.#onServed.add(listener)
    return () => this.#onServed.delete(listener)
  }

  /** The whole request is only put together where somebody listens. */
  served(request: () => BrokerRequest): void {
    if (this.#onServed.size === 0) return
    const served = request()
    for (const listener of [...this.#onServed]) listener(served)
  }

  entries(match?: RequestMatch): BrokerRequest[] {
    const ordered = this.#entries.slice(this.#oldest) as BrokerRequest[]
    return match ? ordered.filter(predicate(match)) : ordered
  }

  /** How many requests came in all, also those that the log no longer holds. */
  count(api?: KafkaApiName): number {
    if (api) return this.#counts.get(api) ?? 0
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  clear(): void {
    this.#entries.length = 0
    this.#sizes.length = 0
    this.#oldest = 0
    this.#bodyBytes = 0
    this.#counts.clear()
  }

  /** The next request that matches, from now on. Rejects after `timeoutMs`. */
  next(match: RequestMatch, timeoutMs: number): Promise<BrokerRequest> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { matches: predicate(match), resolve, reject }
      waiter.timer = this.#clock.schedule(() => {
        this.#waiters.delete(waiter)
        const what = typeof match === 'string' ? `${match} request` : 'request that matches'
        reject(new Error(`no ${what} came within ${timeoutMs} ms`))
      }, timeoutMs)
      this.#waiters.add(waiter)
    })
  }

  close(): void {
    for (const waiter of this.#waiters) {
      waiter.timer?.cancel()
      waiter.reject(new Error('the broker was closed while a request was waited for'))
    }
    this.#waiters.clear()
  }
}
