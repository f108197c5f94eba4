import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { ConfigError, KafkaError } from '../../base/errors/index.ts'
import { cannotListen } from '../../base/listen-failure.ts'
import type { Broker } from '../broker.ts'
import { ControlError, ControlRoutes } from './control-routes.ts'
import { jsonOf } from './json.ts'

/** No fault, action or topic needs more. */
const maxBodyBytes = 1024 * 1024

const loopbackName = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d+)?$/i

interface Answer {
  readonly status: number
  readonly body: unknown
}

/** The broker's control port: faults, cluster actions and what came, as JSON over HTTP, for tests in any language. */
export class ControlServer {
  readonly #server: Server
  readonly #host: string
  readonly #routes: ControlRoutes
  readonly #report: (error: unknown) => void
  #port: number

  constructor(broker: Broker, host: string, port: number, report: (error: unknown) => void) {
    this.#routes = new ControlRoutes(broker)
    this.#host = host
    this.#port = port
    this.#report = report
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  get url(): string {
    return `http://${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${this.#port}`
  }

  /** @throws KafkaError `LISTEN_FAILED` */
  async start(): Promise<void> {
    const server = this.#server
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => reject(cannotListen(error, this.#host, this.#port, 'controlPort'))
      server.once('error', fail)
      server.listen({ host: this.#host, port: this.#port }, () => {
        server.off('error', fail)
        resolve()
      })
    })
    server.on('error', this.#report)
    const address = server.address()
    if (address !== null && typeof address === 'object') this.#port = address.port
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body } = await this.#answer(request)
    if (response.destroyed) return
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      ...(status === 413 && { connection: 'close' }),
    })
    response.end(`${JSON.stringify(jsonOf(body))}\n`)
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    try {
      refuseWebPages(request)
      const { method = 'GET', url = '/' } = request
      const body = method === 'POST' ? await bodyOf(request) : undefined
      return { status: 200, body: (await this.#routes.handle(method, new URL(url, this.url), body)) ?? {} }
    } catch (error) {
      return this.#refusal(error)
    }
  }

  #refusal(error: unknown): Answer {
    if (error instanceof ControlError)
      return { status: error.status, body: { error: error.message, ...(error.paths && { paths: error.paths }) } }
    if (error instanceof ConfigError)
      return { status: 400, body: { error: error.message, problems: error.problems.map(({ message }) => message) } }
    if (error instanceof KafkaError) {
      const status = error.code === 'UNKNOWN_TOPIC_OR_PARTITION' ? 404 : 409
      return { status, body: { error: error.message, code: error.code } }
    }
    if (error instanceof RangeError) return { status: 400, body: { error: error.message } }
    this.#report(error)
    return { status: 500, body: { error: String(error) } }
  }
}

/**
 * A page that is open in a browser may send requests to this machine too. It then says where it comes from, or names another
 * host that its name server has pointed here (DNS rebinding).
 */
function refuseWebPages({ headers }: IncomingMessage): void {
  if (headers.origin !== undefined) throw new ControlError(403, 'web pages may not use the control port')
  if (!loopbackName.test(headers.host ?? ''))
    throw new ControlError(403, `the Host header must name this machine (127.0.0.1, localhost, [::1])`)
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  // Not destroyed when it is given up: the answer has to go out on the same connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBodyBytes) {
      request.resume()
      throw new ControlError(413, `a body has at most ${maxBodyBytes} bytes`)
    }
    chunks.push(chunk)
  }
  if (size === 0) return undefined
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw new ControlError(400, `the body is no JSON: ${(error as Error).message}`)
  }
}
