// Runs other people's clients against the embedded broker, each cell of a table a real run, and writes docs/compatibility.md.
// Run after a build: npm run build && node scripts/compatibility/run.mjs [--check] [--on kafka|<bootstrap servers>] [names of clients]
//   --check   writes nothing, and fails where the table says something else than what was seen
//   --on      runs them on a real Kafka, which proves that the cells are right; writes nothing
// Exit code 1 where a cell failed. The last line counts the cells: "N passed, N failed, N skipped".
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { differences, renderDocument, untried } from './table.mjs'

const document = new URL('../../docs/compatibility.md', import.meta.url)
const runTests = fileURLToPath(new URL('../run-tests.mjs', import.meta.url))
const config = fileURLToPath(new URL('../../test/compatibility/vitest.config.ts', import.meta.url))

/** The columns from left to right: those who did not write Node programs first, then by language. */
const order = [
  'kcat',
  'kafkajs',
  '@platformatic/kafka',
  'kafka-ts',
  '@confluentinc/kafka-javascript',
  'kafka-python',
  'aiokafka',
  'confluent-kafka',
  'franz-go',
  'Sarama',
  "Kafka's tools",
]

/** Runs the cells and gives what became of each, and the exit code. */
async function run(on, filters) {
  const results = mkdtempSync(join(tmpdir(), 'ottla-compatibility-'))
  const env = { ...process.env, OTTLA_COMPATIBILITY_RESULTS: results, OTTLA_COMPATIBILITY_ON: on }
  try {
    const child = spawn(process.execPath, [runTests, '--config', config, ...filters], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      printed += text
    })
    const exitCode = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
    const lines = printed.trimEnd().split('\n')
    const counts = lines.pop() ?? ''
    console.log(lines.join('\n'))
    const cells = readdirSync(results).flatMap(name => JSON.parse(readFileSync(join(results, name), 'utf8')))
    return {
      cells: cells.sort((a, b) => placeOf(a) - placeOf(b) || b.version.localeCompare(a.version)),
      exitCode,
      counts,
    }
  } finally {
    rmSync(results, { recursive: true, force: true })
  }
}

function placeOf({ client }) {
  const at = order.indexOf(client)
  if (at < 0) throw new Error(`${client} has no place in the order of the columns`)
  return at
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { check: { type: 'boolean', default: false }, on: { type: 'string', default: 'ottla' } },
  })
  const { cells, exitCode, counts } = await run(values.on, positionals)
  for (const each of untried(cells)) console.log(`SKIPPED: ${each}`)
  const text = renderDocument(cells)
  console.log(`\n${text.slice(text.indexOf('## '))}`)
  let wrong = exitCode !== 0
  const whole = values.on === 'ottla' && positionals.length === 0
  if (whole && values.check) {
    const told = differences(readFileSync(document, 'utf8'), text)
    for (const each of told) console.log(`docs/compatibility.md differs from what was seen: ${each}`)
    wrong ||= told.length > 0
  } else if (whole && !wrong) writeFileSync(document, text)
  console.log(counts)
  process.exitCode = wrong ? 1 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
