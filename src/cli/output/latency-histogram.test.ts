import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LatencyHistogram } from './latency-histogram.ts'

test('a percentile is at most 1.6 % above the true one', () => {
  const latencies = fc.array(fc.double({ min: 0.001, max: 200_000, noNaN: true }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(latencies, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
      const histogram = new LatencyHistogram()
      for (const value of values) histogram.record(value)
      const exact = values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(share * values.length)) - 1]!

      const told = histogram.percentileMs(share)

      expect(told).toBeGreaterThanOrEqual(exact * 0.999999)
      expect(told).toBeLessThanOrEqual(exact * 1.017)
    }),
  )
})

test('nothing recorded is zero, and a latency beyond the last bucket is kept as the maximum', () => {
  const histogram = new LatencyHistogram()
  expect(histogram.percentileMs(0.5)).toBe(0)

  histogram.record(10 * 3_600_000)

  expect(histogram.maxMs).toBe(36_000_000)
  expect(histogram.count).toBe(1)
})
