import { beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../testing/manual-clock.ts'
import { Stopwatch } from './stopwatch.ts'

const windows = { samples: 2, windowMs: 1000 }
let clock: ManualClock
let stopwatch: Stopwatch

beforeEach(() => {
  clock = new ManualClock({ turns: 'manual' })
  stopwatch = new Stopwatch(clock, windows)
})

const run = async (ms: number) => {
  stopwatch.run(true)
  await clock.advance(ms)
  stopwatch.run(false)
}

describe('Stopwatch', () => {
  test('adds up the times in which it ran; saying the same again changes nothing', async () => {
    await run(300)
    await clock.advance(5000)
    stopwatch.run(true)
    await clock.advance(100)
    stopwatch.run(true)
    await clock.advance(100)
    expect(stopwatch.totalMs).toBe(500)
    stopwatch.run(false)
    stopwatch.run(false)
    await clock.advance(100)
    expect(stopwatch.totalMs).toBe(500)
  })

  test('the share is that of the last windows, and 0 before and after', async () => {
    expect(stopwatch.share(clock.now())).toBe(0)
    await run(500)
    // Half a second, and one whole window that has not been yet.
    expect(stopwatch.share(clock.now())).toBeCloseTo(1 / 3, 9)
    await clock.advance(1500)
    expect(stopwatch.share(clock.now())).toBeCloseTo(0.25, 9)
    await clock.advance(2500)
    expect(stopwatch.share(clock.now())).toBe(0)
    expect(stopwatch.totalMs).toBe(500)
  })

  test('while it runs the share grows to 1, and a look at it changes neither share nor total', async () => {
    stopwatch.run(true)
    await clock.advance(500)
    const early = stopwatch.share(clock.now())
    expect(early).toBeGreaterThan(0.3)
    expect(early).toBeLessThan(0.7)
    expect(stopwatch.share(clock.now())).toBe(early)
    await clock.advance(60_000)
    expect(stopwatch.share(clock.now())).toBeGreaterThan(0.95)
    expect(stopwatch.totalMs).toBe(60_500)
  })

  test('a long time that nobody looked at counts in the windows in which it was', async () => {
    await run(60_000)
    await clock.advance(1500)
    // Java's would say 1 or more until the window is gone in which the wait ended.
    expect(stopwatch.share(clock.now())).toBeGreaterThan(0.2)
    expect(stopwatch.share(clock.now())).toBeLessThan(0.8)
    await clock.advance(1000)
    expect(stopwatch.share(clock.now())).toBe(0)
  })

  test.each([0, 1])('windows of %i ms end nowhere in a loop', async windowMs => {
    stopwatch = new Stopwatch(clock, { samples: 1, windowMs })
    await run(100_000)
    expect(stopwatch.share(clock.now())).toBeLessThanOrEqual(1)
    expect(stopwatch.totalMs).toBe(100_000)
  })
})
