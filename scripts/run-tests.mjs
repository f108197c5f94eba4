// Runs vitest and prints, as the very last line, what really ran: "N passed, N failed, N skipped". Before it stands a line for each
// failed test: "FAILED <file> > <name>: <first line of its message>".
//   node scripts/run-tests.mjs [--counts <folder>] [vitest arguments]   one run; with a folder its counts are kept there
//   node scripts/run-tests.mjs --sum <folder>                           the sum of all runs whose counts are in the folder
// OTTLA_TEST_COUNTS names the folder for counts as --counts does, for runs that are started by `npm test`.
// A run that breaks without a failed test (a file that cannot be loaded, an unhandled error, no result at all) counts as failed.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const nothing = { passed: 0, failed: 0, skipped: 0 }

/** The counts of a run, from vitest's JSON report (undefined where it wrote none) and exit code. */
export function countsOf(report, exitCode) {
  const counts = { ...nothing }
  for (const file of report?.testResults ?? []) {
    for (const { status } of file.assertionResults) {
      if (status === 'passed') counts.passed++
      else if (status === 'failed') counts.failed++
      else counts.skipped++
    }
    // A file that could not be loaded, or whose hooks failed, has no failed test to show for it.
    if (file.status === 'failed' && !file.assertionResults.some(test => test.status === 'failed')) counts.failed++
  }
  if (exitCode !== 0 && counts.failed === 0) counts.failed++
  return counts
}

/** A line for each test that failed, and for each file that failed without one, from vitest's JSON report. */
export function failedLines(report, root = process.cwd()) {
  const lines = []
  for (const { name, status, message, assertionResults } of report?.testResults ?? []) {
    const file = relative(root, name)
    const failed = assertionResults.filter(test => test.status === 'failed')
    for (const { fullName, failureMessages } of failed)
      lines.push(`FAILED ${file} > ${fullName}: ${firstLine(failureMessages?.[0])}`)
    if (status === 'failed' && failed.length === 0) lines.push(`FAILED ${file}: ${firstLine(message)}`)
  }
  return lines
}

/** The first line that says something, without colours. */
function firstLine(text = '') {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
  const lines = text.replace(/\u001b\[[\d;]*m/g, '').split('\n')
  return lines.map(each => each.trim()).find(each => each !== '') ?? 'no message'
}

export const add = (a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
})

export const line = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`

/** Runs vitest with these arguments, on the Node that runs this. */
async function run(vitestArguments) {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-tests-'))
  const reportFile = join(folder, 'report.json')
  try {
    const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
    const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...vitestArguments], { stdio: 'inherit' })
    const forward = signal => child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, forward)
    const exitCode = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
    const report = readJson(reportFile)
    for (const failed of failedLines(report)) console.log(failed)
    return countsOf(report, exitCode)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function sumOf(folder) {
  const files = readdirSync(folder).filter(name => name.endsWith('.json'))
  // No counts at all means that the runs were lost, not that all is well.
  return files.length === 0
    ? { ...nothing, failed: 1 }
    : files.map(name => JSON.parse(readFileSync(join(folder, name), 'utf8'))).reduce(add, nothing)
}

async function main(given) {
  const [option, folder, ...rest] = given
  if (option === '--sum' && folder !== undefined) return finish(sumOf(folder))
  if (option !== '--counts') {
    const wanted = process.env.OTTLA_TEST_COUNTS
    return wanted ? await runAndKeep(wanted, given) : finish(await run(given))
  }
  if (folder === undefined) throw new Error('--counts needs a folder')
  await runAndKeep(folder, rest)
}

/** A run whose counts are kept in a folder. */
async function runAndKeep(folder, vitestArguments) {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${process.hrtime.bigint()}-${process.pid}.json`)
  // Written first, so that a run that is killed is seen in the sum.
  writeFileSync(file, JSON.stringify({ ...nothing, failed: 1 }))
  const counts = await run(vitestArguments)
  writeFileSync(file, JSON.stringify(counts))
  finish(counts)
}

function finish(counts) {
  console.log(line(counts))
  process.exitCode = counts.failed > 0 ? 1 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2))
