import { describe, expect, test } from 'vitest'
import { Meters, SampledRate, TokenBucket } from './meters.ts'

describe('a rate', () => {
  test('is measured over ten windows from the first record on, as if there had been silence before', () => {
    const rate = new SampledRate()
    rate.record(12_000, 500)
    // 1,200 a second are 20 percent too much: two seconds.
    expect(rate.throttleMs(1_000, 500)).toBe(2_000)
    expect(rate.throttleMs(1_200, 500)).toBe(0)
    // Within a window time helps; a window that passes takes the place of one in which there was silence.
    expect(rate.throttleMs(1_000, 1_400)).toBe(1_100)
    expect(rate.throttleMs(1_000, 2_500)).toBe(2_000)
    expect(rate.throttleMs(1_000, 10_500)).toBe(2_000)
    expect(rate.throttleMs(1_000, 11_400)).toBe(1_100)
  })

  test('falls to the limit within the throttle time, while the window is not full', () => {
    const rate = new SampledRate()
    rate.record(10_500, 0)
    expect(rate.throttleMs(1_000, 0)).toBe(500)
    expect(rate.throttleMs(1_000, 500)).toBe(0)
  })

  test('keeps a burst for eleven seconds, and then knows nothing of it', () => {
    const rate = new SampledRate()
    rate.record(100_000, 0)
    expect(rate.isIdle(10_999)).toBe(false)
    expect(rate.throttleMs(1_000, 10_999)).toBeGreaterThan(0)
    expect(rate.isIdle(11_000)).toBe(true)
    expect(rate.throttleMs(1_000, 11_000)).toBe(0)
  })

  test('is that of a steady stream', () => {
    const rate = new SampledRate()
    for (let now = 0; now <= 60_000; now += 100) {
      rate.record(100, now)
      expect(rate.throttleMs(1_011, now)).toBe(0)
    }
    expect(rate.throttleMs(990, 60_000)).toBeGreaterThan(0)
  })

  test('is what it was when something is taken back', () => {
    const rate = new SampledRate()
    rate.record(5_000, 0)
    rate.record(8_000, 700)
    rate.record(-8_000, 700)
    expect(rate.throttleMs(500, 700)).toBe(0)
    expect(rate.throttleMs(400, 700)).toBe(Math.round((5_000 / 10.7 / 400 - 1) * 10_700))
  })
})

describe('a bucket', () => {
  test('gives eleven seconds at once, may be overdrawn once, and fills with time', () => {
    const bucket = new TokenBucket()
    bucket.take(21, 2, 1_000)
    expect(bucket.throttleMs(2, 1_000)).toBe(0)
    bucket.take(5, 2, 1_000)
    expect(bucket.throttleMs(2, 1_000)).toBe(2_000)
    expect(bucket.throttleMs(2, 2_500)).toBe(500)
    expect(bucket.throttleMs(2, 3_000)).toBe(0)
    expect(bucket.isIdle(13_999)).toBe(false)
    expect(bucket.isIdle(14_000)).toBe(true)
    bucket.take(23, 2, 100_000)
    expect(bucket.throttleMs(2, 100_000)).toBe(500)
  })
})

test('of ten thousand clients that come once, the idle ones are forgotten', () => {
  const meters = new Meters(() => new SampledRate())
  for (let client = 0; client < 10_000; client++) {
    const now = client * 100
    meters.of(`c${client}`, now).record(1, now)
    expect(meters.size).toBeLessThanOrEqual(1_000)
  }
  expect(meters.of('c9999', 999_900).isIdle(999_900)).toBe(false)
})
