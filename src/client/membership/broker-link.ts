import type { NetworkError } from '../../base/errors/index.ts'
import type { Backoff } from '../../base/time/backoff.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import type { Connection } from '../../wire/sockets/index.ts'
import type { BrokerAddress } from './topic-metadata.ts'

export interface BrokerLinkEvents {
  /** Connected, or it is time for another attempt: whoever has something for this broker asks again. */
  onReady(): void
  /** The connection was lost, or none could be made. */
  onLost(error: NetworkError): void
}

/** Opens a connection to an address; the link says how long it may take and what to do when it closes. */
export type OpenConnection = (
  address: BrokerAddress,
  setupTimeoutMs: number,
  onClosed: (error: NetworkError | undefined) => void,
) => Promise<Connection>

/**
 * The connection for records to one broker: made when asked for, one attempt at a time, with a back-off between attempts,
 * closed when idle. It never tries again on its own: after a failure it wakes whoever wanted it.
 */
export class BrokerLink {
  readonly address: BrokerAddress
  readonly #open: OpenConnection
  readonly #events: BrokerLinkEvents
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #setup: Backoff
  #connection: Connection | undefined
  #isConnecting = false
  #isClosed = false
  #failures = 0
  #notBefore = 0
  #timer: Timer | undefined
  lastError: NetworkError | undefined

  constructor(
    address: BrokerAddress,
    open: OpenConnection,
    events: BrokerLinkEvents,
    clock: Clock,
    backoff: Backoff,
    setup: Backoff,
  ) {
    this.address = address
    this.#open = open
    this.#events = events
    this.#clock = clock
    this.#backoff = backoff
    this.#setup = setup
  }

  /** The open connection. undefined: one is on its way, and `onReady` will be called. */
  connection(): Connection | undefined {
    if (this.#connection?.isOpen) return this.#connection
    if (this.#isConnecting || this.#isClosed) return undefined
    const waitMs = this.#notBefore - this.#clock.now()
    if (waitMs > 0) this.#wakeIn(waitMs)
    else this.#connect()
    return undefined
  }

  #wakeIn(waitMs: number): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#clock.schedule(() => {
      this.#timer = undefined
      this.#events.onReady()
    }, waitMs)
  }

  #connect(): void {
    this.#isConnecting = true
    this.#open(this.address, this.#setup.delayMs(this.#failures + 1), error => this.#closed(error)).then(
      connection => {
        this.#isConnecting = false
        if (this.#isClosed) {
          connection.close()
          return
        }
        this.#failures = 0
        this.lastError = undefined
        this.#connection = connection
        this.#events.onReady()
      },
      error => {
        this.#isConnecting = false
        if (!this.#isClosed) this.#failed(error as NetworkError)
      },
    )
  }

  #closed(error: NetworkError | undefined): void {
    this.#connection = undefined
    if (error !== undefined && !this.#isClosed) this.#failed(error)
  }

  #failed(error: NetworkError): void {
    this.lastError = error
    this.#failures++
    const waitMs = this.#backoff.delayMs(this.#failures)
    this.#notBefore = this.#clock.now() + waitMs
    this.#events.onLost(error)
    this.#wakeIn(waitMs)
  }

  /** Closes the connection if nothing was sent on it for so long. */
  closeIfIdle(maxIdleMs: number): void {
    const connection = this.#connection
    if (connection === undefined || connection.inFlight > 0) return
    if (this.#clock.now() - connection.lastUsedAt >= maxIdleMs) connection.close()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#connection?.close()
    this.#connection = undefined
  }
}
