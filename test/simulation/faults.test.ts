import { expect, test } from 'vitest'
import { anyFault, FaultLaboratory, type FaultRunResult, lostAnswers, silence } from './fault-run.ts'

/** `OTTLA_SEED=42 npx vitest run test/simulation` repeats one run; `OTTLA_RUNS` sets how many. */
const runs = Number(process.env.OTTLA_RUNS ?? 1_000)
const only = process.env.OTTLA_SEED

/** A laboratory's producer remembers every topic it wrote to, and asks for all of them at each refresh. */
const runsPerLaboratory = 50

async function runAll(
  kinds: typeof anyFault,
  count: number,
  options: Record<string, unknown> = {},
): Promise<{ notWritten: number; unknown: number }> {
  const seeds = only === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(only)]
  const bad: FaultRunResult[] = []
  const failed = { notWritten: 0, unknown: 0 }
  while (seeds.length > 0 && bad.length < 3) {
    await using laboratory = await FaultLaboratory.open(options)
    for (const seed of seeds.splice(0, runsPerLaboratory)) {
      const result = await laboratory.run(seed, kinds)
      failed.notWritten += result.notWritten
      failed.unknown += result.unknown
      if (result.violations.length > 0 || (kinds !== silence && result.acknowledged < result.sent)) bad.push(result)
    }
  }
  expect(bad).toEqual([])
  return failed
}

test(
  'answers lost after the append, five requests in flight: nothing doubled, reordered or lost, offsets true',
  {
    timeout: 300_000,
  },
  async () => void (await runAll(lostAnswers, runs)),
)

test(
  'any mix of faults that a retry must survive: nothing doubled, reordered or lost, offsets true',
  {
    timeout: 300_000,
  },
  async () => void (await runAll(anyFault, runs)),
)

test('records given up while their requests are out: each outcome is true, nothing doubled or reordered', {
  timeout: 300_000,
}, async () => {
  const failed = await runAll(silence, Math.ceil(runs / 5), { requestTimeoutMs: 40, deliveryTimeoutMs: 60 })

  // Without failures of both kinds this would prove nothing.
  if (only === undefined) expect(Math.min(failed.notWritten, failed.unknown)).toBeGreaterThan(runs / 50)
})
