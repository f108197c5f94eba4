import { NetworkError, UnsupportedVersionError } from '../../base/errors/index.ts'
import { Fifo } from '../../base/fifo.ts'
import type { Clock, Timer } from '../../base/time/clock.ts'
import {
  type Api,
  apis,
  type Body,
  DecodeError,
  type Draft,
  type Message,
  Reader,
  readResponseHeader,
  Writer,
  writeRequestHeader,
} from '../protocol/index.ts'
import type { Call } from './call.ts'
import { FrameBuffer } from './frame-buffer.ts'
import { type NegotiatedVersions, negotiateVersions } from './negotiate-versions.ts'
import { openSocket, type SocketLike, type SocketOptions } from './open-socket.ts'

export type { Call } from './call.ts'

export interface ConnectionOptions extends SocketOptions {
  readonly clientId: string
  readonly clock: Clock
  readonly requestTimeoutMs: number
  /** An announced frame larger than this is not believed. */
  readonly maxResponseBytes?: number
  /** Once; undefined where we closed it ourselves, or the broker closed it while nothing was in flight. */
  onClosed(error: NetworkError | undefined): void
}

interface Waiting {
  readonly correlationId: number
  readonly call: Call
  readonly deadline: number
}

const defaultMaxResponseBytes = 100 * 1024 * 1024

/**
 * One connection to a broker. Requests are pipelined; Kafka answers them in order, so the head of the queue owns the next
 * frame, and a frame that is not for it is a protocol error that closes the connection. One timer watches the queue.
 */
export class Connection {
  readonly remote: string
  readonly #socket: SocketLike
  readonly #options: ConnectionOptions
  readonly #clock: Clock
  readonly #frames: FrameBuffer
  readonly #waiting = new Fifo<Waiting>()
  #negotiated: NegotiatedVersions = { versions: new Map(), finalizedFeatures: new Map() }
  #nextCorrelationId = 0
  #timer: Timer | undefined
  #timerAt = 0
  #closedWith: NetworkError | undefined
  #isOpen = true
  lastUsedAt: number

  private constructor(socket: SocketLike, remote: string, options: ConnectionOptions) {
    this.#socket = socket
    this.remote = remote
    this.#options = options
    this.#clock = options.clock
    this.lastUsedAt = options.clock.now()
    this.#frames = new FrameBuffer(options.maxResponseBytes ?? defaultMaxResponseBytes, remote)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error: Error) =>
      this.#ended(new NetworkError('CONNECTION_CLOSED', `${remote}: ${error.message}`, error)),
    )
    socket.on('close', () => this.#ended(undefined))
  }

  /**
   * Connects to the first address of the host that answers, and agrees on versions. A broker that does not know our
   * ApiVersions request gets an older one; one that closes at it gets the oldest on a new connection.
   *
   * @throws NetworkError CONNECT_FAILED, CONNECT_TIMEOUT, NOT_KAFKA, CONNECTION_CLOSED
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const startedAt = options.clock.now()
    const [, newest] = apis.apiVersions.request.versions
    try {
      return await Connection.#openWith(options, newest, options.setupTimeoutMs)
    } catch (error) {
      const leftMs = options.setupTimeoutMs - (options.clock.now() - startedAt)
      const closedAtHello = error instanceof NetworkError && error.code === 'CONNECTION_CLOSED'
      if (!closedAtHello || leftMs <= 0) throw error
      return await Connection.#openWith(options, 0, leftMs)
    }
  }

  static async #openWith(options: ConnectionOptions, version: number, leftMs: number): Promise<Connection> {
    const startedAt = options.clock.now()
    const { socket, remote } = await openSocket({ ...options, setupTimeoutMs: leftMs })
    let established = false
    const quietUntilOpen: ConnectionOptions = {
      ...options,
      onClosed: error => {
        if (established) options.onClosed(error)
      },
    }
    const connection = new Connection(socket, remote, quietUntilOpen)
    try {
      const timeoutMs = Math.max(1, leftMs - (options.clock.now() - startedAt))
      connection.#negotiated = await negotiateVersions(connection, version, timeoutMs)
      established = true
      return connection
    } catch (error) {
      connection.destroy(error instanceof NetworkError ? error : undefined)
      throw error
    }
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get inFlight(): number {
    return this.#waiting.length
  }

  /** The socket holds bytes that the system has not taken yet. */
  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Lowest and highest version of each API, as this broker announced. */
  get versions(): ReadonlyMap<number, readonly [min: number, max: number]> {
    return this.#negotiated.versions
  }

  get finalizedFeatures(): ReadonlyMap<string, number> {
    return this.#negotiated.finalizedFeatures
  }

  /** The highest version that both sides speak. Throws UnsupportedVersionError where there is none. */
  versionOf(message: Message): number {
    const [ownMin, ownMax] = message.versions
    const announced = this.#negotiated.versions.get(message.key)
    if (announced === undefined) {
      const text = `broker ${this.remote} does not know ${message.name}`
      throw new UnsupportedVersionError(text, { outcome: 'not-written' })
    }
    const version = Math.min(ownMax, announced[1])
    if (version < Math.max(ownMin, announced[0]))
      throw new UnsupportedVersionError(
        `broker ${this.remote} speaks ${message.name} v${announced[0]} to v${announced[1]}, this client v${ownMin} to v${ownMax}`,
        { outcome: 'not-written' },
      )
    return version
  }

