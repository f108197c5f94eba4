import { readFile } from 'node:fs/promises'
import { type ProducerOptions, type ResolvedOptions, resolveOptions } from '../../client/producer/options.ts'
import { reasonOf } from '../input/sources.ts'
import { problemsOf } from '../usage.ts'

/** The flags of every command that is a client of a cluster. */
export interface ClientFlags {
  bootstrapServer?: string
  propertyFile?: string
  commandProperty?: string[]
}

/** Reads Kafka's properties as options: `fromProperties` of the package. */
export type ReadProperties = (given: string | Readonly<Record<string, string>>) => Partial<ProducerOptions>

const DEFAULT_BOOTSTRAP = 'localhost:9092'

/** What the property file and the `-X` properties say, which win over the file. What is wrong is added to `problems`. */
export async function optionsOfProperties(
  flags: ClientFlags,
  read: ReadProperties,
  problems: string[],
): Promise<Partial<ProducerOptions>> {
  const given = givenProperties(flags, problems)
  const fromFile = flags.propertyFile === undefined ? '' : await textOf(flags.propertyFile, problems)
  return { ...asked(() => read(fromFile), problems), ...asked(() => read(given), problems) }
}

/** How to find the cluster and to speak to it, for a command that writes no records. What is wrong is added to `problems`. */
export async function clientSettings(
  flags: ClientFlags,
  clientId: string,
  read: ReadProperties,
  problems: string[],
): Promise<ResolvedOptions | undefined> {
  const base = await optionsOfProperties(flags, read, problems)
  const { bootstrapServer: bootstrapServers } = flags
  const own = bootstrapServers === undefined ? {} : { bootstrapServers }
  try {
    return resolveOptions(withDefaultBootstrap({ clientId, ...base, ...own }))
  } catch (error) {
    problems.push(...problemsOf(error))
    return undefined
  }
}

/** Where nobody says otherwise, the cluster is on this machine. */
export function withDefaultBootstrap(options: Partial<ProducerOptions>): ProducerOptions {
  return { bootstrapServers: DEFAULT_BOOTSTRAP, ...options }
}

/** The properties given by `-X`, under Kafka's dotted names; a later one wins. */
function givenProperties(flags: ClientFlags, problems: string[]): Record<string, string> {
  const given: Record<string, string> = Object.create(null)
  for (const pair of flags.commandProperty ?? []) {
    const equals = pair.indexOf('=')
    // The value is not repeated in a message: it can be a password.
    if (equals <= 0) problems.push('-X, --command-property is name=value, with a name as in linger.ms')
    else given[pair.slice(0, equals).trim()] = pair.slice(equals + 1)
  }
  return given
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
