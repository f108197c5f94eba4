import { connect, type Socket } from 'node:net'
import { NetworkError } from '../../base/errors/index.ts'
import { Fifo } from '../../base/fifo.ts'
import { invariant } from '../../base/invariant.ts'
import { software } from '../../base/software.ts'
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
import { type BrokerVersions, commonVersion, newestApiVersions, readApiVersions } from './api-versions.ts'
import type { Call, CallTarget } from './call.ts'
import { badLength, badResponse, givenUp, hungUp, requestTimeout, setUpTimeout, socketError } from './connect-errors.ts'
import { DeadlineWatch, whenRead } from './deadline-watch.ts'
import { dial } from './dial.ts'
import { BadLengthError, FrameSplitter } from './frame-splitter.ts'
import { hostAndPort } from './printable.ts'

export type { Call } from './call.ts'

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly clientId: string
  readonly clock: Clock
  /** For requests that say nothing else. */
  readonly requestTimeoutMs: number
  /** Covers DNS, TCP and ApiVersions, over all addresses of the host. */
  readonly setupTimeoutMs: number
  /** Longer answers are refused before anything is allocated for them. Default: 100 MiB. */
  readonly maxResponseBytes?: number
  readonly signal?: AbortSignal
  /** It keeps no process alive, whatever goes over it. Default: false. */
  readonly isBackground?: boolean
  readonly meter?: ConnectionMeter | undefined
  /** Once for each connection that `open` gave; undefined where it ended with nothing in flight, by either side. */
  onClosed?(error: NetworkError | undefined): void
  /** Default: the system's resolver, asked anew for each connection. */
  lookup?(host: string): Promise<readonly { address: string }[]>
  /** Where SASL comes in: after TCP, before ApiVersions. */
  authenticate?(connection: Connection): Promise<void>
}

/** Counts what goes over connections. Times are monotonic. */
export interface ConnectionMeter {
  opened(now: number): void
  closed(now: number): void
  /** A request was handed to the socket: bytes with its length and header. */
  sent(bytes: number, now: number): void
  received(bytes: number, now: number): void
}

export interface RequestOptions {
  readonly timeoutMs?: number | undefined
  /** The highest common one where not said. */
  readonly version?: number
}

/** A call on its way. */
interface Pending {
  readonly call: Call
  readonly correlationId: number
  readonly deadline: number
  /** Handed to the socket: from here on its first byte may have left. */
  isSent: boolean
}

const defaultMaxResponseBytes = 100 * 2 ** 20
const readBufferBytes = 64 * 1024
/** A body up to this size is copied behind its header: cheaper than two pieces for the kernel. */
const copiedBodyBytes = 2048
/** After this much silence the kernel asks whether the other side is still there. */
const keepAliveAfterMs = 30_000
/** How long an idle connection still keeps the process alive. */
const letGoAfterMs = 10
/** What acks=0 wrote may take so long to leave after `close`. */
const lingerAfterCloseMs = 1000

/**
 * One TCP connection to one broker. Kafka answers in the order of the requests, so one queue matches answers to calls;
 * whatever does not fit (correlation id, length, contents, time) closes the connection and fails all calls in it, since
 * nothing that follows could be trusted.
 */
