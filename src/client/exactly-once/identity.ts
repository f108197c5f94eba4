import { BrokerError, brokerErrorCode, KafkaError } from '../../base/errors/index.ts'
import type { Backoff } from '../../base/time/backoff.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import type { ProducerIdentity } from '../accumulator/partition-queue.ts'

/** What InitProducerId answered. */
export interface ProducerIdAnswer {
  errorCode: number
  producerId: bigint
  producerEpoch: number
}

export interface IdentityEvents {
  /** There is an identity: whoever waits may send. */
  onReady(): void
  /** The cluster refuses one, and asking again cannot help. The next record asks again all the same. */
  onRefused(error: KafkaError): void
}

const lastEpoch = 32767

/**
 * Producer id and epoch of an idempotent producer. Asked for when the first batch wants to leave; the epoch is raised
 * locally where a sequence was lost (KIP-360), which the broker takes as a new beginning from sequence 0.
 */
export class Identity {
  readonly #ask: () => Promise<ProducerIdAnswer>
  readonly #events: IdentityEvents
  readonly #backoff: Backoff
  readonly #clock: Clock
  #current: ProducerIdentity | undefined
  #state: 'none' | 'asking' | 'waiting' | 'closed' = 'none'
  #failures = 0
  #timer: Timer | undefined
  lastError: KafkaError | undefined

  constructor(ask: () => Promise<ProducerIdAnswer>, events: IdentityEvents, backoff: Backoff, clock: Clock) {
    this.#ask = ask
    this.#events = events
    this.#backoff = backoff
    this.#clock = clock
  }

  get current(): ProducerIdentity | undefined {
    return this.#current
  }

  /** Asks the cluster for a producer id unless that is under way. */
  request(): void {
    if (this.#current !== undefined || this.#state !== 'none') return
    this.#state = 'asking'
    this.#ask().then(
      answer => this.#answered(answer),
      error => this.#failed(error instanceof KafkaError ? error : new KafkaError('INIT_PRODUCER_ID', String(error))),
    )
  }

  #answered(answer: ProducerIdAnswer): void {
    if (this.#state !== 'asking') return
    if (answer.errorCode !== 0) {
      const code = brokerErrorCode(answer.errorCode)
      const message = `the cluster gives no producer id: ${code.name}${hints[code.name] ?? ''}`
      const fatal = code.name === 'CLUSTER_AUTHORIZATION_FAILED'
      this.#failed(new BrokerError(code.name, code.code, message, { retriable: code.retriable, fatal }))
      return
    }
    this.#state = 'none'
    this.#failures = 0
    this.lastError = undefined
    this.#current = { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
    this.#events.onReady()
  }

  #failed(error: KafkaError): void {
    if (this.#state === 'closed') return
    this.lastError = error
    if (!error.retriable) {
      this.#state = 'none'
      this.#events.onRefused(error)
      return
    }
    this.#state = 'waiting'
    this.#failures++
    this.#timer = this.#clock.schedule(() => {
      this.#state = 'none'
      this.request()
    }, this.#backoff.delayMs(this.#failures))
  }

  /** A new epoch of the same id; at the last epoch, a new id. */
  bump(): void {
    const old = this.#current
    if (old === undefined) return
    if (old.producerEpoch >= lastEpoch) this.forget()
    else this.#current = { producerId: old.producerId, producerEpoch: old.producerEpoch + 1 }
  }

  /** Gives the id up and asks for another. */
  forget(): void {
    this.#current = undefined
    this.request()
  }

  close(): void {
    this.#state = 'closed'
    this.#timer?.cancel()
  }
}

const hints: Record<string, string> = {
  CLUSTER_AUTHORIZATION_FAILED:
    '; allow this client to write to a topic (or IdempotentWrite on the cluster, before Kafka 2.8), or set enableIdempotence: false',
}
