import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { classPath } from '../../scripts/kafka/jars.mjs'
import { missingForKafka } from '../../scripts/kafka/requirements.mjs'
import { lastKafka3, newestKafka } from '../../scripts/kafka/versions.mjs'
import { cache, install as installNode, reasonToSkip } from '../../scripts/smoke-node-versions.mjs'

const programs = fileURLToPath(new URL('programs/', import.meta.url))

/** A program that is ready to be started, or why it is not here. */
export type Startable = { readonly program: string; readonly folder: string } | { readonly missing: string }

/** What the clients need: each is tried by itself, so that what is missing for one keeps no other from running. */
export interface Installed {
  /** Node 24, which some client libraries ask for; `folder` has their packages. */
  readonly node24: Startable
  /** This Node; `folder` has the package with a part compiled for it. */
  readonly compiled: Startable
  readonly python: Startable
  readonly go: Startable
  /** Java; `folder` means nothing. */
  readonly kafkaTools: Startable
  readonly olderKafkaTools: Startable
}

/** The release before the newest that still speaks to ZooKeeper: its tools are what many people have. */
export const olderTools = lastKafka3

/** Fetches the clients of other ecosystems into the cache outside the repository, by exact versions, where they are not there. */
export async function installAll(): Promise<Installed> {
  const [node24, python, go, kafkaTools, olderKafkaTools] = await Promise.all([
    attempt(npmPackages),
    attempt(pythonPackages),
    attempt(goProgram),
    attempt(() => javaTools(newestKafka)),
    attempt(() => javaTools(olderTools)),
  ])
  const compiled = await attempt(compiledPackage) // takes all cores there are, for minutes, the first time
  return { node24, compiled, python, go, kafkaTools, olderKafkaTools }
}

async function attempt(install: () => Promise<Startable>): Promise<Startable> {
  try {
    return await install()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { missing: message.trim().split('\n').slice(-6).join(' ').slice(-600) }
  }
}

/** A folder of the cache that is made once from these files: aside, then moved, so that a broken attempt leaves nothing whole. */
async function madeOnce(
  name: string,
  from: readonly string[],
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256')
  for (const file of from) hash.update(readFileSync(file))
  const folder = join(cache, `compat-${name}-${hash.digest('hex').slice(0, 12)}`)
  if (existsSync(folder)) return folder
  mkdirSync(cache, { recursive: true })
  const aside = mkdtempSync(join(cache, 'unfinished-'))
  try {
    await make(aside)
    if (!existsSync(folder)) renameSync(aside, folder)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  return folder
}

async function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; minutes?: number } = {},
): Promise<string> {
  const { env, minutes = 5, ...where } = options
  try {
    const settings = { ...where, env: { ...process.env, ...env }, timeout: minutes * 60_000, maxBuffer: 2 ** 28 }
    const { stdout } = await promisify(execFile)(program, [...args], settings)
    return stdout
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string }
    if (code === 'ENOENT') throw new Error(`${program} is not installed`)
    throw new Error(`${program} ${args.join(' ')} failed:\n${(stdout + stderr).slice(-2000)}`, { cause: error })
  }
}

const npmQuietly = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel', 'error', '--ignore-scripts']

async function npmPackages(): Promise<Startable> {
  const reason = reasonToSkip()
  if (reason !== undefined) return { missing: reason }
  const bin = installNode('24')
  const manifest = join(programs, 'node', 'package.json')
  const folder = await madeOnce('npm', [manifest], async aside => {
    writeFileSync(join(aside, 'package.json'), readFileSync(manifest))
    await run('npm', ['install', ...npmQuietly, '--engine-strict=false'], { cwd: aside })
  })
  return { program: join(bin, 'node'), folder }
}

/** On a machine that is made for one run, minutes of compiling say less than they take. */
const compilesNothing = process.env.CI === 'true' && process.env.OTTLA_COMPATIBILITY_ALL !== '1'

/**
 * Confluent's client, compiled here against the system's libraries: its ready-made binary lies where package registries do not
 * reach. Needs a C++ compiler, Python, Node's headers beside Node, and the headers of OpenSSL, zlib, zstd and curl.
 */
async function compiledPackage(): Promise<Startable> {
  const manifest = join(programs, 'compiled', 'package.json')
  const headers = fileURLToPath(new URL('..', `file://${process.execPath}`))
  if (!existsSync(join(headers, 'include', 'node', 'node.h')))
    return { missing: `the headers of Node are not in ${join(headers, 'include')}` }
  if (compilesNothing) return { missing: 'compiling it takes minutes; CI does so with OTTLA_COMPATIBILITY_ALL=1 only' }
  for (const program of ['g++', 'make', 'python3', 'pkg-config']) await run(program, ['--version'])
  for (const library of ['libcurl', 'openssl', 'zlib', 'libzstd']) await run('pkg-config', ['--exists', library])
  const folder = await madeOnce(`compiled-${process.versions.modules}`, [manifest], async aside => {
    writeFileSync(join(aside, 'package.json'), readFileSync(manifest))
    await run('npm', ['install', ...npmQuietly], { cwd: aside })
    const cwd = join(aside, 'node_modules', '@confluentinc', 'kafka-javascript')
    const env = { CKJS_LINKING: 'dynamic', npm_config_nodedir: headers.replace(/\/$/, '') }
    // One job: its build file does not say that librdkafka comes before what needs it. librdkafka's own make takes more.
    await run(process.execPath, [nodeGyp(), 'rebuild', '--jobs', '1'], { cwd, env, minutes: 15 })
  })
  return { program: process.execPath, folder }
}

function nodeGyp(): string {
  const inNpm = ['node_modules', 'npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js']
  const file = join(fileURLToPath(new URL('..', `file://${process.execPath}`)), 'lib', ...inNpm)
  if (!existsSync(file)) throw new Error('npm has no node-gyp beside this Node')
  return file
}

async function pythonPackages(): Promise<Startable> {
  const requirements = join(programs, 'python', 'requirements.txt')
  const folder = await madeOnce('python', [requirements], async aside => {
    await run('python3', ['-m', 'venv', join(aside, 'venv')])
    const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '--requirement', requirements]
    await run(join(aside, 'venv', 'bin', 'python3'), pip)
  })
  return { program: join(folder, 'venv', 'bin', 'python3'), folder }
}

async function goProgram(): Promise<Startable> {
  const sources = join(programs, 'go')
  const files = readdirSync(sources).map(name => join(sources, name))
  const folder = await madeOnce('go', files, async aside => {
    // A toolchain that is too old is no reason to fetch another one.
    const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' }
    await run('go', ['build', '-o', join(aside, 'clients'), '.'], { cwd: sources, env, minutes: 10 })
  })
  return { program: join(folder, 'clients'), folder }
}

async function javaTools(version: string): Promise<Startable> {
  const missing = missingForKafka(version)
  if (missing.length > 0) return { missing: missing.join('; ') }
  await classPath(version)
  return { program: 'java', folder: '' }
}
