import { randomInt } from 'node:crypto'
import type { Server } from 'node:net'
import { cannotListen } from '../base/listen-failure.ts'
import { servedPorts } from '../base/served-ports.ts'
import type { Cluster, NodeAddress } from './cluster.ts'
import { Listener } from './security/listener.ts'
import type { TlsOptions } from './security/security-options.ts'
import { Session } from './session.ts'

export interface NodeSettings {
  readonly id: number
  /** Where it listens. */
  readonly host: string
  readonly port: number
  /** What metadata says instead of `host`. */
  readonly advertisedHost: string
  /** What metadata says instead of the port; null: the port itself. */
  readonly advertisedPort: number | null
  readonly tls: TlsOptions | null
  /** Told of errors that are our own bugs. */
  readonly report: (error: unknown) => void
}

/**
 * A port below those that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere). While a broker is stopped
 * any client's connection could be given its port, and then the broker could not start again, or a client that connects to it
 * in vain could be connected to itself.
 */
const lastingPort = () => randomInt(20_000, 32_768)
/** After so many that are in use, the system chooses. */
const lastingPortAttempts = 10

/** Listens, or gives the reason why not. */
const listening = (server: Server, host: string, port: number): Promise<NodeJS.ErrnoException | undefined> =>
  new Promise(resolve => {
    server.once('error', resolve)
    server.listen({ host, port }, () => {
      server.off('error', resolve)
      resolve(undefined)
    })
  })

/** One broker of the cluster: a listening socket and its connections. */
export class BrokerNode implements NodeAddress {
  readonly id: number
  readonly host: string
  readonly cluster: Cluster
  readonly report: (error: unknown) => void
  readonly #tls: TlsOptions | null
  readonly #listenHost: string
  readonly #sessions = new Set<Session>()
  readonly #advertisedPort: number | null
  #port: number
  #listener: Listener | null = null
  #resumed: Promise<void> | null = null
  #resume: () => void = () => {}

  constructor(cluster: Cluster, settings: NodeSettings) {
    this.cluster = cluster
    this.id = settings.id
    this.host = settings.advertisedHost
    this.#listenHost = settings.host
    this.#port = settings.port
    this.#advertisedPort = settings.advertisedPort
    this.#tls = settings.tls
    this.report = settings.report
  }

  /** Where it listens: after the first start, the port it was given; it stays the same over stops and starts. */
  get listenPort(): number {
    return this.#port
  }

  /** What clients are told. */
  get port(): number {
    return this.#advertisedPort ?? this.#port
  }

  get running(): boolean {
    return this.#listener !== null
  }

  get connections(): number {
    return this.#sessions.size
  }

  /** Like a process stopped by SIGSTOP: the kernel still accepts connections, nothing is read or answered. */
  get paused(): boolean {
    return this.#resumed !== null
  }

  /** Settles when a paused broker goes on. */
  get resumed(): Promise<void> {
    return this.#resumed ?? Promise.resolve()
  }

  async start(): Promise<void> {
    if (this.#listener) return
    const listener = new Listener(this.#tls, (socket, raw) => this.#sessions.add(new Session(socket, this, raw)))
    const { server } = listener
    await this.#listen(server)
    // accept() can fail later (too many open files); the broker goes on with the connections it has.
    server.on('error', this.report)
    const address = server.address()
    if (address !== null && typeof address === 'object') this.#port = address.port
    this.#listener = listener
    servedPorts.add(this.#port)
    this.cluster.brokersChanged()
  }

  /** On its port. Without one, on a port that stays free while the broker is stopped: see `lastingPort`. */
  async #listen(server: Server): Promise<void> {
    for (let attempt = 0; this.#port === 0 && attempt < lastingPortAttempts; attempt++)
      if ((await listening(server, this.#listenHost, lastingPort())) === undefined) return
    const error = await listening(server, this.#listenHost, this.#port)
    if (error !== undefined) throw cannotListen(error, this.#listenHost, this.#port, 'port')
  }

  /** Closes the port and all connections. */
  async stop(): Promise<void> {
    const listener = this.#listener
    if (!listener) return
    this.#listener = null
    servedPorts.delete(this.#port)
    this.resume()
    const closed = new Promise<void>(resolve => listener.server.close(() => resolve()))
    listener.closeHandshaking()
    for (const session of [...this.#sessions]) session.close()
    this.cluster.brokersChanged()
    await closed
  }

  pause(): void {
    if (this.#resumed) return
    this.#resumed = new Promise(resolve => {
      this.#resume = resolve
    })
    for (const session of this.#sessions) session.pause()
  }

  resume(): void {
    if (!this.#resumed) return
    this.#resumed = null
    this.#resume()
    for (const session of this.#sessions) session.resume()
  }

  closeConnections(reset = false): void {
    for (const session of [...this.#sessions]) session.close(reset)
  }

  forget(session: Session): void {
    this.#sessions.delete(session)
  }
}
