// @ts-check
import { spawnSync } from 'node:child_process'
import { hasJars } from './jars.mjs'
import { newestKafka } from './versions.mjs'

const oldestJava = 17 // brokers of Kafka 4

/**
 * What is missing on this machine to run Kafka, one sentence each; empty when nothing is.
 * @returns {string[]}
 */
export function missingForKafka(version = newestKafka) {
  const missing = []
  const java = javaVersion()
  if (java === undefined) missing.push(`java is not installed (JDK or JRE ${oldestJava} or later)`)
  else if (java < oldestJava) missing.push(`java is version ${java}; Kafka needs ${oldestJava} or later`)
  if (!hasJars(version) && !canRun('mvn', '--version'))
    missing.push('mvn is not installed (Apache Maven, which fetches the jars of Kafka)')
  return missing
}

/** Whether Java programs can be compiled: a JDK is there, or a JRE that has its compiler. */
export function hasJavaCompiler() {
  return canRun('java', '-m', 'jdk.compiler/com.sun.tools.javac.Main', '-version')
}

/** Whether kcat, the command of librdkafka, is installed. */
export function hasKcat() {
  return canRun('kcat', '-V')
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function canRun(program, ...args) {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 30_000 }).status === 0
}

/** @returns {number | undefined} */
function javaVersion() {
  const { status, stderr } = spawnSync('java', ['-version'], { encoding: 'utf8', timeout: 30_000 })
  const found = status === 0 ? /version "(?:1\.)?(\d+)/.exec(stderr) : null
  return found ? Number(found[1]) : undefined
}