  /** One request through the message tables. Rejects with NetworkError or UnsupportedVersionError. */
  request<Q extends Message, A extends Message>(
    api: Api<Q, A>,
    body: Draft<Q>,
    { timeoutMs = this.#options.requestTimeoutMs, version }: { timeoutMs?: number; version?: number } = {},
  ): Promise<Body<A>> {
    return new Promise((resolve, reject) => {
      const apiVersion = version ?? this.versionOf(api.request)
      const bytes = api.request.encode(body as never, apiVersion)
      this.send({
        apiKey: api.request.key,
        apiVersion,
        flexible: apiVersion >= api.request.flexibleFrom,
        body: [bytes],
        bodyBytes: bytes.length,
        expectsAnswer: true,
        timeoutMs,
        onAnswer: reader => resolve(api.response.read(reader, apiVersion) as Body<A>),
        onFailure: reject,
        onReleased: () => {},
      })
    })
  }

  /** Writes a request. Its callbacks are never called before this returns. */
  send(call: Call): void {
    if (!this.#isOpen) {
      const error =
        this.#closedWith ?? new NetworkError('CONNECTION_CLOSED', `${this.remote}: the connection is closed`)
      queueMicrotask(() => {
        call.onFailure(error, false)
        call.onReleased()
      })
      return
    }
    const now = this.#clock.now()
    this.lastUsedAt = now
    const correlationId = this.#nextCorrelationId
    this.#nextCorrelationId = (this.#nextCorrelationId + 1) & 0x3fffffff
    const head = new Writer(64)
    head.int32(0)
    writeRequestHeader(
      head,
      { apiKey: call.apiKey, apiVersion: call.apiVersion, correlationId, clientId: this.#options.clientId },
      call.flexible,
    )
    head.bytes.writeInt32BE(head.offset - 4 + call.bodyBytes, 0)
    if (call.expectsAnswer) {
      this.#waiting.push({ correlationId, call, deadline: now + call.timeoutMs })
      this.#watchHead(now + call.timeoutMs)
    }
    this.#write(head.written(), call)
  }

  #write(head: Buffer, call: Call): void {
    // Called when the system has taken the bytes, or the socket is gone.
    const release = (error?: Error | null) => {
      if (error != null && !call.expectsAnswer) {
        const reason =
          this.#closedWith ?? new NetworkError('CONNECTION_CLOSED', `${this.remote}: ${error.message}`, error)
        call.onFailure(reason, true)
      }
      call.onReleased()
    }
    const last = call.body.length - 1
    this.#socket.cork()
    this.#socket.write(head)
    for (let index = 0; index < last; index++) this.#socket.write(call.body[index]!)
    this.#socket.write(call.body[last]!, release)
    this.#socket.uncork()
  }

  #receive(chunk: Buffer): void {
    try {
      this.#frames.add(chunk)
      for (let frame = this.#frames.next(); frame !== undefined && this.#isOpen; frame = this.#frames.next())
        this.#answer(frame)
    } catch (error) {
      if (error instanceof NetworkError) this.destroy(error)
      else throw error
    }
  }

  #answer(frame: Buffer): void {
    const head = this.#waiting.shift()
    const reader = new Reader(frame)
    if (head === undefined)
      throw new NetworkError('BAD_RESPONSE', `${this.remote} sent an answer that nobody asked for`)
    this.lastUsedAt = this.#clock.now()
    try {
      const correlationId = readResponseHeader(reader, head.call.apiKey, head.call.flexible)
      if (correlationId !== head.correlationId)
        throw new DecodeError(`it answers request ${correlationId}, but request ${head.correlationId} is next`)
      head.call.onAnswer(reader)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const text = `${this.remote} sent an answer that cannot be read: ${error.message}`
      const bad = new NetworkError('BAD_RESPONSE', text, error)
      head.call.onFailure(bad, true)
      throw bad
    }
  }

  /** One timer, for the earliest deadline as far as known; the queue is looked at when it fires. */
  #watchHead(deadline: number): void {
    if (this.#timer !== undefined && this.#timerAt <= deadline) return
    this.#timer?.cancel()
    this.#timerAt = deadline
    this.#timer = this.#clock.schedule(() => {
      // After a stall of the event loop the answers may be there already: they are read before anything is decided.
      this.#clock.atEndOfTurn(() => this.#clock.atEndOfTurn(() => this.#checkDeadlines()))
    }, deadline - this.#clock.now())
  }

  #checkDeadlines(): void {
    this.#timer = undefined
    if (!this.#isOpen) return
    const now = this.#clock.now()
    let earliest = Number.POSITIVE_INFINITY
    for (const { deadline } of this.#waiting) earliest = Math.min(earliest, deadline)
    if (earliest <= now)
      this.destroy(new NetworkError('REQUEST_TIMEOUT', `${this.remote} did not answer a request in time`))
    else if (earliest !== Number.POSITIVE_INFINITY) this.#watchHead(earliest)
  }

  /** Closes without an error to anybody, where nothing is in flight. */
  close(): void {
    this.destroy(undefined)
  }

  /** Closes now; whatever is in flight fails with `error`. */
  destroy(error: NetworkError | undefined): void {
    this.#ended(error ?? null)
    this.#socket.destroy()
  }

  /** null: closed by us on purpose. undefined: closed by the other side without an error. */
  #ended(error: NetworkError | null | undefined): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#timer?.cancel()
    this.#timer = undefined
    const wasIdle = this.#waiting.length === 0
    const reason =
      error ??
      new NetworkError('CONNECTION_CLOSED', `${this.remote} ${error === null ? 'was closed' : 'closed the connection'}`)
    this.#closedWith = reason
    for (let waiting = this.#waiting.shift(); waiting !== undefined; waiting = this.#waiting.shift())
      waiting.call.onFailure(reason, true)
    this.#options.onClosed(error === null || (wasIdle && isSilentEnd(error)) ? undefined : reason)
  }
}

/** A broker may close what is idle: an end of stream, or a reset because of it. */
const isSilentEnd = (error: NetworkError | undefined): boolean => {
  if (error === undefined) return true
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED'
}
