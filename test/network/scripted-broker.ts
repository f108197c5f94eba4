import { createServer, type Server, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { FrameSplitter } from '../../src/wire/network/frame-splitter.ts'
import {
  type Api,
  apis,
  type Draft,
  isFlexible,
  type Message,
  Reader,
  type RequestHeader,
  readRequestHeader,
  Writer,
  writeResponseHeader,
} from '../../src/wire/protocol/index.ts'

/** A request as the broker read it. */
export class ScriptedRequest {
  readonly header: RequestHeader
  readonly body: Reader
  readonly socket: Socket
  /** Counts the connections of this broker, from 0. */
  readonly connection: number

  constructor(header: RequestHeader, body: Reader, socket: Socket, connection: number) {
    this.header = header
    this.body = body
    this.socket = socket
    this.connection = connection
  }

  is(api: Api): boolean {
    return this.header.apiKey === api.request.key
  }

  /** The request's values. */
  values<Q extends Message>(api: Api<Q>): ReturnType<Q['read']> {
    return api.request.read(
      new Reader(this.body.bytes, this.body.offset, this.body.end),
      this.header.apiVersion,
    ) as ReturnType<Q['read']>
  }

  /** The frame that answers it, whole. */
  frame<A extends Message>(api: Api<Message, A>, body: Draft<A>, version = this.header.apiVersion): Buffer {
    const writer = new Writer()
    writer.int32(0)
    const flexible = isFlexible(this.header.apiKey, version)
    writeResponseHeader(writer, this.header.apiKey, this.header.correlationId, flexible)
    api.response.write(writer, body as never, version)
    const bytes = writer.written()
    bytes.writeInt32BE(bytes.length - 4, 0)
    return bytes
  }

  answer<A extends Message>(api: Api<Message, A>, body: Draft<A>, version?: number): void {
    this.socket.write(this.frame(api, body, version))
  }
}

/** True: the request was dealt with. Otherwise ApiVersions is answered and the rest is left unanswered. */
export type Script = (request: ScriptedRequest) => boolean | undefined

/** A TCP server that speaks through the message tables and does what the test says. */
export class ScriptedBroker {
  static async start(script: Script = () => undefined): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(script)
    await broker.listen(0)
    return broker
  }

  script: Script
  readonly host = '127.0.0.1'
  port = 0
  readonly requests: ScriptedRequest[] = []
  readonly sockets = new Set<Socket>()
  connections = 0
  #server: Server | undefined
  #watchers: (() => void)[] = []

  constructor(script: Script) {
    this.script = script
  }

  async listen(port = this.port): Promise<void> {
    const server = createServer({ noDelay: true }, socket => this.#serve(socket))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, this.host, resolve)
    })
    this.port = (server.address() as { port: number }).port
  }

  count(api: Api): number {
    return this.requests.filter(request => request.is(api)).length
  }

  /** Resolves when the condition holds; it is looked at after each request, connection and end of one. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>(resolve => {
        this.#watchers.push(resolve)
      })
    await turn()
  }

  #serve(socket: Socket): void {
    const connection = this.connections++
    this.sockets.add(socket)
    const splitter = new FrameSplitter(2 ** 30)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.sockets.delete(socket)
      this.#tell()
    })
    socket.on('data', chunk => {
      splitter.push(chunk as Buffer, chunk.length, (bytes, start, end) => {
        this.#take(Buffer.from(bytes.subarray(start, end)), socket, connection)
        return true
      })
    })
    this.#tell()
  }

  #take(frame: Buffer, socket: Socket, connection: number): void {
    const reader = new Reader(frame)
    const request = new ScriptedRequest(readRequestHeader(reader, isFlexible), reader, socket, connection)
    this.requests.push(request)
    if (this.script(request) !== true && request.is(apis.apiVersions)) answerApiVersions(request)
    this.#tell()
  }

  #tell(): void {
    const watchers = this.#watchers
    this.#watchers = []
    for (const watcher of watchers) watcher()
  }

  /** Ends every connection, by FIN. */
  hangUp(): void {
    for (const socket of this.sockets) socket.end()
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.sockets) socket.destroy()
    if (server) await new Promise(resolve => server.close(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

type VersionRow = readonly [key: number, min: number, max: number]

/** Answers ApiVersions with all our APIs, but for those named. */
export function answerApiVersions(request: ScriptedRequest, changes: readonly VersionRow[] = []): void {
  const rows = new Map(Object.values(apis).map(api => [api.request.key, [...api.request.versions]]))
  for (const [key, min, max] of changes) rows.set(key, [min, max])
  request.answer(apis.apiVersions, {
    errorCode: 0,
    apiKeys: [...rows].map(([apiKey, [min, max]]) => ({ apiKey, minVersion: min!, maxVersion: max! })),
  })
}
