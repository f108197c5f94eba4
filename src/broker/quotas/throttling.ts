import type { Clock } from '../../base/time/clock.ts'
import { ClusterError } from '../cluster-error.ts'
import { ClientQuotas } from './client-quotas.ts'
import { Meters, mostWithinQuota, SampledRate, TokenBucket } from './meters.ts'

/** Who asks, as far as quotas go. */
export interface Measured {
  /** Every broker counts for itself. */
  readonly brokerId: number
  readonly clientId: string | null
  readonly authentication: { readonly principal: string }
}

type ByteRate = 'producer_byte_rate' | 'consumer_byte_rate'

/** What topics may be created, changed and deleted within one request. */
export interface MutationQuota {
  /** How long the client has to pause, in milliseconds. */
  readonly throttleMs: number
  /** Counts partitions that are created or deleted. @throws ClusterError `THROTTLING_QUOTA_EXCEEDED` where the client must wait first. */
  record(partitions: number): void
}

const unbounded: MutationQuota = { throttleMs: 0, record() {} }

/**
 * Measures what clients use of their quotas, and says how long they have to pause. Nothing is measured for whom no quota is
 * set. Source: ClientQuotaManager, ControllerMutationQuotaManager.
 */
export class Throttling {
  readonly quotas = new ClientQuotas()
  readonly #clock: Clock
  readonly #rates = new Meters(() => new SampledRate())
  readonly #buckets = new Meters(() => new TokenBucket())

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts bytes; how long the client has to pause now, in milliseconds. */
  useBytes(name: ByteRate, client: Measured, bytes: number): number {
    const bound = this.#bound(name, client)
    if (!bound) return 0
    const now = this.#clock.now()
    const rate = this.#rates.of(`${client.brokerId} ${name} ${bound.shared}`, now)
    rate.record(bytes, now)
    return rate.throttleMs(bound.perSecond, now)
  }

  /** The same, but where the client has to pause it does not get the bytes, so they are not counted. */
  offerBytes(name: ByteRate, client: Measured, bytes: number): number {
    const throttleMs = this.useBytes(name, client, bytes)
    if (throttleMs > 0) this.useBytes(name, client, -bytes)
    return throttleMs
  }

  /** More bytes than this at once are too many, however long the client has been silent. */
  mostBytes(name: ByteRate, client: Measured): number {
    const bound = this.#bound(name, client)
    return bound ? mostWithinQuota(bound.perSecond) : Number.POSITIVE_INFINITY
  }

  /** Since `strictFrom` an API's clients know THROTTLING_QUOTA_EXCEEDED (KIP-599); those of before are served, and pause after it. */
  mutations(client: Measured & { readonly version: number }, strictFrom: number): MutationQuota {
    const bound = this.#bound('controller_mutation_rate', client)
    if (!bound) return unbounded
    const { perSecond, shared } = bound
    const clock = this.#clock
    const bucket = this.#buckets.of(shared, clock.now())
    const isStrict = client.version >= strictFrom
    let throttleMs = 0
    return {
      get throttleMs() {
        return throttleMs
      },
      record(partitions) {
        const now = clock.now()
        if (isStrict) {
          throttleMs = bucket.throttleMs(perSecond, now)
          if (throttleMs > 0)
            throw new ClusterError('THROTTLING_QUOTA_EXCEEDED', 'The throttling quota has been exceeded.')
        }
        bucket.take(partitions, perSecond, now)
        if (!isStrict) throttleMs = bucket.throttleMs(perSecond, now)
      },
    }
  }

  /** Forgets quotas and what was measured. */
  clear(): void {
    this.quotas.clear()
    this.#rates.clear()
    this.#buckets.clear()
  }

  #bound(name: ByteRate | 'controller_mutation_rate', { clientId, authentication }: Measured) {
    return this.quotas.isEmpty ? undefined : this.quotas.bound(name, authentication.principal, clientId ?? '')
  }
}
