// @ts-check
// Measures what a loop that never waits costs while its broker hangs, for several sizes of records; the numbers in
// docs/reliability.md come from here.      node scripts/prove/memory.mjs      (needs the built package)
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../test/outage/never-waits.js', import.meta.url))
const dist = fileURLToPath(new URL('../../dist', import.meta.url))
const boundMiB = 48
const refusedRecordBytes = 600
let isBad = false

for (const mode of ['turns', 'one-turn'])
  for (const [records, valueBytes] of [
    [400_000, 0],
    [400_000, 10],
    [400_000, 100],
    [200_000, 1000],
    [20_000, 20_000],
  ]) {
    // The engine's nursery apart: see test/outage/memory.test.ts.
    const args = ['--max-semi-space-size=2', '--expose-gc', program, dist, mode, String(records), String(valueBytes)]
    const measured = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
    const { peak, baseline, bufferMemory, refused, bufferAvailable, bufferTotal } = measured
    const beyond = (peak - baseline - 2 * bufferMemory) / 2 ** 20
    const ofRefused = mode === 'one-turn' ? (refused * refusedRecordBytes) / 2 ** 20 : 0
    const isOver = beyond > boundMiB + ofRefused || bufferAvailable !== bufferTotal
    isBad ||= isOver
    console.log(
      `${mode.padEnd(8)} values of ${String(valueBytes).padStart(5)} bytes: ${((peak - baseline) / 2 ** 20).toFixed(1)} MiB above the baseline at most, ${beyond.toFixed(1)} MiB beyond twice bufferMemory (${bufferMemory / 2 ** 20} MiB); refused at once ${refused} of ${records}; given back ${bufferAvailable} of ${bufferTotal}${isOver ? '   OVER THE BOUND' : ''}`,
    )
  }
process.exitCode = isBad ? 1 : 0
