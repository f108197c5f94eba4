import type { StoredRecord } from '../../src/broker/index.ts'
import { type BrokerInThread, startBrokerInThread, type ThreadBrokerOptions } from '../../src/testing/index.ts'
import { builtCommand } from '../cli/built-command.ts'

/** The thread runs what was built: it is built again where a source is newer. */
export async function startBrokerThread(options: ThreadBrokerOptions = {}): Promise<BrokerInThread> {
  await builtCommand()
  return await startBrokerInThread(options)
}

/** Keys and values as text; these tests send nothing else. */
export const asText = (records: readonly StoredRecord[]) =>
  records.map(({ key, value, ...rest }) => ({ ...rest, key: key?.toString(), value: value?.toString() }))

/** A fault by its name, with what it takes: tables of tests hold both. */
export function setFault(
  broker: BrokerInThread,
  method: Exclude<keyof BrokerInThread['faults'], 'clear' | 'remaining'>,
  ...args: unknown[]
) {
  return (broker.faults[method] as (...args: unknown[]) => ReturnType<BrokerInThread['faults']['add']>)(...args)
}
