/** Where a broker, or a bootstrap server, listens. */
export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** An address as a Produce answer names it (KIP-951). */
export interface LeaderEndpoint extends BrokerAddress {
  readonly nodeId: number
}

/** No cluster has more; a list of millions is no answer. */
const maxBrokers = 100_000

/** Whether this can be the address of a broker: the answer may come from anybody. */
export const isUsable = ({ nodeId, host, port }: LeaderEndpoint): boolean =>
  nodeId >= 0 && port >= 1 && port <= 65535 && /^[\x21-\x7e]{1,255}$/.test(host)

/** The brokers of an answer that can be connected to. */
export function usableBrokers(rows: readonly LeaderEndpoint[]): Map<number, BrokerAddress> {
  const brokers = new Map<number, BrokerAddress>()
  if (rows.length > maxBrokers) return brokers
  for (const row of rows) if (isUsable(row)) brokers.set(row.nodeId, { host: row.host, port: row.port })
  return brokers
}

export const isSameAddress = (a: BrokerAddress, b: BrokerAddress): boolean => a.host === b.host && a.port === b.port
