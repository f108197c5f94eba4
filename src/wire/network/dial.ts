import { lookup as systemLookup } from 'node:dns/promises'
import { NetworkError } from '../../base/errors/index.ts'
import type { Clock } from '../../base/time/clock.ts'
import { explain, givenUp } from './connect-errors.ts'
import { hostAndPort } from './printable.ts'

export interface DialOptions {
  readonly host: string
  readonly port: number
  readonly clock: Clock
  readonly setupTimeoutMs: number
  readonly signal?: AbortSignal | undefined
  lookup?(host: string): Promise<readonly { address: string }[]>
}

/** More addresses than this are not tried at once. */
const maxAddresses = 16

/**
 * Looks the host up anew, and tries its addresses in turn until one attempt succeeds. Each address gets its share of the
 * time that is left, so that a dead first one cannot use it all up (KIP-302; KIP-601 for the limit).
 */
export async function dial<T>(
  options: DialOptions,
  attempt: (ip: string, timeoutMs: number) => Promise<T>,
): Promise<T> {
  const { clock, signal } = options
  const name = hostAndPort(options.host, options.port)
  const deadline = clock.now() + options.setupTimeoutMs
  const found = await lookUp(options, name)
  const addresses = found.slice(0, maxAddresses)
  const failures: NetworkError[] = []
  for (const [index, { address }] of addresses.entries()) {
    if (signal?.aborted) break
    const left = deadline - clock.now()
    if (left <= 0) break
    try {
      return await attempt(address, left / (addresses.length - index))
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error
      failures.push(error)
    }
  }
  if (signal?.aborted) throw givenUp(name)
  if (failures.length === 0) throw new NetworkError('CONNECT_TIMEOUT', `no connection to ${name} in time`)
  if (failures.length === 1) throw failures[0]!
  const last = failures.at(-1)!
  throw new NetworkError(
    last.code,
    `none of the ${failures.length} addresses of ${name} works:\n${failures.map(failure => `  - ${failure.message}`).join('\n')}`,
    new AggregateError(failures),
  )
}

function lookUp(options: DialOptions, name: string): Promise<readonly { address: string }[]> {
  const { host, clock, setupTimeoutMs, signal } = options
  const lookup = options.lookup ?? (asked => systemLookup(asked, { all: true, verbatim: true }))
  return new Promise((resolve, reject) => {
    const giveUp = () => settle(() => reject(givenUp(name)))
    const timer = clock.schedule(
      () =>
        settle(() =>
          reject(new NetworkError('CONNECT_TIMEOUT', `the name of ${name} was not found within ${setupTimeoutMs} ms`)),
        ),
      setupTimeoutMs,
    )
    const settle = (done: () => void) => {
      timer.cancel()
      signal?.removeEventListener('abort', giveUp)
      done()
    }
    if (signal?.aborted) return giveUp()
    signal?.addEventListener('abort', giveUp)
    lookup(host).then(
      found =>
        settle(() => {
          if (found.length > 0) resolve(found)
          else reject(new NetworkError('CONNECT_FAILED', `the name of ${name} has no address`))
        }),
      error =>
        settle(() => reject(new NetworkError('CONNECT_FAILED', `cannot look up ${name}: ${explain(error)}`, error))),
    )
  })
}
