import { lookup as systemLookup } from 'node:dns'
import { isIP, connect as netConnect, type Socket } from 'node:net'
import { NetworkError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'

/** What a connection needs of a socket: a TCP socket now, a TLS socket later. */
export type SocketLike = Socket

export interface SocketOptions {
  readonly host: string
  readonly port: number
  readonly clock: Clock
  /** For the whole way to a usable connection: names, TCP, versions. */
  readonly setupTimeoutMs: number
  /** All addresses of a name; for tests. */
  readonly lookup?: (host: string) => Promise<readonly string[]>
}

/** Connects to the first address of the name that takes us; each is tried in turn with its share of the time. */
export async function openSocket(options: SocketOptions): Promise<{ socket: SocketLike; remote: string }> {
  const { host, port, clock, setupTimeoutMs } = options
  const deadline = clock.now() + setupTimeoutMs
  const addresses = await resolve(options)
  const failures: Error[] = []
  for (const [index, address] of addresses.entries()) {
    const leftMs = deadline - clock.now()
    if (leftMs <= 0) break
    try {
      const socket = await connectTo(address, options, leftMs / (addresses.length - index))
      const name = address === host ? `${host}:${port}` : `${host}:${port} (${address})`
      return { socket, remote: name }
    } catch (error) {
      failures.push(error as Error)
    }
  }
  const timedOut = failures.length > 0 && failures.every(error => error instanceof ConnectTimeout)
  const reasons = failures.map(error => error.message).join('; ')
  throw new NetworkError(
    timedOut ? 'CONNECT_TIMEOUT' : 'CONNECT_FAILED',
    `cannot connect to ${host}:${port}: ${reasons}`,
    failures.length === 1 ? failures[0] : new AggregateError(failures, reasons),
  )
}

class ConnectTimeout extends Error {}

async function resolve({
  host,
  port,
  clock,
  setupTimeoutMs,
  lookup = lookupAll,
}: SocketOptions): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host]
  return await new Promise((resolve, reject) => {
    const timer = clock.schedule(() => {
      reject(
        new NetworkError(
          'CONNECT_TIMEOUT',
          `cannot connect to ${host}:${port}: its name was not resolved in ${setupTimeoutMs} ms`,
        ),
      )
    }, setupTimeoutMs)
    lookup(host).then(
      addresses => {
        timer.cancel()
        resolve(addresses)
      },
      error => {
        timer.cancel()
        reject(
          new NetworkError(
            'CONNECT_FAILED',
            `cannot connect to ${host}:${port}: ${String((error as Error).message)}`,
            error,
          ),
        )
      },
    )
  })
}

const lookupAll = (host: string): Promise<string[]> =>
  new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, addresses) => {
      if (error) reject(error)
      else resolve([...new Set(addresses.map(own => own.address))])
    })
  })

function connectTo(address: string, { port, clock }: SocketOptions, timeoutMs: number): Promise<SocketLike> {
  return new Promise((resolve, reject) => {
    const socket = netConnect({ host: address, port })
    const timer = clock.schedule(() => {
      reject(new ConnectTimeout(`${address}:${port} did not answer within ${Math.round(timeoutMs)} ms`))
      socket.destroy()
    }, timeoutMs)
    socket.once('error', error => {
      timer.cancel()
      reject(error)
    })
    socket.once('connect', () => {
      timer.cancel()
      socket.removeAllListeners('error')
      socket.setNoDelay(true)
      socket.setKeepAlive(true)
      resolve(socket)
    })
  })
}
