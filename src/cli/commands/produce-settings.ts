import { readFile } from 'node:fs/promises'
import type { ProducerOptions } from '../../client/producer/options.ts'
import { reasonOf, unreadable } from '../input/sources.ts'
import { problemsOf } from '../usage.ts'
import type { ProducerDoor } from './produce.ts'
import { givenProperties, type InputSettings, inputSettings, ownOptions, type ProduceFlags } from './produce-flags.ts'

export interface ProduceSettings {
  readonly input: InputSettings
  readonly options: ProducerOptions
  /** To be said before the run, unless it is to be quiet. */
  readonly notes: readonly string[]
}

const DEFAULT_BOOTSTRAP = 'localhost:9092'

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
  const given = givenProperties(flags, problems)
  problems.push(...(await unreadable(files)))
  const fromFile = flags.propertyFile === undefined ? '' : await textOf(flags.propertyFile, problems)
  const base = {
    ...asked(() => door.fromProperties(fromFile), problems),
    ...asked(() => door.fromProperties(given), problems),
  }
  const notes: string[] = []
  const options: ProducerOptions = { bootstrapServers: DEFAULT_BOOTSTRAP, clientId: 'ottla-produce', ...base, ...own }
  if ((own.acks === '0' || own.acks === '1') && base.enableIdempotence === undefined) {
    options.enableIdempotence = false
    notes.push(`--acks ${own.acks} turns idempotence off: a retry can write a record twice`)
  }
  return problems.length > 0 ? { problems } : { input, options, notes }
}

async function textOf(file: string, problems: string[]): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    problems.push(`cannot read the property file ${file}: ${code === 'EISDIR' ? 'it is a directory' : reasonOf(error)}`)
    return ''
  }
}

function asked(read: () => Partial<ProducerOptions>, problems: string[]): Partial<ProducerOptions> {
  try {
    return read()
  } catch (error) {
    problems.push(...problemsOf(error))
    return {}
  }
}
