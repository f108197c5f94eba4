import type { Socket } from 'node:net'
import {
  apiVersionsKey,
  DecodeError,
  isFlexible,
  Reader,
  type RequestHeader,
  readRequestHeader,
  Writer,
  writeResponseHeader,
} from '../wire/protocol/index.ts'
import { type Call, type Handler, isNoAnswer } from './call.ts'
import type { Cluster } from './cluster.ts'
import { type ChangedFrame, changeAnswer, changeFrame, delayMs } from './fault-actions.ts'
import type { FaultPhase } from './fault-rules.ts'
import type { PlannedFault } from './faults.ts'
import { FrameError, FrameReader } from './frame-reader.ts'
import { unsupportedApiVersions } from './handlers/api-versions.ts'
import { handlers } from './handlers/index.ts'
import { keptBody } from './kept-body.ts'
import type { BrokerNode } from './node.ts'
import type { BrokerRequest } from './request-log.ts'
import { groupsOf, transactionalIdsOf } from './request-subjects.ts'
import { Authentication } from './security/authentication.ts'

/** While a request is served, this much is read ahead; then the client has to wait, as Kafka's muted channels make it. */
const readAheadBytes = 256 * 1024

/**
 * For all arrays of a request together. 100 MiB on the wire, which a request may have, could else become gigabytes of objects.
 */
const mostElements = 500_000

/** Kafka's `sasl.server.max.receive.size`: who is not known yet may not have much memory. */
const mostUnauthenticatedBytes = 512 * 1024

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Ending = 'answered' | 'closed'

