// Runs every example against the embedded broker, each in a process of its own, and says which failed.
// node examples/run-all.mjs [name ...]
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBroker } from 'ottla/broker'

const TIMEOUT_MS = 60_000
/** Not examples of their own. */
const PARTS = new Set(['birdstrikes.js', 'chart.js', 'strike-costs.js'])
/** What is not a file of its own in this folder, and how it is run. */
const SUITES = new Map([
  ['testing, in vitest', ['node_modules/vitest/vitest.mjs', 'run', '--root', 'examples/testing']],
  ['testing, in node:test', ['--test', 'examples/testing/node-test/orders.test.js']],
  ['monitoring', ['examples/monitoring/producer.js', '--seconds', '3']],
])

const folder = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = process.argv.slice(2)
const names = (await readdir(folder))
  .filter(name => /\.(js|ts)$/.test(name) && !PARTS.has(name))
  .filter(name => wanted.length === 0 || wanted.includes(name))
  .sort()
const suites = [...SUITES.keys()].filter(name => wanted.length === 0 || wanted.includes(name))

// Inside examples/, so that `import 'ottla'` finds this package.
const built = await mkdtemp(join(folder, '.built-'))
const broker = await startBroker({ port: 0 })
let failed = 0
try {
  for (const name of names) {
    const file = name.endsWith('.ts') ? await stripTypes(name) : join(folder, name)
    // The demo starts a broker of its own, as `npm start` does.
    const env = { ...process.env, KAFKA_BOOTSTRAP: name === 'demo.js' ? '' : broker.bootstrapServers }
    await report(name, () => run([file], env))
  }
  for (const name of suites)
    await report(name, () => run(SUITES.get(name) ?? [], { ...process.env, KAFKA_BOOTSTRAP: '', METRICS_PORT: '0' }))
} finally {
  await broker.close()
  await rm(built, { recursive: true })
}
if (names.length + suites.length === 0) console.log('no such example')
process.exitCode = failed > 0 || names.length + suites.length === 0 ? 1 : 0

/**
 * @param {string} name
 * @param {() => Promise<{ code: number | null, output: string }>} start
 */
async function report(name, start) {
  const startedMs = performance.now()
  const { code, output } = await start()
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${Math.round(performance.now() - startedMs)} ms)`)
  if (code === 0) return
  failed++
  console.log(output.replace(/^/gm, '    '))
}

/** Node 20 does not run TypeScript by itself. @param {string} name */
async function stripTypes(name) {
  const { default: ts } = await import('typescript')
  const source = await readFile(join(folder, name), 'utf8')
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  })
  const file = join(built, name.replace(/\.ts$/, '.mjs'))
  await writeFile(file, outputText)
  return file
}

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ code: number | null, output: string }>}
 */
function run(args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      env,
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (output += data))
    child.on('error', reject)
    child.on('close', code => resolve({ code, output }))
  })
}
