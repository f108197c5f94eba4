import { ClosedError, NetworkError } from '../../base/errors/index.ts'
import type { Backoff } from '../../base/time/backoff.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import type { Connection } from '../../wire/sockets/index.ts'
import type { OpenConnection } from './broker-link.ts'
import type { BrokerAddress } from './topic-metadata.ts'

/**
 * The one connection for questions (metadata, producer id), apart from those that carry records, so that a busy or hung
 * leader never holds up the news of who leads instead. Made to whoever answers first; shared by everybody who asks.
 */
export class ControlLink {
  readonly #candidates: () => readonly BrokerAddress[]
  readonly #open: OpenConnection
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #setup: Backoff
  #connection: Connection | undefined
  #connecting: Promise<Connection> | undefined
  #failedRounds = 0
  #notBefore = 0
  #isClosed = false
  #pause: { timer: Timer; end: () => void } | undefined

  constructor(
    candidates: () => readonly BrokerAddress[],
    open: OpenConnection,
    clock: Clock,
    backoff: Backoff,
    setup: Backoff,
  ) {
    this.#candidates = candidates
    this.#open = open
    this.#clock = clock
    this.#backoff = backoff
    this.#setup = setup
  }

  /** The connection, or the error of a round in which no address answered. A new round waits for its back-off. */
  acquire(): Promise<Connection> {
    if (this.#connection?.isOpen) return Promise.resolve(this.#connection)
    this.#connecting ??= this.#round().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #round(): Promise<Connection> {
    const waitMs = this.#notBefore - this.#clock.now()
    if (waitMs > 0) await this.#sleep(waitMs)
    const failures: NetworkError[] = []
    for (const address of this.#candidates()) {
      if (this.#isClosed) throw new ClosedError('the producer was closed')
      try {
        const connection = await this.#open(address, this.#setup.delayMs(this.#failedRounds + 1), () => {})
        if (this.#isClosed) {
          connection.close()
          throw new ClosedError('the producer was closed')
        }
        this.#failedRounds = 0
        this.#notBefore = 0
        this.#connection = connection
        return connection
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error
        failures.push(error)
      }
    }
    this.#failedRounds++
    this.#notBefore = this.#clock.now() + this.#backoff.delayMs(this.#failedRounds)
    if (failures.length === 1) throw failures[0]
    const reasons = failures.map(error => error.message).join('; ')
    throw new NetworkError(
      failures.at(-1)?.code ?? 'CONNECT_FAILED',
      `no broker can be reached: ${reasons}`,
      new AggregateError(failures),
    )
  }

  #sleep(ms: number): Promise<void> {
    return new Promise(resolve => {
      const end = () => {
        this.#pause = undefined
        resolve()
      }
      this.#pause = { timer: this.#clock.schedule(end, ms), end }
    })
  }

  /** Gives up the present connection: the next question finds another one. */
  drop(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  closeIfIdle(maxIdleMs: number): void {
    const connection = this.#connection
    if (connection === undefined || connection.inFlight > 0) return
    if (this.#clock.now() - connection.lastUsedAt >= maxIdleMs) this.drop()
  }

  close(): void {
    this.#isClosed = true
    this.#pause?.timer.cancel()
    this.#pause?.end()
    this.drop()
  }
}
