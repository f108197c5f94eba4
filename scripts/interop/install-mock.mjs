// @ts-check
// Fetches what librdkafka-mock.mjs needs into the cache outside the repository: Node 24 and kafka-crab-js, a client with librdkafka
// in it, of about 12 MB. Nothing is compiled and no install script runs.
//   node scripts/interop/install-mock.mjs
// Prints one line of JSON: {"node":…,"client":…}, the program and the folder, or {"missing":…}, why this machine cannot have them.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { cache, install as installNode, reasonToSkip } from '../smoke-node-versions.mjs'

const nodeVersion = '24' // the only one that this client takes
const version = '5.0.0'
const mostMs = 5 * 60_000

/** The client's package and, for each platform, one with the compiled part. */
const folders = ['kafka-crab-js', 'kafka-crab-js-linux-x64-gnu']

const isWhole = (/** @type {string} */ target) =>
  folders.every(folder => existsSync(join(target, 'node_modules', folder, 'package.json')))

/**
 * The folder of the client; downloads it once. Throws where it cannot be had.
 * @param {string} nodeFolder
 */
function installClient(nodeFolder) {
  const target = join(cache, `kafka-crab-js-${version}`)
  const client = join(target, 'node_modules', 'kafka-crab-js')
  if (isWhole(target)) return client
  mkdirSync(cache, { recursive: true })
  // Made aside and moved, so that a download that breaks off leaves nothing that looks whole.
  const aside = mkdtempSync(join(cache, 'unfinished-'))
  try {
    const npm = ['install', '--prefix', aside, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts']
    const quiet = ['--engine-strict=false', '--loglevel', 'error']
    const { status } = spawnSync('npm', [...npm, ...quiet, `kafka-crab-js@${version}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
      // npm leaves out an optional package, here the compiled part, that does not fit the Node that npm itself runs on.
      env: { ...process.env, PATH: `${nodeFolder}${delimiter}${process.env.PATH}` },
      timeout: mostMs,
    })
    if (status !== 0) throw new Error(`npm could not install kafka-crab-js@${version}`)
    if (!isWhole(aside)) throw new Error(`npm installed kafka-crab-js@${version} without its compiled part`)
    if (existsSync(target) && !isWhole(target)) rmSync(target, { recursive: true, force: true })
    moveUnlessThere(aside, target)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  return client
}

/**
 * @param {string} from
 * @param {string} to
 */
function moveUnlessThere(from, to) {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!isWhole(to)) throw error // else another run has been quicker
  }
}

function found() {
  const missing = reasonToSkip()
  if (missing !== undefined) return { missing }
  // A machine without a network should hear so soon.
  process.env.npm_config_fetch_retries ??= '1'
  try {
    const nodeFolder = installNode(nodeVersion)
    return { node: join(nodeFolder, 'node'), client: installClient(nodeFolder) }
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) }
  }
}

console.log(JSON.stringify(found()))
