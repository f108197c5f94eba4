import { expect, test } from 'vitest'
import { TransactionLaboratory, type TransactionRunResult } from './transaction-run.ts'

/** `OTTLA_SEED=42 npx vitest run test/simulation/transactions` repeats one run; `OTTLA_RUNS` sets how many. */
const runs = Number(process.env.OTTLA_RUNS ?? 200)
const only = process.env.OTTLA_SEED

const runsPerLaboratory = 25

test('transactions through any mix of faults: whole or not at all, as reported, and none hangs', {
  timeout: 600_000,
}, async () => {
  const seeds = only === undefined ? Array.from({ length: runs }, (_, index) => index + 1) : [Number(only)]
  const bad: TransactionRunResult[] = []
  const sum = { committed: 0, aborted: 0, unknown: 0, fatal: 0 }
  while (seeds.length > 0 && bad.length < 3) {
    await using laboratory = await TransactionLaboratory.open()
    for (const seed of seeds.splice(0, runsPerLaboratory)) {
      const result = await laboratory.run(seed)
      if (process.env.OTTLA_SHOW !== undefined) console.log(JSON.stringify(result))
      for (const report of ['committed', 'aborted', 'unknown'] as const) sum[report] += result.reports[report]
      sum.fatal += result.fatal
      if (result.violations.length > 0) bad.push(result)
    }
  }
  expect(bad).toEqual([])
  if (only !== undefined || runs < 100) return
  // Without failures of each kind this would prove nothing.
  expect(sum.committed).toBeGreaterThan(runs * 3)
  expect(Math.min(sum.aborted, sum.fatal, sum.unknown * 20)).toBeGreaterThan(runs / 10)
})
