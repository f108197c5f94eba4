import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readZipEntries } from './zip-entries.ts'

/** The release of Kafka whose message definitions our tables follow. */
export const kafkaVersion = '4.3.1'

export interface FieldDefinition {
  name: string
  type: string
  versions: string
  nullableVersions?: string
  taggedVersions?: string
  flexibleVersions?: string
  tag?: number
  default?: string | number | boolean
  fields?: FieldDefinition[]
}

export interface MessageDefinition {
  name: string
  type: 'request' | 'response' | 'header' | 'data' | 'coordinator-key' | 'coordinator-value'
  apiKey?: number
  validVersions: string
  flexibleVersions: string
  latestVersionUnstable?: boolean
  fields: FieldDefinition[]
  commonStructs?: { name: string; versions: string; fields: FieldDefinition[] }[]
}

const cacheFolder = join(homedir(), '.cache/ottla')
const jarName = (artifact: string) => `${artifact}-${kafkaVersion}.jar`

/**
 * The message definitions in one of Kafka's jars, by name; or why they cannot be had. A jar that is there, but broken, throws.
 * The protocol's are in `kafka-clients`, those of coordinators' records in `kafka-group-coordinator` and `kafka-transaction-coordinator`.
 */
export async function loadDefinitions(
  artifact = 'kafka-clients',
): Promise<Map<string, MessageDefinition> | { missing: string }> {
  const mavenCopy = join(homedir(), '.m2/repository/org/apache/kafka', artifact, kafkaVersion, jarName(artifact))
  const jar = [mavenCopy, join(cacheFolder, jarName(artifact))].find(existsSync) ?? (await fetchJar(artifact))
  if (typeof jar !== 'string') return jar
  const entries = readZipEntries(await readFile(jar), name => /^common\/message\/\w+\.json$/.test(name))
  if (entries.size === 0) throw new Error(`${jar} holds no message definitions`)
  const definitions = [...entries.values()].map(text => parseDefinition(text.toString('utf8')))
  return new Map(definitions.map(definition => [definition.name, definition]))
}

async function fetchJar(artifact: string): Promise<string | { missing: string }> {
  await mkdir(cacheFolder, { recursive: true })
  const folder = await mkdtemp(join(cacheFolder, 'jar-'))
  try {
    const goal = ['dependency:copy', `-Dartifact=org.apache.kafka:${artifact}:${kafkaVersion}:jar`]
    await promisify(execFile)('mvn', ['-q', '-B', ...goal, `-DoutputDirectory=${folder}`], { timeout: 100_000 })
    await rename(join(folder, jarName(artifact)), join(cacheFolder, jarName(artifact)))
    return join(cacheFolder, jarName(artifact))
  } catch (error) {
    return {
      missing: `Maven could not fetch ${jarName(artifact)}: ${(error as Error).message.split('\n').slice(0, 3).join(' ')}`,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The definitions are JSON with whole-line comments. A field whose versions are not named has those in which it is tagged (FieldSpec). */
export function parseDefinition(text: string): MessageDefinition {
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, ''), (_, value) =>
    value?.taggedVersions && value.versions === undefined ? { ...value, versions: value.taggedVersions } : value,
  ) as MessageDefinition
}
