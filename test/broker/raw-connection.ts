import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { FrameReader } from '../../src/broker/frame-reader.ts'
import type { Broker } from '../../src/broker/index.ts'
import {
  type Body,
  type Draft,
  type Message,
  Reader,
  readResponseHeader,
  Writer,
  writeRequestHeader,
} from '../../src/wire/protocol/index.ts'

interface Waiting {
  resolve(frame: Buffer): void
  reject(error: Error): void
}

/** A client that is nothing but a socket and the message tables, so that a test decides every byte. */
export class RawConnection implements AsyncDisposable {
  readonly socket: Socket
  /** Settles when the broker, or the test, has closed the connection; true after a reset. */
  readonly closed: Promise<{ reset: boolean }>
  readonly #frames = new FrameReader(2 ** 31 - 1)
  readonly #arrived: Buffer[] = []
  readonly #waiting: Waiting[] = []
  #correlationId = 0
  #over = false

  private constructor(socket: Socket) {
    this.socket = socket
    let reset = false
    socket.on('data', chunk => {
      this.#frames.push(chunk as Buffer)
      for (let frame = this.#frames.next(); frame; frame = this.#frames.next()) {
        const first = this.#waiting.shift()
        if (first) first.resolve(frame)
        else this.#arrived.push(frame)
      }
    })
    socket.on('error', error => {
      reset = (error as NodeJS.ErrnoException).code === 'ECONNRESET'
    })
    this.closed = new Promise(resolve => {
      socket.on('close', () => {
        this.#over = true
        for (const { reject } of this.#waiting.splice(0)) reject(new Error('the broker closed the connection'))
        resolve({ reset })
      })
    })
  }

  static open(broker: Broker, brokerId = 1): Promise<RawConnection> {
    return RawConnection.to('127.0.0.1', broker.ports.get(brokerId)!)
  }

  static async to(host: string, port: number): Promise<RawConnection> {
    const socket = connect({ host, port })
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  /** On a socket that is connected, as with TLS. */
  static over(socket: Socket): RawConnection {
    return new RawConnection(socket)
  }

  /** Writes a request and gives its correlation id; its answer is left to `frame`. */
  send<Q extends Message>(message: Q, version: number, body: Draft<Q>, clientId: string | null = 'raw'): number {
    const correlationId = ++this.#correlationId
    const writer = new Writer()
    writer.int32(0)
    const { key: apiKey, flexibleFrom } = message
    writeRequestHeader(writer, { apiKey, apiVersion: version, correlationId, clientId }, version >= flexibleFrom)
    message.write(writer, body as never, version)
    const bytes = writer.written()
    bytes.writeInt32BE(bytes.length - 4)
    this.socket.write(bytes)
    return correlationId
  }

  /** The next frame that comes, without its length. Rejects when the connection ends first. */
  frame(): Promise<Buffer> {
    const first = this.#arrived.shift()
    if (first) return Promise.resolve(first)
    if (this.#over) return Promise.reject(new Error('the broker closed the connection'))
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** Whether an answer has come that nobody has asked for yet. */
  get hasFrame(): boolean {
    return this.#arrived.length > 0
  }

  /** The next answer, which must carry this correlation id and be read to its end. */
  async answer<A extends Message>(message: A, version: number, correlationId: number): Promise<Body<A>> {
    const reader = new Reader(await this.frame())
    const got = readResponseHeader(reader, message.key, version >= message.flexibleFrom)
    if (got !== correlationId) throw new Error(`answer to request ${got}, expected one to ${correlationId}`)
    const body = message.read(reader, version)
    if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes of the answer are left`)
    return body as Body<A>
  }

  async call<Q extends Message, A extends Message>(
    api: { readonly request: Q; readonly response: A },
    version: number,
    body: Draft<Q>,
  ): Promise<Body<A>> {
    return this.answer(api.response, version, this.send(api.request, version, body))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.closed
  }
}
