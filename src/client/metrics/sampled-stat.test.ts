import { describe, expect, test } from 'vitest'
import java from '../../../test/kafka/window-numbers.json' with { type: 'json' }
import { SampledStat } from './sampled-stat.ts'

/** NaN has no place in JSON. */
const orNull = (value: number) => (Number.isNaN(value) ? null : value)

describe('SampledStat', () => {
  // The numbers are those of Kafka's own Avg, Max and Rate, taken down by scripts/kafka/make-window-numbers.mjs.
  test.each(java.sequences.map((sequence, index) => ({ ...sequence, index })))(
    'says what Kafka says of the same values at the same times: sequence $index, $samples windows of $windowMs ms',
    ({ samples, windowMs, steps, readings }) => {
      const stat = new SampledStat({ samples, windowMs })
      const expected = [...readings]
      for (const [at, value] of steps as [number, number?][]) {
        if (value !== undefined) {
          stat.record(value, at)
          continue
        }
        const [average, maximum, rate, eventRate] = expected.shift()!
        expect({ at, average: orNull(stat.average(at)), maximum: orNull(stat.maximum(at)) }).toEqual({
          ...{ at, average: average === null ? null : expect.closeTo(average!, 9), maximum },
        })
        expect(stat.rate(at)).toBeCloseTo(rate!, 9)
        expect(stat.eventRate(at)).toBeCloseTo(eventRate!, 9)
      }
      expect(expected).toEqual([])
    },
  )

  test('sum and number of everything stay when the windows have passed', () => {
    const stat = new SampledStat({ samples: 2, windowMs: 100 })
    for (let at = 0; at < 10_000; at += 50) stat.record(3, at)

    expect(stat.average(20_000)).toBeNaN()
    expect({ total: stat.total, events: stat.events }).toEqual({ total: 600, events: 200 })
  })
})
