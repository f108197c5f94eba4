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
  type: 'request' | 'response' | 'header' | 'data'
  apiKey?: number
  validVersions: string
  flexibleVersions: string
  latestVersionUnstable?: boolean
  fields: FieldDefinition[]
  commonStructs?: { name: string; versions: string; fields: FieldDefinition[] }[]
}

const jarName = `kafka-clients-${kafkaVersion}.jar`
const mavenCopy = join(homedir(), '.m2/repository/org/apache/kafka/kafka-clients', kafkaVersion, jarName)
const cacheFolder = join(homedir(), '.cache/ottla')

/** Kafka's own message definitions, by name; or why they cannot be had. A jar that is there, but broken, throws. */
export async function loadDefinitions(): Promise<Map<string, MessageDefinition> | { missing: string }> {
  const jar = [mavenCopy, join(cacheFolder, jarName)].find(existsSync) ?? (await fetchJar())
  if (typeof jar !== 'string') return jar
  const entries = readZipEntries(await readFile(jar), name => /^common\/message\/\w+\.json$/.test(name))
  if (entries.size === 0) throw new Error(`${jar} holds no message definitions`)
  const definitions = [...entries.values()].map(text => parseDefinition(text.toString('utf8')))
  return new Map(definitions.map(definition => [definition.name, definition]))
}

async function fetchJar(): Promise<string | { missing: string }> {
  await mkdir(cacheFolder, { recursive: true })
  const folder = await mkdtemp(join(cacheFolder, 'jar-'))
  try {
    const goal = ['dependency:copy', `-Dartifact=org.apache.kafka:kafka-clients:${kafkaVersion}:jar`]
    await promisify(execFile)('mvn', ['-q', '-B', ...goal, `-DoutputDirectory=${folder}`], { timeout: 100_000 })
    await rename(join(folder, jarName), join(cacheFolder, jarName))
    return join(cacheFolder, jarName)
  } catch (error) {
    return {
      missing: `Maven could not fetch ${jarName}: ${(error as Error).message.split('\n').slice(0, 3).join(' ')}`,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The definitions are JSON with whole-line comments. */
export function parseDefinition(text: string): MessageDefinition {
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, '')) as MessageDefinition
}
