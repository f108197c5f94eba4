import { BrokerError, brokerErrorCode, KafkaError } from '../../base/errors/index.ts'
import type { Backoff } from '../../base/time/backoff.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import type { ProducerIdentity } from '../accumulator/partition-queue.ts'
import type { IdentitySource } from './identity-source.ts'

/** What InitProducerId answered. */
export interface ProducerIdAnswer {
  errorCode: number
  producerId: bigint
  producerEpoch: number
}

/** Asks the cluster; one of the two is called, later, and never throws. */
export type AskProducerId = (answered: (answer: ProducerIdAnswer) => void, failed: (error: unknown) => void) => void

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
export class Identity implements IdentitySource {
  readonly #ask: AskProducerId
  readonly #events: IdentityEvents
  readonly #backoff: Backoff
  readonly #clock: Clock
  #current: ProducerIdentity | undefined
  #state: 'none' | 'asking' | 'waiting' | 'closed' = 'none'
  #prepared: (() => void)[] = []
  /** Counts questions: only the newest one's answer is taken. */
  #question = 0
  #failures = 0
  #timer: Timer | undefined
  lastError: KafkaError | undefined

  constructor(ask: AskProducerId, events: IdentityEvents, backoff: Backoff, clock: Clock) {
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
    this.#askOnce()
  }

  /** Asks unless there is one, and calls back when there is, or when none could be had. */
  prepare(done: () => void): void {
    if (this.#current !== undefined || this.#state === 'waiting' || this.#state === 'closed') {
      done()
      return
    }
    this.#prepared.push(done)
    this.request()
  }

  #endPreparations(): void {
    const prepared = this.#prepared
    this.#prepared = []
    for (const done of prepared) done()
  }

  /** The answer to a question that is out cannot be waited for: asks once more. The first question's answer is dropped. */
  handOver(): void {
    if (this.#state === 'asking') this.#askOnce()
  }

  takeBack(): void {}

  #askOnce(): void {
    this.#state = 'asking'
    const question = ++this.#question
    this.#ask(
      answer => {
        if (question === this.#question) this.#answered(answer)
      },
      error => {
        if (question === this.#question)
          this.#failed(error instanceof KafkaError ? error : new KafkaError('INIT_PRODUCER_ID', String(error)))
      },
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
    this.#endPreparations()
  }

  #failed(error: KafkaError): void {
    if (this.#state === 'closed') return
    this.lastError = error
    this.#endPreparations()
    if (!error.retriable) {
      this.#state = 'none'
      this.#events.onRefused(error)
      return
    }
    this.#state = 'waiting'
    this.#failures++
    this.#timer = this.#clock.schedule(
      () => {
        this.#state = 'none'
        this.request()
        // In the background: who needs the identity has a time-out, which keeps the process alive.
      },
      this.#backoff.delayMs(this.#failures),
      true,
    )
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
