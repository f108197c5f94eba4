import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { builtCommand } from '../cli/built-command.ts'

const MiB = 2 ** 20
/** docs/reliability.md states these; measured are about 15 MiB and 360 bytes. */
const boundBytes = 48 * MiB
const refusedRecordBytes = 600

/**
 * What is measured is what the producer holds. The engine's own nursery, by default up to three times 16 MiB, grows as each
 * version of Node sees fit, and is held small here.
 */
const engine = ['--max-semi-space-size=2']

interface Measured {
  bufferMemory: number
  baseline: number
  peak: number
  refused: number
  whileHung: Record<string, number>
  heapWhileHung: number
  outcomes: Record<string, number>
  written: number
  bufferAvailable: number
  bufferTotal: number
  waiting: number
  heapAfter: number
  arrayBuffersAfter: number
}

type Mode = 'turns' | 'one-turn' | 'give-up'

/** In a process of its own: memory is a process's. */
async function sendWithoutWaiting(mode: Mode, records: number, valueBytes: number): Promise<Measured> {
  const dist = dirname(dirname(await builtCommand()))
  const program = fileURLToPath(new URL('./never-waits.js', import.meta.url))
  const args = [...engine, '--expose-gc', program, dist, mode, String(records), String(valueBytes)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 100_000 })
  return JSON.parse(stdout) as Measured
}

function expectAllGivenBack({ bufferAvailable, bufferTotal, waiting, outcomes, written, arrayBuffersAfter }: Measured) {
  expect(bufferAvailable).toBe(bufferTotal)
  expect(waiting).toBe(0)
  expect(outcomes.acknowledged).toBe(written)
  // The pool keeps buffers of up to bufferMemory; the rest is the embedded broker's log.
  expect(arrayBuffersAfter).toBeLessThan(3 * bufferTotal + 16 * MiB)
}

describe('a loop that never waits, while the broker hangs', { timeout: 120_000 }, () => {
  test.each([0, 100, 1000])(
    'memory stays within twice bufferMemory and a bound (values of %i bytes)',
    async valueBytes => {
      const measured = await sendWithoutWaiting('turns', 400_000, valueBytes)

      expect(measured.peak - measured.baseline).toBeLessThan(2 * measured.bufferMemory + boundBytes)
      expect(measured.whileHung).toEqual({ acknowledged: 0, 'BUFFER_EXHAUSTED not-written': measured.refused })
      expect(measured.refused).toBeGreaterThan(50_000)
      expect(measured.outcomes).toEqual({
        acknowledged: 400_000 - measured.refused,
        'BUFFER_EXHAUSTED not-written': measured.refused,
      })
      expectAllGivenBack(measured)
    },
  )

  test('in one turn of the event loop a refused record takes a little until the turn ends', async () => {
    const measured = await sendWithoutWaiting('one-turn', 500_000, 100)

    const { baseline, peak, bufferMemory, refused } = measured
    expect(refused).toBeGreaterThan(200_000)
    expect(peak - baseline).toBeLessThan(2 * bufferMemory + boundBytes + refused * refusedRecordBytes)
    expectAllGivenBack(measured)
  })

  test('records that gave up waiting for memory take none', async () => {
    const measured = await sendWithoutWaiting('give-up', 800_000, 100)

    expect(measured.whileHung['BUFFER_EXHAUSTED not-written']).toBeGreaterThan(300_000)
    // The line may be full, with a second one of those who gave up in this very turn.
    expect(measured.heapWhileHung).toBeLessThan(2 * measured.bufferMemory + boundBytes)
    expectAllGivenBack(measured)
  })
})
