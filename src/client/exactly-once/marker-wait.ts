import type { Clock } from '../../base/time/clock.ts'
import type { ControlQueue, ControlRequest } from './control-queue.ts'
import type { TransactionRequests } from './transaction-requests.ts'

/** Kafka's default of add.partitions.to.txn.retry.backoff.ms. */
const brokersPauseMs = 20
/** A cluster that was always ready for the next transaction is asked now and then whether it still is: a question costs far less than 20 ms. */
const promptEndsToTrust = 50
const askedOneIn = 16

/**
 * Implicit protocol: whether the coordinator still writes the markers of the last transaction, whose end it has answered already.
 *
 * A broker that gets records of the next one meanwhile keeps them for 20 ms before it looks again. The markers take one or two: records
 * that wait for them here are there earlier. Nothing but time depends on it: who gets no answer goes on.
 */
export class MarkerWait {
  readonly #control: ControlQueue
  readonly #requests: TransactionRequests
  readonly #clock: Clock
  /** Records may be sent. */
  readonly #onOver: () => void
  #endedMs = Number.NEGATIVE_INFINITY
  #asking: ControlRequest | undefined
  /** How many ends in a row were complete when first asked about, and how many were not asked about since. */
  #promptEnds = 0
  #unasked = 0

  constructor(control: ControlQueue, requests: TransactionRequests, clock: Clock, onOver: () => void) {
    this.#control = control
    this.#requests = requests
    this.#clock = clock
    this.#onOver = onOver
  }

  get isGoingOn(): boolean {
    return this.#asking !== undefined
  }

  /** The end of a transaction was answered. */
  ended(): void {
    this.#endedMs = this.#clock.now()
  }

  /** The next one begins. */
  begin(): void {
    if (!this.#isRecent) return
    if (this.#promptEnds >= promptEndsToTrust && ++this.#unasked < askedOneIn) return
    this.#unasked = 0
    this.#ask(true)
  }

  get #isRecent(): boolean {
    return this.#clock.now() - this.#endedMs < brokersPauseMs
  }

  #ask(isFirst: boolean): void {
    const asking = this.#requests.isEnding(isEnding => {
      if (this.#asking !== asking) return
      if (isFirst) this.#promptEnds = isEnding ? 0 : this.#promptEnds + 1
      this.stop()
      if (isEnding && this.#isRecent) this.#ask(false)
      // Later: what is lost is told while connections change.
      else this.#clock.afterThis(this.#onOver)
    })
    this.#asking = asking
    this.#control.add(asking)
  }

  stop(): void {
    const asking = this.#asking
    this.#asking = undefined
    if (asking !== undefined) this.#control.remove(asking)
  }
}
