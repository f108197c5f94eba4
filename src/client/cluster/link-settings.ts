import type { NetworkError } from '../../base/errors/index.ts'
import type { Backoff } from '../../base/time/backoff.ts'
import type { Clock } from '../../base/time/clock.ts'
import type { Connection } from '../../wire/network/index.ts'
import type { BrokerAddress } from './broker-address.ts'

/** Opens a connection to an address; `onClosed` as in ConnectionOptions. */
export type OpenConnection = (
  address: BrokerAddress,
  setupTimeoutMs: number,
  signal: AbortSignal,
  onClosed: (error: NetworkError | undefined) => void,
) => Promise<Connection>

/** What all links of a cluster share. */
export interface LinkSettings {
  readonly clock: Clock
  readonly open: OpenConnection
  readonly reconnectBackoff: Backoff
  /** How long an attempt may take after so many failures in a row (KIP-601). */
  setupTimeoutMs(failures: number): number
}
