import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { OptionProblem } from '../base/errors/index.ts'
import { cannotListen } from '../base/listen-failure.ts'
import { systemClock } from '../base/time/clock.ts'
import type { Collection } from './collection.ts'
import { contentType, expositionOf } from './exposition.ts'
import { type CollectionOptions, collectionOf, type MeasuredProducers, refuse } from './options.ts'

export interface MetricsServerOptions extends CollectionOptions {
  /**
   * Where to listen; 0: any free port, which `port` of the server then tells.
   *
   * @default 9464, the port that OpenTelemetry's exporter for Prometheus has
   * @throws ConfigError where it is not a whole number from 0 to 65535
   */
  port?: number
  /**
   * The address to listen on. Everybody who reaches it can read the metrics, names of topics included; no password is asked for.
   * `0.0.0.0` is every address of the machine, as a container needs it.
   *
   * @default `127.0.0.1`
   */
  host?: string
  /**
   * @default `/metrics`
   * @throws ConfigError where it does not begin with a slash
   */
  path?: string
  /**
   * Whether the server keeps the process alive. A program that has ended otherwise should not stay for the sake of its metrics.
   *
   * @default false
   */
  ref?: boolean
}

/** A running server of metrics. */
export interface MetricsServer {
  /** What Prometheus scrapes: `http://127.0.0.1:9464/metrics`. */
  readonly url: string
  readonly port: number
  /** Stops listening. Answers that are under way have a second to end; scrapers that keep their connection are cut off at once. */
  close(): Promise<void>
  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** How long a scraper may take to read its last answer when the server closes. */
const GRACE_MS = 1000
/** How long a scraper may take to say what it wants. */
const REQUEST_TIMEOUT_MS = 10_000
/** Longer than most scrape intervals, so that a connection is used again. */
const KEEP_ALIVE_MS = 65_000

/**
 * Serves the metrics of one or more producers to Prometheus. They are read when somebody asks, and at no other time; a producer that is
 * closed still shows its last numbers. Producers are told apart by their `clientId`; those that share one are added up.
 *
 * @throws ConfigError for a wrong option
 * @throws KafkaError `LISTEN_FAILED` where the port is taken, or the address is not one of this machine
 */
export async function startMetricsServer(
  producers: MeasuredProducers,
  options: MetricsServerOptions = {},
): Promise<MetricsServer> {
  const { port = 9464, host = '127.0.0.1', path = '/metrics', ref = false } = options
  const problems: OptionProblem[] = []
  const collection = collectionOf(producers, options, problems)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    problems.push({ option: 'port', message: `port is a number from 0 (any free one) to 65535, not ${String(port)}` })
  if (typeof host !== 'string' || host === '')
    problems.push({ option: 'host', message: 'host is a name or address of this machine' })
  if (typeof path !== 'string' || !path.startsWith('/'))
    problems.push({
      option: 'path',
      message: `path begins with a slash, as /metrics does, not ${JSON.stringify(path)}`,
    })
  refuse(problems)
  const server = createServer((request, response) => answer(request, response, path, collection))
  server.requestTimeout = server.headersTimeout = REQUEST_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_MS
  if (!ref) server.on('connection', socket => socket.unref())
  await listen(server, host, port)
  if (!ref) server.unref()
  return new RunningServer(server, host, path)
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(cannotListen(error, host, port, 'port'))
    server.once('error', fail)
    server.listen({ host, port }, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

class RunningServer implements MetricsServer {
  readonly url: string
  readonly port: number
  readonly #server: Server
  #closed: Promise<void> | undefined

  constructor(server: Server, host: string, path: string) {
    const address = server.address()
    this.port = typeof address === 'object' && address !== null ? address.port : 0
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${this.port}${path}`
    this.#server = server
  }

  close(): Promise<void> {
    this.#closed ??= new Promise(resolve => {
      // Holds the process: else one that waits for this, and for nothing else, would end before.
      const cut = systemClock.schedule(() => this.#server.closeAllConnections(), GRACE_MS)
      this.#server.close(() => {
        cut.cancel()
        resolve()
      })
      this.#server.closeIdleConnections()
    })
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function answer(request: IncomingMessage, response: ServerResponse, path: string, collection: Collection): void {
  const { method = 'GET', url = '/' } = request
  if (url.split('?', 1)[0] !== path) say(response, 404, `Nothing is here. The metrics are at ${path}`)
  else if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    say(response, 405, `${method} does nothing here. GET reads the metrics`)
  } else {
    let text: string
    try {
      text = expositionOf(collection.read())
    } catch (error) {
      say(response, 500, `The metrics could not be read: ${String(error)}`)
      return
    }
    send(response, 200, contentType, text)
  }
}

const say = (response: ServerResponse, status: number, sentence: string) =>
  send(response, status, 'text/plain; charset=utf-8', `${sentence}.\n`)

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  })
  response.end(text)
}
