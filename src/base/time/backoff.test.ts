import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Backoff } from './backoff.ts'

test('it doubles with each failure, up to the most', () => {
  const backoff = new Backoff(100, 1000, () => 0.5)
  expect([0, 1, 2, 3, 4, 5, 50, 5000].map(failures => Math.round(backoff.delayMs(failures)))).toEqual([
    0, 100, 200, 400, 800, 1000, 1000, 1000,
  ])
})

test('jitter is a fifth to either side, and never takes it beyond the most', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 100_000 }),
      fc.integer({ min: 1, max: 100 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (baseMs, maxMs, failures, chance) => {
        const delayMs = new Backoff(baseMs, maxMs, () => chance).delayMs(failures)
        const plain = Math.min(Math.min(baseMs, maxMs) * 2 ** (failures - 1), maxMs)
        expect(delayMs).toBeGreaterThanOrEqual(0.8 * plain * (1 - 1e-9))
        expect(delayMs).toBeLessThanOrEqual(Math.min(maxMs, 1.2 * plain * (1 + 1e-9)))
      },
    ),
  )
})

test('a base above the most is a constant wait, and a base of 0 is none', () => {
  expect(new Backoff(500, 100, () => 0.5).delayMs(1)).toBe(100)
  expect(new Backoff(0, 1000).delayMs(10)).toBe(0)
})