/** One connection to one broker: requests are served one at a time and answered in their order. */
export class Session {
  readonly #socket: Socket
  /** The TCP socket below TLS, or the same. */
  readonly #raw: Socket
  readonly #authentication: Authentication
  readonly #node: BrokerNode
  readonly #cluster: Cluster
  readonly #connection: number
  readonly #frames: FrameReader
  readonly #gone = new Set<() => void>()
  #serving = false
  #closed = false
  #mutedUntil = 0
  readonly #mute = (ms: number) => {
    this.#mutedUntil = Math.max(this.#mutedUntil, this.#cluster.clock.now() + ms)
  }

  constructor(socket: Socket, node: BrokerNode, raw: Socket) {
    this.#socket = socket
    this.#raw = raw
    this.#node = node
    this.#cluster = node.cluster
    this.#connection = node.cluster.nextConnection()
    this.#authentication = new Authentication(node.cluster.settings.sasl, node.cluster.clock)
    this.#frames = new FrameReader(node.cluster.settings.maxRequestBytes)
    socket.setNoDelay(true)
    socket.on('data', chunk => {
      this.#frames.push(chunk as Buffer)
      if (!this.#serving) void this.#serve()
      else if (this.#frames.buffered > readAheadBytes) socket.pause()
    })
    socket.on('error', () => this.close())
    socket.on('close', () => this.close())
    if (node.paused) socket.pause()
  }

  /** Stops reading: what the broker's `pause` does to each connection. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(reset = false): void {
    if (this.#closed) return
    this.#closed = true
    if (reset) this.#raw.resetAndDestroy()
    this.#socket.destroy()
    this.#frames.clear()
    for (const listener of [...this.#gone]) listener()
    this.#gone.clear()
    this.#node.forget(this)
  }

  async #serve(): Promise<void> {
    this.#serving = true
    try {
      while (!this.#closed) {
        if (this.#node.paused) await this.#until(this.#node.resumed)
        const frame = this.#closed ? null : this.#frames.next(this.#mostBytes)
        if (!frame) break
        const served = this.#request(frame)
        if (served) await served
        if (this.#mutedUntil > 0) await this.#unmuted()
        // A client that does not read its answers gets no more of them.
        if (!this.#closed && this.#socket.writableNeedDrain) await this.#drained()
      }
    } catch (error) {
      // Kafka closes the connection of a client that it cannot understand; others do not notice.
      this.close()
      if (!(error instanceof DecodeError || error instanceof FrameError)) this.#node.report(error)
    } finally {
      this.#serving = false
    }
    if (!this.#closed && !this.#node.paused && this.#socket.isPaused()) this.#socket.resume()
  }

  get #mostBytes(): number {
    const { maxRequestBytes } = this.#cluster.settings
    return this.#authentication.isUnderWay ? Math.min(maxRequestBytes, mostUnauthenticatedBytes) : maxRequestBytes
  }

  /** Serves one request; a promise only where it has to wait. */
  #request(frame: Buffer): Promise<void> | undefined {
    // The answer that says so is on its way, and the end behind it.
    if (this.#authentication.failed) return undefined
    if (this.#authentication.wantsBareToken) return this.#bareToken(frame)
    const reader = new Reader(frame)
    reader.elementsLeft = mostElements
    const header = readRequestHeader(reader, isFlexible)
    const handler = handlers.get(header.apiKey)
    const range = handler && this.#cluster.settings.versions.get(handler.name)
    if (!handler || !range || header.apiVersion < range[0] || header.apiVersion > range[1]) {
      // The one API that answers versions it does not know, so that the client can choose another (KIP-511).
      if (range && header.apiKey === apiVersionsKey)
        this.#write(handler, { ...header, apiVersion: 0 }, unsupportedApiVersions(this.#cluster))
      else this.close()
      return undefined
    }
    if (!this.#authentication.admits(handler.name)) {
      this.close()
      return undefined
    }
    const body: unknown = handler.request.read(reader, header.apiVersion)
    // Bytes behind the last field are passed over, as Kafka does: librdkafka 2.15 and 2.16 ask for the metadata of all topics with three.
    const request: Mutable<BrokerRequest> = {
      at: this.#cluster.clock.now(),
      broker: this.#node.id,
      connection: this.#connection,
      api: handler.name,
      version: header.apiVersion,
      clientId: header.clientId,
      correlationId: header.correlationId,
      body,
      targets: handler.targets(body, this.#cluster),
      transactionalId: transactionalIdsOf(body)[0] ?? null,
      group: groupsOf(body)[0] ?? null,
      batches: handler.batches(body, this.#cluster),
      faults: [],
    }
    const faults = this.#cluster.faults.plan(request)
    request.faults = faults.map(({ rule }) => rule.name ?? rule.action.type)
    const kept = keptBody(handler.summary(body))
    request.body = kept.body
    this.#cluster.requests.add(request, kept.sizeInBytes)
    const call: Call<unknown> = {
      cluster: this.#cluster,
      brokerId: this.#node.id,
      api: handler.name,
      version: header.apiVersion,
      clientId: header.clientId,
      clientHost: `/${this.#socket.remoteAddress ?? ''}`,
      body,
      sizeInBytes: frame.length,
      faults,
      authentication: this.#authentication,
      onGone: listener => this.#onGone(listener),
      mute: this.#mute,
    }
    const whole = () => ({ ...request, body })
    const served = () => this.#cluster.requests.served(whole)
    if (faults.length > 0) return this.#serveWithFaults(handler, header, call, whole()).then(served)
    const answer = handler.handle(call)
    if (answer instanceof Promise)
      return answer.then(settled => {
        this.#answer(handler, header, settled)
        served()
      })
    this.#answer(handler, header, answer)
    served()
    return undefined
  }

  async #serveWithFaults(
    handler: Handler,
    header: RequestHeader,
    call: Call<unknown>,
    request: BrokerRequest,
  ): Promise<void> {
    if ((await this.#act(call.faults, 'before')) === 'closed') return
    if (has(call.faults, 'before', 'swallow')) return
    const instead = call.faults.some(({ phase, rule }) => phase === 'before' && rule.action.type === 'answer')
    const handled = instead ? undefined : await handler.handle(call)
    if ((await this.#act(call.faults, 'after')) === 'closed') return
    if (has(call.faults, 'after', 'swallow')) return
    if (isNoAnswer(handled)) this.#answer(handler, header, handled)
    else {
      const { answer, throttleMs } = changeAnswer(handled, call.faults, request)
      const frame = changeFrame(this.#encode(handler, header, answer), call.faults, this.#cluster.settings.random)
      if (this.#node.paused) await this.#until(this.#node.resumed)
      if (this.#closed) return
      await this.#writeChanged(frame)
      if (throttleMs > 0) this.#mute(throttleMs)
    }
  }

  /** Delays, holds and closes of one phase. */
  async #act(faults: readonly PlannedFault[], phase: FaultPhase): Promise<Ending> {
    for (const fault of faults) {
      const { action } = fault.rule
      if (fault.phase !== phase) continue
      if (action.type === 'delay') await this.#wait(delayMs(action.ms, this.#cluster.settings.random))
      else if (action.type === 'hold') await this.#until(fault.released)
      else if (action.type === 'close') {
        if (action.afterMs) await this.#wait(action.afterMs)
        this.close(action.reset ?? true)
      }
      if (this.#closed) return 'closed'
    }
    return 'answered'
  }

  async #writeChanged({ bytes, closeAfter, pieceBytes }: ChangedFrame): Promise<void> {
    let written = 0
    while (bytes.length - written > pieceBytes && !this.#closed) {
      this.#socket.write(bytes.subarray(written, written + pieceBytes))
      written += pieceBytes
      await new Promise<void>(resolve => this.#cluster.clock.atEndOfTurn(resolve))
    }
    if (this.#closed) return
    if (closeAfter || this.#authentication.failed) this.#socket.end(bytes.subarray(written), () => this.close())
    else this.#socket.write(bytes.subarray(written))
  }

  #answer(handler: Handler, header: RequestHeader, answer: unknown): void {
    if (this.#closed) return
    if (!isNoAnswer(answer)) this.#write(handler, header, answer)
    else if (answer.noAnswer === 'disconnect') this.close()
  }

  #write(handler: Handler, header: RequestHeader, answer: unknown): void {
    const bytes = this.#encode(handler, header, answer)
    if (!this.#node.paused) this.#writeBytes(bytes)
    // Paused while it was handled: a stopped process does not write either.
    else void this.#node.resumed.then(() => this.#closed || this.#writeBytes(bytes))
  }

  #writeBytes(bytes: Buffer): void {
    if (this.#authentication.failed) this.#socket.end(bytes, () => this.close())
    else this.#socket.write(bytes)
  }

  /** A SASL token without a header, as before KIP-152; a refusal can only be told by the end of the connection. */
  #bareToken(frame: Buffer): undefined {
    const { error, token } = this.#authentication.token(frame)
    if (error !== null) return void this.close()
    const bytes = Buffer.alloc(4 + token.length)
    bytes.writeInt32BE(token.length)
    token.copy(bytes, 4)
    this.#socket.write(bytes)
  }

  #encode(handler: Handler, header: RequestHeader, answer: unknown): Buffer {
    const { apiKey, apiVersion, correlationId } = header
    const writer = new Writer()
    writer.int32(0)
    writeResponseHeader(writer, apiKey, correlationId, apiVersion >= handler.response.flexibleFrom)
    handler.response.write(writer, answer as never, apiVersion)
    const bytes = writer.written()
    bytes.writeInt32BE(bytes.length - 4)
    return bytes
  }

  async #unmuted(): Promise<void> {
    const leftMs = this.#mutedUntil - this.#cluster.clock.now()
    this.#mutedUntil = 0
    if (leftMs > 0) await this.#wait(leftMs)
  }

  #drained(): Promise<void> {
    return this.#until(new Promise(resolve => this.#socket.once('drain', resolve)))
  }

  #wait(ms: number): Promise<void> {
    return this.#untilGone(resolve => {
      const timer = this.#cluster.clock.schedule(resolve, ms)
      return () => timer.cancel()
    })
  }

  #until(promise: Promise<void>): Promise<void> {
    return this.#untilGone(resolve => {
      void promise.then(resolve)
      return () => {}
    })
  }

  /** Ends when `begin` resolves it or the connection is gone, whichever is first. */
  #untilGone(begin: (resolve: () => void) => () => void): Promise<void> {
    return new Promise(resolve => {
      if (this.#closed) return resolve()
      const off = this.#onGone(() => {
        cancel()
        resolve()
      })
      const cancel = begin(() => {
        off()
        resolve()
      })
    })
  }

  #onGone(listener: () => void): () => void {
    if (this.#closed) queueMicrotask(listener)
    this.#gone.add(listener)
    return () => this.#gone.delete(listener)
  }
}

function has(faults: readonly PlannedFault[], phase: FaultPhase, type: string): boolean {
  return faults.some(fault => fault.phase === phase && fault.rule.action.type === type)
}
