// @ts-check
// Writes test/kafka/window-numbers.json: what Kafka's Avg, Max and Rate say of sequences of values, for the test of SampledStat.
// Run it again with `node scripts/kafka/make-window-numbers.mjs`; it needs a JDK and mvn.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runJavaSource } from './java.mjs'
import { newestKafka } from './versions.mjs'

let state = 7
/** The same numbers in every run. */
function random() {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}

/**
 * Values at uneven distances, with silences of up to a few windows, and a reading after some of them.
 * @param {number} samples
 * @param {number} windowMs
 */
function sequence(samples, windowMs) {
  /** @type {number[][]} */
  const steps = []
  let at = 1000
  // A value first: Kafka's windows for averages begin with it, those for rates also with a reading, and ours are the same for both.
  steps.push([at, 1])
  while (steps.length < 60) {
    const silence = random() < 0.06 ? samples * windowMs * 1.5 : random() < 0.2 ? windowMs : windowMs / 8
    at += Math.floor(random() * silence)
    const value = Math.round(random() * 1000) / 4
    steps.push(random() < 0.3 ? [at] : [at, value])
  }
  // And what is left when nothing comes any more.
  for (let window = 0; window <= samples; window++) steps.push([at + window * windowMs])
  return { samples, windowMs, steps }
}

const sequences = [
  { samples: 2, windowMs: 1000, steps: [[1000], [1500, 10], [1500], [2000], [2499], [2500], [3500], [3600]] },
  { samples: 1, windowMs: 1000, steps: [[1000, 5], [1000], [1001], [1999], [2000], [2001, 1], [2001]] },
  {
    samples: 2,
    windowMs: 1000,
    steps: [[5000, 3], [5000], [5999, 4], [6000, 5], [6000], [6999], [7999], [8000], [9000]],
  },
  ...[1, 2, 3, 5].flatMap(samples => [100, 30_000].map(windowMs => sequence(samples, windowMs))),
]
const output = await runJavaSource('MakeWindowNumbers.java', [JSON.stringify(sequences)])
/** @type {(number | null)[][][]} */
const readings = JSON.parse(output.toString())
const file = fileURLToPath(new URL('../../test/kafka/window-numbers.json', import.meta.url))
const source = `Avg, Max, Rate and Rate(WindowedCount) of org.apache.kafka.common.metrics.stats, kafka-clients ${newestKafka}`
const all = sequences.map((each, index) => ({ ...each, readings: readings[index] }))
writeFileSync(file, JSON.stringify({ source, sequences: all }))
execFileSync('npx', ['biome', 'format', '--write', file])
