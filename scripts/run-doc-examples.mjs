// Runs every block of code in the documents against the embedded broker, each as a program of its own: js, ts (its types are
// stripped, not checked) and cjs. A module that makes no producer is given one, named `producer`, and that is closed after it.
// node scripts/run-doc-examples.mjs [file ...]
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBroker } from 'ottla/broker'

const TIMEOUT_MS = 30_000
const root = fileURLToPath(new URL('..', import.meta.url))
const files = process.argv.length > 2 ? process.argv.slice(2) : ['README.md', 'docs/producing.md', 'docs/waiting.md']

// Inside the package, so that `import 'ottla'` finds it.
const folder = await mkdtemp(join(root, 'examples', '.doc-'))
const broker = await startBroker({ port: 0 })
let run = 0
let failed = 0
try {
  for (const file of files) {
    const text = await readFile(join(root, file), 'utf8')
    for (const { index, 1: language = '', 2: block = '' } of text.matchAll(/^```(js|ts|cjs)\n([\s\S]+?)^```$/gm)) {
      const line = text.slice(0, index).split('\n').length + 1
      const program = join(folder, `${run++}.${language === 'cjs' ? 'cjs' : 'mjs'}`)
      await writeFile(program, language === 'ts' ? await stripTypes(programOf(block)) : programOf(block))
      const { code, output } = await runProgram(program)
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

/** @param {string} block */
function programOf(block) {
  const here = block.replaceAll('localhost:9092', broker.bootstrapServers)
  if (block.includes('createProducer(')) return here
  return [
    `import { createProducer as makeProducer } from 'ottla'`,
    `const producer = makeProducer({ bootstrapServers: '${broker.bootstrapServers}' })`,
    here,
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
 * @param {string} file
 * @returns {Promise<{ code: number | null, output: string }>}
 */
function runProgram(file) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS })
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
