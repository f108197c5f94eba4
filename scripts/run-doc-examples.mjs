// Runs every block of code in the documents against the embedded broker, each as a program of its own: js, ts (its types are
// stripped, not checked) and cjs. A module that makes no producer is given one, named `producer`, and that is closed after it.
// - A block that imports vitest or node:test is run by it, and must have tests.
// - One that begins with `// name.js` is that file, which the document's other blocks may import.
// node scripts/run-doc-examples.mjs [file ...]
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBroker } from 'ottla/broker'

const TIMEOUT_MS = 30_000
const BLOCK = /^```(?<language>js|ts|cjs)\n(?<block>[\s\S]+?)^```$/gm
const root = fileURLToPath(new URL('..', import.meta.url))
const files =
  process.argv.length > 2
    ? process.argv.slice(2)
    : [
        'README.md',
        'docs/producing.md',
        'docs/logging.md',
        'docs/transactions.md',
        'docs/waiting.md',
        'docs/testing.md',
        'docs/monitoring.md',
        'docs/broker.md',
        'docs/faults.md',
        'docs/metrics.md',
        'docs/telemetry.md',
        'docs/tracing.md',
      ]

// Inside the package, so that `import 'ottla'` finds it.
const folder = await mkdtemp(join(root, 'examples', '.doc-'))
// Else vitest looks for one above, and finds that of our own tests.
await writeFile(join(folder, 'vitest.config.js'), `export default { test: { include: ['*.test.mjs'] } }`)
const broker = await startBroker({ port: 0 })
let run = 0
let failed = 0
try {
  for (const file of files) {
    const text = await readFile(join(root, file), 'utf8')
    for (const { 0: whole, index, groups } of text.matchAll(BLOCK)) {
      const { language = '', block = '' } = groups ?? {}
      const line = text.slice(0, index + whole.indexOf('```')).split('\n').length + 1
      const { code, output } = await runBlock(language, block, run++)
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${file}:${line}`)
      if (code === 0) continue
      failed++
      console.log(output.replace(/^/gm, '    '))
    }
  }
} finally {
  await broker.close()
  await rm(folder, { recursive: true })
}
if (run === 0) console.log('no block was found')
process.exitCode = failed > 0 || run === 0 ? 1 : 0

/**
 * @param {string} language
 * @param {string} block
 * @param {number} number
 */
async function runBlock(language, block, number) {
  const [, runner] = /^import .* from '(vitest|node:test)'$/m.exec(block) ?? []
  const [, module] = /^\/\/ ([\w-]+\.[cm]?js)\n/.exec(block) ?? []
  const name = module ?? `${number}.${runner === undefined ? '' : 'test.'}${language === 'cjs' ? 'cjs' : 'mjs'}`
  // The port of metrics may be taken here, as that of Kafka may be.
  const here = block.replaceAll('localhost:9092', broker.bootstrapServers).replaceAll('port: 9464', 'port: 0')
  const source = runner !== undefined || module !== undefined ? here : programOf(here)
  await writeFile(join(folder, name), language === 'ts' ? await stripTypes(source) : source)
  if (runner === 'vitest') {
    // It fails by itself where it finds no test.
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    return await runProgram([vitest, 'run', '--root', folder, join(folder, name)])
  }
  if (runner === undefined) return await runProgram([join(folder, name)])
  const result = await runProgram(['--test', '--test-reporter=tap', join(folder, name)])
  // A file without tests passes, as a test of its own name.
  const hasTests = result.output.split('\n').some(line => /^# Subtest: /.test(line) && !line.endsWith(name))
  return hasTests ? result : { ...result, code: 1 }
}

/** @param {string} block */
function programOf(block) {
  if (block.includes('createProducer(')) return block
  return [
    `import { createProducer as makeProducer } from 'ottla'`,
    `const producer = makeProducer({ bootstrapServers: '${broker.bootstrapServers}' })`,
    block,
    'await producer.close()',
  ].join('\n')
}

/** Node 20 does not run TypeScript by itself. @param {string} source */
async function stripTypes(source) {
  const { default: ts } = await import('typescript')
  const { ES2022 } = ts.ScriptTarget
  return ts.transpileModule(source, { compilerOptions: { target: ES2022, module: ts.ModuleKind.ESNext } }).outputText
}

/**
 * @param {string[]} args
 * @returns {Promise<{ code: number | null, output: string }>}
 */
function runProgram(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', data => {
        output += data
      })
    }
    child.on('error', reject)
    child.on('close', code => resolve({ code, output }))
  })
}
