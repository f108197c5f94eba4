import type { NewTopic } from '../../client/admin/index.ts'
import { wholeNumber } from '../input/numbers.ts'
import type { ClientFlags } from './client-settings.ts'

/** The flags of all `ottla topics` commands. */
export interface TopicsFlags extends ClientFlags {
  json?: boolean
  internal?: boolean
  partitions?: string
  replicationFactor?: string
  config?: string[]
  ifNotExists?: boolean
  ifExists?: boolean
  force?: boolean
}

/** Java's Integer and Short. */
const MAX_PARTITIONS = 2 ** 31 - 1
const MAX_REPLICAS = 2 ** 15 - 1
const MAX_NAME_LENGTH = 249

/** The topics that the flags describe. What is wrong is added to `problems`. */
export function newTopics(names: readonly string[], flags: TopicsFlags, problems: string[]): NewTopic[] {
  problems.push(...namesProblems(names, true))
  const partitions = numberOf(flags.partitions, '--partitions', MAX_PARTITIONS, problems)
  const replicationFactor = numberOf(flags.replicationFactor, '--replication-factor', MAX_REPLICAS, problems)
  const configs = configsOf(flags.config ?? [], problems)
  return [...new Set(names)].map(name => ({ name, partitions, replicationFactor, configs }))
}

/** What is wrong with the names that are given. Source: Topic.java, validate. */
export function namesProblems(names: readonly string[], isRequired: boolean): string[] {
  if (names.length === 0 && isRequired) return ['no topic is named']
  return [...new Set(names)]
    .filter(name => !/^[a-zA-Z0-9._-]+$/.test(name) || name === '.' || name === '..' || name.length > MAX_NAME_LENGTH)
    .map(
      name =>
        `a topic cannot be named "${name}": allowed are up to ${MAX_NAME_LENGTH} of a-z A-Z 0-9 . _ -, but not "." and ".."`,
    )
}

function numberOf(given: string | undefined, flag: string, max: number, problems: string[]): number | undefined {
  if (given === undefined) return undefined
  const number = wholeNumber(given)
  if (number !== undefined && number >= 1 && number <= max) return number
  problems.push(`${flag} is a number from 1 to ${max}, not "${given}"`)
  return undefined
}

function configsOf(pairs: readonly string[], problems: string[]): [name: string, value: string][] {
  const configs = new Map<string, string>()
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    const name = pair.slice(0, equals).trim()
    if (equals <= 0 || name === '') problems.push(`--config is name=value, as in retention.ms=86400000, not "${pair}"`)
    else if (configs.has(name)) problems.push(`--config gives ${name} twice`)
    else configs.set(name, pair.slice(equals + 1))
  }
  return [...configs]
}
