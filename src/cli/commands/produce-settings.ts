import type { ProducerOptions } from '../../client/producer/options.ts'
import { unreadable } from '../input/sources.ts'
import { optionsOfProperties, withDefaultBootstrap } from './client-settings.ts'
import type { ProducerDoor } from './produce.ts'
import {
  type InputSettings,
  inputSettings,
  metricsPort,
  ownOptions,
  type ProduceFlags,
  recordsPerTransaction,
} from './produce-flags.ts'

export interface ProduceSettings {
  readonly input: InputSettings
  readonly options: ProducerOptions
  /** Of a producer with a transactional id. */
  readonly recordsPerTransaction: number
  /** Where metrics are served meanwhile. */
  readonly metricsPort: number | undefined
  /** To be said before the run, unless it is to be quiet. */
  readonly notes: readonly string[]
}

/**
 * Everything a run is told by its flags, its property file and its `-X` properties, or all that is wrong with them. A flag of its own
 * wins over `-X`, and that over the file.
 */
export async function produceSettings(
  flags: ProduceFlags,
  files: readonly string[],
  door: ProducerDoor,
): Promise<ProduceSettings | { readonly problems: readonly string[] }> {
  const problems: string[] = []
  const input = inputSettings(flags, problems)
  const own = ownOptions(flags, problems)
  problems.push(...(await unreadable(files)))
  const base = await optionsOfProperties(flags, given => door.fromProperties(given), problems)
  const isTransactional = flags.transactionalId !== undefined || base.transactionalId !== undefined
  const perTransaction = recordsPerTransaction(flags, isTransactional, problems)
  const port = metricsPort(flags, problems)
  const notes: string[] = []
  const options: ProducerOptions = withDefaultBootstrap({ clientId: 'ottla-produce', ...base, ...own })
  const hasFewAcks = own.acks === '0' || own.acks === '1'
  if (hasFewAcks && isTransactional) problems.push(`--acks ${own.acks} and transactions exclude each other`)
  else if (hasFewAcks && base.enableIdempotence === undefined) {
    options.enableIdempotence = false
    notes.push(`--acks ${own.acks} turns idempotence off: a retry can write a record twice`)
  }
  if (problems.length > 0) return { problems }
  return { input, options, recordsPerTransaction: perTransaction, metricsPort: port, notes }
}
