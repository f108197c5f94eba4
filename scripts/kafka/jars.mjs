// @ts-check
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { isAtLeast, newestKafka } from './versions.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const fetchTimeoutMs = 15 * 60_000

/** The folder that keeps the jars of all releases: KAFKA_CACHE, or one in the home folder. */
export function jarCache() {
  return process.env.KAFKA_CACHE ?? join(homedir(), '.cache', 'ottla', 'kafka')
}

/** @param {string} version */
const jarFolder = version => join(jarCache(), version, 'lib')

/**
 * Whether a release was fetched before, so that Maven is not needed.
 * @param {string} version
 */
export const hasJars = version => existsSync(jarFolder(version))

/**
 * The class path of one Kafka release. Maven fetches the jars the first time; afterwards neither Maven nor the network is used.
 * @param {string} [version]
 * @returns {Promise<string>}
 */
export async function classPath(version = newestKafka) {
  const folder = jarFolder(version)
  if (!existsSync(folder)) await fetchJars(version, folder)
  const jars = readdirSync(folder).filter(name => name.endsWith('.jar'))
  if (jars.length === 0) throw new Error(`no jars in ${folder}: remove it and try again`)
  return jars.map(name => join(folder, name)).join(delimiter)
}

/**
 * @param {string} version
 * @param {string} folder
 */
async function fetchJars(version, folder) {
  // Another process may be fetching the same release: each fills a folder of its own, and the first to finish gives it the name.
  const unfinished = `${folder}-${process.pid}`
  mkdirSync(unfinished, { recursive: true })
  const profiles = [
    ...(isAtLeast(version, '4') ? ['kafka-4'] : []),
    ...(isAtLeast(version, '2.4') ? [] : ['before-2.4']),
  ]
  const goal = [
    '-q',
    '-B',
    '-f',
    join(here, 'pom.xml'),
    ...profiles.map(name => `-P${name}`),
    `-Dkafka.version=${version}`,
  ]
  goal.push(`-Dscala.version=${isAtLeast(version, '2.4') ? '2.13' : '2.12'}`, `-DoutputDirectory=${unfinished}`)
  try {
    await promisify(execFile)('mvn', [...goal, 'dependency:copy-dependencies'], { timeout: fetchTimeoutMs })
    if (!existsSync(folder)) renameSync(unfinished, folder)
  } catch (cause) {
    if (existsSync(folder)) return
    const output = cause instanceof Error && 'stdout' in cause ? String(cause.stdout).trim().slice(-2000) : ''
    throw new Error(`Maven could not fetch the jars of Kafka ${version}\n${output}`, { cause })
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}