export class Connection implements CallTarget {
  /** Resolves when TCP stands and ApiVersions has been answered. Rejects with a NetworkError. */
  static open(options: ConnectionOptions): Promise<Connection> {
    return dial(options, (ip, timeoutMs) => Connection.#openAt(options, ip, timeoutMs))
  }

  static async #openAt(options: ConnectionOptions, ip: string, timeoutMs: number): Promise<Connection> {
    const deadline = options.clock.now() + timeoutMs
    for (let version = newestApiVersions; ; version = 0) {
      const connection = new Connection(options, ip)
      try {
        await connection.#setUp(version, deadline, timeoutMs)
        return connection
      } catch (error) {
        const reason = error instanceof NetworkError ? error : givenUp(connection.remote)
        connection.destroy(reason)
        await connection.gone
        // Some brokers (librdkafka's mock) hang up on an ApiVersions newer than they know.
        const mayBeTooNew = reason.code === 'CONNECTION_CLOSED' && connection.#stage === 'versions'
        if (!mayBeTooNew || version === 0 || connection.#bytesRead > 0 || options.signal?.aborted) throw error
      }
    }
  }

  /** `host:port (ip)`, for messages. */
  readonly remote: string
  readonly #options: ConnectionOptions
  readonly #clock: Clock
  readonly #socket: Socket
  readonly #splitter: FrameSplitter
  #state: 'setup' | 'open' | 'closing' | 'closed' = 'setup'
  #stage: 'tcp' | 'authentication' | 'versions' = 'tcp'
  #broker: BrokerVersions = { versions: new Map(), finalizedFeatures: { epoch: -1n, levels: new Map() } }
  /** Calls that wait for their answer, oldest first. */
  readonly #answers = new Fifo<Pending>()
  /** Calls that wait for the socket. */
  #unwritten: Pending[] = []
  /** Calls whose bytes the socket may still read, oldest first. */
  readonly #written = new Fifo<Pending>()
  #nextCorrelationId = 0
  /** The socket keeps the process alive: something is under way, or was a moment ago. */
  #isHeld = true
  #idleCheck: Timer | undefined
  #answersSinceOpen = 0
  #frames = 0
  #bytesRead = 0
  #lastUsedAt: number
  readonly #deadlines: DeadlineWatch
  #lingering: Timer | undefined
  #ended: NetworkError | undefined
  #failSetUp: ((error: NetworkError) => void) | undefined
  readonly #gone: Promise<void>

  private constructor(options: ConnectionOptions, ip: string) {
    this.#options = options
    this.#clock = options.clock
    this.#lastUsedAt = options.clock.now()
    const name = hostAndPort(options.host, options.port)
    this.remote = options.host === ip ? name : `${name} (${ip})`
    this.#splitter = new FrameSplitter(options.maxResponseBytes ?? defaultMaxResponseBytes)
    this.#deadlines = new DeadlineWatch(options.clock, {
      earliest: () => this.#earliest()?.deadline,
      bytesRead: () => this.#bytesRead,
      onExpired: () => this.#lost(requestTimeout(this.remote, this.#earliest()!.call)),
    })
    const buffer = Buffer.allocUnsafeSlow(readBufferBytes)
    this.#socket = connect({
      host: ip,
      port: options.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveAfterMs,
      // One buffer for all reads: nothing of an answer is kept beyond the call that reads it.
      onread: {
        buffer,
        callback: length => {
          this.#read(buffer, length)
          return true
        },
      },
    })
    if (options.isBackground) {
      this.#isHeld = false
      this.#socket.unref()
    }
    this.#socket.on('error', error => this.#lost(socketError(this.remote, this.#stage === 'tcp', error)))
    this.#socket.on('end', () => this.#lost(this.#hungUp()))
    this.#gone = new Promise(resolve => {
      this.#socket.once('close', () => {
        this.#lost(this.#hungUp())
        for (let pending = this.#written.shift(); pending; pending = this.#written.shift()) pending.call.onReleased()
        resolve()
      })
    })
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Calls without an answer, or of acks=0 that are still being written. */
  get inFlight(): number {
    return this.#answers.length + this.#unanswerable().length
  }

  /** How many answers came since the connection was set up. */
  get answers(): number {
    return this.#answersSinceOpen
  }

  /** When the last request left or the last answer came. */
  get lastUsedAt(): number {
    return this.#lastUsedAt
  }

  /** The socket takes no more at the moment. */
  get needsDrain(): boolean {
    return this.#socket.writableLength > 0
  }

  get versions(): BrokerVersions['versions'] {
    return this.#broker.versions
  }

  get finalizedFeatures(): BrokerVersions['finalizedFeatures'] {
    return this.#broker.finalizedFeatures
  }

  /** Resolves when the socket is gone. */
  get gone(): Promise<void> {
    return this.#gone
  }

  /** The highest version that both sides speak. Throws UnsupportedVersionError. */
  versionOf(message: Message): number {
    return commonVersion(message, this.#broker.versions, this.remote)
  }

  /** A request as values, for everything but Produce. Rejects with a NetworkError or an UnsupportedVersionError. */
  async request<Q extends Message, A extends Message>(
    api: Api<Q, A>,
    body: Draft<Q>,
    options: RequestOptions = {},
  ): Promise<Body<A>> {
    const version = options.version ?? this.versionOf(api.request)
    const bytes = api.request.encode(body as never, version)
    return (await this.#exchange(api.request, version, bytes, options.timeoutMs, reader =>
      api.response.read(reader, version),
    )) as Body<A>
  }

  /** Writes a call, or queues it where the socket is full. Its callbacks come later, never during `send`. */
  send(call: Call): void {
    if (this.#state !== 'open' && this.#state !== 'setup') {
      queueMicrotask(() => {
        call.onFailure(this.#ended ?? this.#hungUp(), false)
        call.onReleased()
      })
      return
    }
    const now = this.#clock.now()
    this.#lastUsedAt = now
    const pending = { call, correlationId: this.#takeCorrelationId(), deadline: now + call.timeoutMs, isSent: false }
    if (call.expectsAnswer) this.#answers.push(pending)
    this.#deadlines.add(pending.deadline, now)
    if (this.#unwritten.length === 0 && this.#socket.writableLength === 0) this.#write(pending)
    else this.#unwritten.push(pending)
    if (!this.#isHeld && !this.#options.isBackground) {
      this.#isHeld = true
      this.#socket.ref()
    }
  }

  get #isBusy(): boolean {
    return this.#answers.length > 0 || this.#written.length > 0 || this.#unwritten.length > 0 || this.#state === 'setup'
  }

  /**
   * An idle connection keeps no process alive: a program that has nothing more to do may end without closing its producer. It is
   * let go a little later, since one that is used again and again would else be let go and held with every request.
   */
  #letGoWhenIdle(): void {
    if (!this.#isHeld || this.#idleCheck !== undefined || this.#isBusy) return
    const check = () => {
      this.#idleCheck = undefined
      if (this.#isBusy || this.#state === 'closed') return
      this.#isHeld = false
      this.#socket.unref()
    }
    this.#idleCheck = this.#clock.schedule(check, letGoAfterMs, true)
  }

  /** Ends the connection. With nothing in flight nobody hears of an error; else every call in flight fails. */
  close(): void {
    if (this.#state === 'closed' || this.#state === 'closing') return
    if (this.#answers.length > 0 || this.#unwritten.length > 0 || this.#socket.writableLength === 0) {
      this.#lost(new NetworkError('CONNECTION_CLOSED', `the connection to ${this.remote} was closed by this client`))
      return
    }
    this.#state = 'closing'
    this.#socket.destroySoon()
    this.#lingering = this.#clock.schedule(
      () => this.#lost(new NetworkError('CONNECTION_CLOSED', `${this.remote} does not take what was written`)),
      lingerAfterCloseMs,
    )
  }

  /** Ends the connection at once and fails every call in flight with this error. */
  destroy(error: NetworkError): void {
    this.#lost(error)
  }

  async #setUp(version: number, deadline: number, timeoutMs: number): Promise<void> {
    const { signal } = this.#options
    const late = () => this.#lost(setUpTimeout(this.remote, this.#stage === 'tcp', timeoutMs))
    const expire = () => whenRead(this.#clock, () => this.#bytesRead, late)
    const giveUp = () => this.#lost(givenUp(this.remote))
    const timer = this.#clock.schedule(expire, deadline - this.#clock.now())
    signal?.addEventListener('abort', giveUp)
    const failed = new Promise<never>((_, reject) => {
      this.#failSetUp = reject
    })
    try {
      if (signal?.aborted) giveUp()
      await Promise.race([this.#steps(version, timeoutMs), failed])
      this.#state = 'open'
      this.#options.meter?.opened(this.#clock.now())
      this.#letGoWhenIdle()
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', giveUp)
      this.#failSetUp = undefined
    }
  }

  async #steps(version: number, timeoutMs: number): Promise<void> {
    await new Promise<void>(resolve => {
      this.#socket.once('connect', resolve)
    })
    if (this.#options.authenticate) {
      this.#stage = 'authentication'
      await this.#options.authenticate(this)
    }
    this.#stage = 'versions'
    const { request } = apis.apiVersions
    const draft = { clientSoftwareName: software.name, clientSoftwareVersion: software.version }
    let asked = version
    for (;;) {
      const sent = asked
      // The limit is that of the whole set-up, whose timer is already running.
      const answer = await this.#exchange(request, sent, request.encode(draft, sent), timeoutMs * 2, reader =>
        readApiVersions(reader, sent, this.remote),
      )
      if (typeof answer !== 'number') {
        this.#broker = answer
        return
      }
      asked = answer
    }
  }

  #exchange<T>(
    request: Message,
    version: number,
    body: Uint8Array,
    timeoutMs: number | undefined,
    read: (reader: Reader) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.send({
        apiKey: request.key,
        apiVersion: version,
        flexible: version >= request.flexibleFrom,
        body: [body],
        bodyBytes: body.length,
        expectsAnswer: true,
        timeoutMs: timeoutMs ?? this.#options.requestTimeoutMs,
        onAnswer: reader => {
          // A copy: fields of bytes are views, and outlive this call.
          const bytes = Buffer.from(reader.bytes.subarray(reader.offset, reader.end))
          try {
            resolve(read(new Reader(bytes)))
          } catch (error) {
            if (error instanceof DecodeError) throw error
            reject(error)
          }
        },
        onFailure: reject,
        onReleased() {},
      })
    })
  }

  /** The last eight ids are left to SASL exchanges, as in Java (SaslClientAuthenticator). */
  #takeCorrelationId(): number {
    const id = this.#nextCorrelationId
    this.#nextCorrelationId = id === 0x7fffffff - 8 ? 0 : id + 1
    return id
  }

  #write(pending: Pending): void {
    const { call } = pending
    pending.isSent = true
    this.#written.push(pending)
    const head = new Writer(64)
    head.int32(0)
    const { apiKey, apiVersion } = call
    const { clientId } = this.#options
    writeRequestHeader(head, { apiKey, apiVersion, correlationId: pending.correlationId, clientId }, call.flexible)
    const bytes = head.written()
    bytes.writeInt32BE(bytes.length - 4 + call.bodyBytes, 0)
    this.#options.meter?.sent(bytes.length + call.bodyBytes, this.#lastUsedAt)
    const done = (error?: Error | null) => this.#onWritten(pending, error)
    const socket = this.#socket
    if (call.bodyBytes <= copiedBodyBytes) {
      socket.write(Buffer.concat([bytes, ...call.body]), done)
      return
    }
    socket.cork()
    socket.write(bytes)
    const last = call.body.length - 1
    for (const [index, piece] of call.body.entries()) socket.write(piece, index === last ? done : undefined)
    socket.uncork()
  }

  #onWritten(pending: Pending, error: Error | null | undefined): void {
    // What a broken socket did not write is released when the socket is gone: until then it may still be read.
    if (error || this.#state === 'closed') return
    invariant(this.#written.shift() === pending, 'writes end in the order they began')
    pending.call.onReleased()
    this.#letGoWhenIdle()
    if (this.#unwritten.length === 0 || this.#socket.writableLength > 0) return
    const waiting = this.#unwritten
    this.#unwritten = []
    this.#socket.cork()
    for (const next of waiting) this.#write(next)
    this.#socket.uncork()
  }

  #read(bytes: Buffer, length: number): void {
    this.#bytesRead += length
    try {
      this.#splitter.push(bytes, length, this.#onFrame)
    } catch (error) {
      if (error instanceof BadLengthError) this.#lost(badLength(this.remote, error, this.#frames === 0))
      else if (error instanceof DecodeError) this.#lost(badResponse(this.remote, error))
      else {
        // A bug of ours in a callback: the queue may be out of step, so the connection cannot live on.
        this.#lost(new NetworkError('CONNECTION_CLOSED', `reading an answer of ${this.remote} failed`, error))
        throw error
      }
    }
  }

  readonly #onFrame = (bytes: Buffer, start: number, end: number): boolean => {
    if (this.#state === 'closed') return false
    this.#frames++
    const reader = new Reader(bytes, start, end)
    const pending = this.#answers.first
    const correlationId = bytes.readInt32BE(start)
    if (pending === undefined || !pending.isSent)
      throw new DecodeError(`answer ${correlationId} came, but no request waits for one`)
    if (pending.correlationId !== correlationId)
      throw new DecodeError(`answer ${correlationId} came where ${pending.correlationId} was due`)
    readResponseHeader(reader, pending.call.apiKey, pending.call.flexible)
    this.#answers.shift()
    this.#lastUsedAt = this.#clock.now()
    this.#options.meter?.received(end - start + 4, this.#lastUsedAt)
    if (this.#state === 'open') this.#answersSinceOpen++
    try {
      pending.call.onAnswer(reader)
      this.#letGoWhenIdle()
    } catch (error) {
      if (error instanceof DecodeError) this.#lost(badResponse(this.remote, error), pending)
      throw error
    }
    return (this.#state as string) !== 'closed'
  }

  #earliest(): Pending | undefined {
    let earliest: Pending | undefined
    for (const pending of [...this.#answers, ...this.#unanswerable()])
      if (earliest === undefined || pending.deadline < earliest.deadline) earliest = pending
    return earliest
  }

  /** Calls of acks=0 that are not written yet. */
  #unanswerable(): Pending[] {
    if (this.#written.length === 0 && this.#unwritten.length === 0) return []
    return [...this.#written, ...this.#unwritten].filter(pending => !pending.call.expectsAnswer)
  }

  /** The end, whatever its reason. Who must know of it hears first, then the calls, oldest first. */
  #lost(error: NetworkError, first?: Pending): void {
    if (this.#state === 'closed') return
    const wasOpen = this.#state !== 'setup'
    if (wasOpen) this.#options.meter?.closed(this.#clock.now())
    this.#state = 'closed'
    this.#deadlines.close()
    this.#lingering?.cancel()
    this.#idleCheck?.cancel()
    const failed = [...(first === undefined ? [] : [first]), ...this.#answers, ...this.#unanswerable()]
    const unwritten = this.#unwritten
    this.#unwritten = []
    while (this.#answers.shift()) {}
    this.#ended = error
    this.#socket.destroy()
    const steps = [
      () => this.#failSetUp?.(error),
      () => wasOpen && this.#options.onClosed?.(failed.length > 0 || isTelling(error) ? error : undefined),
      ...failed.map(pending => () => pending.call.onFailure(error, pending.isSent)),
      ...unwritten.map(pending => () => pending.call.onReleased()),
    ]
    runAll(steps)
  }

  #hungUp(): NetworkError {
    return hungUp(this.remote, this.#stage === 'versions' && this.#frames === 0)
  }
}

/** Whether an error is worth telling where no call was in flight. Hanging up on an idle connection is ordinary. */
const isTelling = (error: NetworkError) => error.code !== 'CONNECTION_CLOSED'

/** Runs all of them, even if one throws; the first error goes on to the caller. */
function runAll(steps: (() => unknown)[]): void {
  let thrown: { error: unknown } | undefined
  for (const step of steps)
    try {
      step()
    } catch (error) {
      thrown ??= { error }
    }
  if (thrown) throw thrown.error
}
