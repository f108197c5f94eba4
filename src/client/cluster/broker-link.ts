import { KafkaError, NetworkError } from '../../base/errors/index.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import type { Connection } from '../../wire/network/index.ts'
import { type BrokerAddress, isSameAddress } from './broker-address.ts'
import type { LinkSettings } from './link-settings.ts'

export interface BrokerLinkEvents {
  /** Connected, or the time for another attempt has come: whoever has something for this broker asks again. */
  onReady(): void
  /** A connection with requests in flight was lost, or none could be made. */
  onLost(error: NetworkError): void
}

/**
 * The connection for records to one broker: made when it is asked for, one attempt at a time, with a back-off between
 * attempts. It never tries on its own, so a broker that nobody has anything for is left in peace.
 */
export class BrokerLink {
  #address: BrokerAddress
  readonly #settings: LinkSettings
  readonly #events: BrokerLinkEvents
  readonly #clock: Clock
  #connection: Connection | undefined
  #connectedAt = 0
  #attempt: AbortController | undefined
  #timer: Timer | undefined
  /** Attempts in a row that led to nothing: no connection, or one that was lost before anything was answered on it. */
  #failures = 0
  #notBefore = 0
  #lastError: NetworkError | undefined
  #isClosed = false

  constructor(address: BrokerAddress, settings: LinkSettings, events: BrokerLinkEvents) {
    this.#address = address
    this.#settings = settings
    this.#events = events
    this.#clock = settings.clock
  }

  get lastError(): NetworkError | undefined {
    return this.#lastError
  }

  get nextAttemptAt(): number {
    return this.#notBefore
  }

  get isOpen(): boolean {
    return this.#connection?.isOpen === true
  }

  /** The open connection. Otherwise an attempt begins, now or when the back-off is over, and `onReady` tells of its end. */
  connection(): Connection | undefined {
    if (this.#connection?.isOpen) return this.#connection
    if (this.#isClosed || this.#attempt !== undefined || this.#timer !== undefined) return undefined
    const waitMs = this.#notBefore - this.#clock.now()
    if (waitMs > 0) this.#readyIn(waitMs)
    else this.#connect()
    return undefined
  }

  #connect(): void {
    const attempt = new AbortController()
    this.#attempt = attempt
    let opened: Connection | undefined
    const onClosed = (error: NetworkError | undefined) => {
      if (opened !== undefined && this.#connection === opened) this.#lost(error)
    }
    this.#settings.open(this.#address, this.#settings.setupTimeoutMs(this.#failures), attempt.signal, onClosed).then(
      connection => {
        if (this.#attempt !== attempt) {
          connection.close()
          return
        }
        this.#attempt = undefined
        opened = connection
        this.#connection = connection
        this.#connectedAt = this.#clock.now()
        this.#lastError = undefined
        this.#events.onReady()
      },
      error => {
        if (this.#attempt !== attempt) return
        this.#attempt = undefined
        this.#failed(error instanceof NetworkError ? error : unexpected(error))
      },
    )
  }

  /** The connection ended. A broker may close an idle one: nobody is told, and the next use connects at once. */
  #lost(error: NetworkError | undefined): void {
    const connection = this.#connection
    if (connection === undefined || this.#isClosed) return
    this.#connection = undefined
    const wasUseful = connection.answers > 0
    if (wasUseful) this.#failures = 0
    if (error !== undefined) this.#failed(error)
    else if (!wasUseful && this.#clock.now() - this.#connectedAt < this.#settings.reconnectBackoff.delayMs(1))
      // It was closed as soon as it stood: without a pause this would go round and round.
      this.#pause()
  }

  #failed(error: NetworkError): void {
    this.#lastError = error
    const waitMs = this.#pause()
    this.#readyIn(waitMs)
    this.#events.onLost(error)
  }

  #pause(): number {
    this.#failures++
    const waitMs = this.#settings.reconnectBackoff.delayMs(this.#failures)
    this.#notBefore = this.#clock.now() + waitMs
    return waitMs
  }

  #readyIn(waitMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.schedule(() => {
      this.#timer = undefined
      this.#events.onReady()
    }, waitMs)
  }

  /** The broker lives elsewhere now. What is in flight to the old address fails, so that nothing overtakes it. */
  moveTo(address: BrokerAddress): void {
    if (isSameAddress(address, this.#address)) return
    this.#address = address
    const wasWanted = this.#attempt !== undefined || this.#timer !== undefined
    this.#end(new NetworkError('CONNECTION_CLOSED', `the broker moved to ${address.host}:${address.port}`))
    this.#failures = 0
    this.#notBefore = 0
    if (wasWanted) this.#events.onReady()
  }

  /** Closes a connection that has not been used for so long, or at all where `maxIdleMs` is 0. */
  closeIfIdle(maxIdleMs: number): void {
    const connection = this.#connection
    if (connection === undefined || connection.inFlight > 0) return
    if (this.#clock.now() - connection.lastUsedAt >= maxIdleMs) connection.close()
  }

  close(error: NetworkError): void {
    this.#isClosed = true
    this.#end(error)
  }

  #end(error: NetworkError): void {
    const attempt = this.#attempt
    const connection = this.#connection
    this.#attempt = undefined
    this.#connection = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    attempt?.abort()
    if (connection !== undefined && connection.inFlight > 0) connection.destroy(error)
    else connection?.close()
  }
}

const unexpected = (error: unknown) =>
  new NetworkError('CONNECT_FAILED', error instanceof KafkaError ? error.message : String(error), error)
