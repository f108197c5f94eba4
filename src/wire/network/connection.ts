import type { Socket } from 'node:net'
import type { NetworkError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { Api, Body, Draft, Message } from '../protocol/index.ts'
import type { Call } from './call.ts'

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
  readonly maxResponseBytes?: number
  readonly signal?: AbortSignal
  /** Once for each connection that `open` gave; undefined where it was closed with nothing in flight, by either side. */
  onClosed?(error: NetworkError | undefined): void
  lookup?(host: string): Promise<readonly { address: string }[]>
  /** Where SASL comes in: after TCP, before ApiVersions. */
  authenticate?(connection: Connection): Promise<void>
}

export interface RequestOptions {
  timeoutMs?: number
  /** The highest common one where not said. */
  version?: number
}

/** One TCP connection to one broker. */
export class Connection {
  static open(options: ConnectionOptions): Promise<Connection> {
    return Promise.resolve(new Connection(options, undefined as unknown as Socket))
  }

  /** `host:port (ip)`, for messages. */
  readonly remote: string = ''
  readonly versions: ReadonlyMap<number, readonly [min: number, max: number]> = new Map()

  private constructor(_options: ConnectionOptions, _socket: Socket) {}

  get isOpen(): boolean {
    return false
  }

  get inFlight(): number {
    return 0
  }

  get lastUsedAt(): number {
    return 0
  }

  /** The socket takes no more at the moment. */
  get needsDrain(): boolean {
    return false
  }

  versionOf(_message: Message): number {
    return 0
  }

  request<Q extends Message, A extends Message>(
    _api: Api<Q, A>,
    _body: Draft<Q>,
    _options: RequestOptions = {},
  ): Promise<Body<A>> {
    return Promise.reject(new Error('declared only'))
  }

  send(_call: Call): void {}

  close(): void {}

  destroy(_error: NetworkError): void {}
}
