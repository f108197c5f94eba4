import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { HostileLaboratory } from './hostile/hostile-laboratory.ts'

/**
 * `OTTLA_SEED=42 npx vitest run test/broker/hostile` repeats one run, on a broker of its own; `OTTLA_SEED=1-42` repeats what its
 * broker had seen before, too; `OTTLA_RUNS` sets how many.
 */
const runs = Number(process.env.OTTLA_RUNS ?? 1_000)
const only = process.env.OTTLA_SEED
const [first = 1, last = only === undefined ? runs : first] = only?.split('-').map(Number) ?? []
const seeds = Array.from({ length: last - first + 1 }, (_, index) => first + index)
const requestsPerRun = 100
const runsPerBroker = 250

const MiB = 2 ** 20
/**
 * What a broker may hold after 25,000 hostile requests: its log of requests is bounded by 16 MiB, and its records by 32 MiB here.
 * Measured are 40 MiB for the first broker, zstd's memory included, and 25 MiB for each that follows.
 */
const keptBytes = 64 * MiB
/** How far the process may grow while they come, garbage included. Measured are 200 to 300 MiB. */
const peakBytes = 500 * MiB

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is in memory once garbage is gone. */
function held(): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test(`${seeds.length * requestsPerRun} hostile requests: no crash, no silence, bounded memory, and honest clients are served`, {
  timeout: 300_000,
}, async () => {
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  const rest = [...seeds]
  const problems: string[] = []
  const counts = { mutated: 0, answered: 0, ended: 0 }
  const kept: number[] = []
  held()
  const peakBefore = process.memoryUsage().rss
  while (rest.length > 0 && problems.length === 0) {
    await using laboratory = await HostileLaboratory.open()
    problems.push(...(await laboratory.honest.check()))
    const before = held()
    const served = rest[0]
    for (const seed of rest.splice(0, runsPerBroker)) {
      const result = await laboratory.run(seed, requestsPerRun)
      counts.mutated += result.mutated
      counts.answered += result.answered
      counts.ended += result.ended
      const here = [...result.problems, ...(seed % 25 === 0 ? await laboratory.honest.check() : [])]
      if (warnings.length > 0) here.push(`${warnings[0]!.stack}`)
      problems.push(...here.map(problem => `seed ${seed} (or ${served}-${seed}): ${problem}`))
      if (problems.length > 0) break
    }
    problems.push(...(await laboratory.answerPatient()), ...(await laboratory.honest.check()))
    await expect.poll(() => laboratory.broker.connections()).toBe(1)
    kept.push(held() - before)
  }
  process.off('warning', note)
  const peak = process.resourceUsage().maxRSS * 1024 - peakBefore

  expect(problems).toEqual([])
  expect(warnings).toEqual([])
  expect(Math.max(...kept)).toBeLessThan(keptBytes)
  expect(peak).toBeLessThan(peakBytes)
  if (only === undefined) {
    expect(counts.mutated).toBeGreaterThanOrEqual(runs * requestsPerRun)
    // Were all refused alike, this would prove nothing.
    expect(Math.min(counts.answered, counts.ended)).toBeGreaterThan((runs * requestsPerRun) / 10)
  }
})
