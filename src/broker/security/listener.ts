import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { TlsOptions } from './security-options.ts'

/** Takes a connection that may be used. `raw` is the TCP socket below it, which alone can be reset. */
type Accept = (socket: Socket, raw: Socket) => void

/** A client that begins a TLS handshake and does not end it is sent away after this time. */
const handshakeTimeoutMs = 30_000

/** A server that gives connections once they are ready, and that knows those which are not. */
export class Listener {
  readonly server: Server
  readonly #handshaking = new Map<string, Socket>()

  constructor(tls: TlsOptions | null, accept: Accept) {
    this.server = tls === null ? createServer(socket => accept(socket, socket)) : this.#tlsServer(tls, accept)
  }

  /** Ends the connections that are still in their handshake. */
  closeHandshaking(): void {
    for (const socket of this.#handshaking.values()) socket.destroy()
  }

  #tlsServer({ key, cert, ca, requestCert = false }: TlsOptions, accept: Accept): Server {
    const options = { key, cert, requestCert, rejectUnauthorized: requestCert, handshakeTimeout: handshakeTimeoutMs }
    const server = createTlsServer({ ...options, ...(ca !== undefined && { ca }) })
    // Node does not say which TCP socket a TLS socket stands on; both have the client's address, which no other has.
    server.on('connection', (raw: Socket) => {
      const client = addressOf(raw)
      this.#handshaking.set(client, raw)
      raw.once('close', () => this.#handshaking.delete(client))
    })
    server.on('secureConnection', secure => {
      const client = addressOf(secure)
      const raw = this.#handshaking.get(client)
      this.#handshaking.delete(client)
      if (raw) accept(secure, raw)
      else secure.destroy()
    })
    // Whoever fails in the handshake is sent away; the broker has nothing to do with it.
    server.on('tlsClientError', () => {})
    return server
  }
}

const addressOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`
