import { ClosedError, NetworkError } from '../../base/errors/index.ts'
import type { Timer } from '../../base/time/clock.ts'
import type { Connection } from '../../wire/network/index.ts'
import type { Message } from '../../wire/protocol/index.ts'
import type { BrokerAddress } from './broker-address.ts'
import type { LinkSettings } from './link-settings.ts'

/** Whom to try, in this order; the bootstrap servers only when all known brokers have failed. */
export interface Candidates {
  readonly known: readonly BrokerAddress[]
  readonly bootstrap: readonly BrokerAddress[]
}

export interface ControlLinkEvents {
  candidates(): Candidates
  /** No known broker could be reached, but a bootstrap server could. */
  onRebootstrap(): void
}

/** An attempt that takes longer gets company: the next address is tried beside it, and the first to answer is taken. */
const companyAfterMs = 1000

/**
 * The connection for questions (Metadata, InitProducerId), apart from those for records, so that a busy or frozen leader
 * never holds up the news of who leads instead. It goes to whoever answers first; everybody who asks shares it.
 */
export class ControlLink {
  readonly #settings: LinkSettings
  readonly #events: ControlLinkEvents
  #connection: Connection | undefined
  #address: BrokerAddress | undefined
  #round: Promise<Connection> | undefined
  #roundAbort: AbortController | undefined
  /** Rounds in a row in which no address answered. */
  #failures = 0
  #notBefore = 0
  #isClosed = false

  constructor(settings: LinkSettings, events: ControlLinkEvents) {
    this.#settings = settings
    this.#events = events
  }

  /** Where the present connection leads. */
  get address(): BrokerAddress | undefined {
    return this.#connection?.isOpen ? this.#address : undefined
  }

  /** Whether the broker at the other end takes such questions. False where no connection stands. */
  speaks(question: Message): boolean {
    if (!this.#connection?.isOpen) return false
    const spoken = this.#connection.versions.get(question.key)
    return spoken !== undefined && spoken[0] <= question.versions[1] && spoken[1] >= question.versions[0]
  }

  /** The connection. Rejects with a NetworkError when every address has failed once; the next round waits for its back-off. */
  acquire(): Promise<Connection> {
    if (this.#isClosed) return Promise.reject(closed())
    if (this.#connection?.isOpen) return Promise.resolve(this.#connection)
    if (this.#round === undefined) {
      const round = this.#tryAll().finally(() => {
        if (this.#round === round) this.#round = undefined
      })
      this.#round = round
    }
    return this.#round
  }

  async #tryAll(): Promise<Connection> {
    const abort = new AbortController()
    this.#roundAbort = abort
    await this.#wait(this.#notBefore - this.#settings.clock.now(), abort.signal)
    const { known, bootstrap } = this.#events.candidates()
    const failures: NetworkError[] = []
    const ofKnown = await this.#firstOf(known, abort.signal, failures)
    const connection = ofKnown ?? (await this.#firstOf(bootstrap, abort.signal, failures))
    if (this.#isClosed) {
      connection?.close()
      throw closed()
    }
    if (connection === undefined) throw this.#failed(failures)
    this.#failures = 0
    this.#notBefore = 0
    this.#connection = connection
    if (known.length > 0 && ofKnown === undefined) this.#events.onRebootstrap()
    return connection
  }

  #failed(failures: readonly NetworkError[]): NetworkError {
    this.#failures++
    this.#notBefore = this.#settings.clock.now() + this.#settings.reconnectBackoff.delayMs(this.#failures)
    if (failures.length === 1) return failures[0]!
    const last = failures.at(-1)
    return new NetworkError(
      last?.code ?? 'CONNECT_FAILED',
      `no broker can be reached:\n${failures.map(failure => `  - ${failure.message}`).join('\n')}`,
      new AggregateError(failures),
    )
  }

  /** The first address to answer; undefined when all have failed. */
  #firstOf(
    addresses: readonly BrokerAddress[],
    signal: AbortSignal,
    failures: NetworkError[],
  ): Promise<Connection | undefined> {
    const { clock, open, setupTimeoutMs } = this.#settings
    const others = new AbortController()
    const giveUp = () => others.abort()
    signal.addEventListener('abort', giveUp)
    return new Promise<Connection | undefined>(resolve => {
      let next = 0
      let running = 0
      let isDone = false
      let timer: Timer | undefined
      const finish = (connection: Connection | undefined) => {
        isDone = true
        timer?.cancel()
        signal.removeEventListener('abort', giveUp)
        others.abort()
        resolve(connection)
      }
      const tryNext = () => {
        timer?.cancel()
        if (isDone) return
        const address = addresses[next++]
        if (address === undefined || signal.aborted) {
          if (running === 0) finish(undefined)
          return
        }
        running++
        open(address, setupTimeoutMs(this.#failures), others.signal, () => {}).then(
          connection => {
            running--
            if (isDone) {
              connection.close()
              return
            }
            this.#address = address
            finish(connection)
          },
          error => {
            running--
            if (isDone) return
            failures.push(
              error instanceof NetworkError ? error : new NetworkError('CONNECT_FAILED', String(error), error),
            )
            tryNext()
          },
        )
        if (next < addresses.length) timer = clock.schedule(tryNext, companyAfterMs)
      }
      tryNext()
    })
  }

  #wait(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0 || signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const end = () => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#settings.clock.schedule(end, ms)
      signal.addEventListener('abort', end)
    })
  }

  /** Gives the present connection up: the next question finds another one. */
  drop(error: NetworkError): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.destroy(error)
  }

  closeIfIdle(maxIdleMs: number): void {
    const connection = this.#connection
    if (connection === undefined || connection.inFlight > 0) return
    if (this.#settings.clock.now() - connection.lastUsedAt >= maxIdleMs) connection.close()
  }

  close(): void {
    this.#isClosed = true
    this.#roundAbort?.abort()
    this.drop(new NetworkError('CONNECTION_CLOSED', 'the producer was closed'))
  }
}

const closed = () => new ClosedError('the producer was closed')
